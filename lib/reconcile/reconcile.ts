/** One run over one connection: what an event or a person starts. The event only names it; every fact is read from the cloud. */
import { CloudError } from '../cloud/cloud-error.ts';
import type { EndpointServices } from '../cloud/endpoint-services.ts';
import type { Connection, ConnectionRef, Service } from '../core/connection.ts';
import { beginRun, finishRun, judgeAndFinish, type RunRequest, type RunSettings } from './execute.ts';
import {
  gatherConnection,
  hasTags,
  reportFailure,
  reportUnknownStates,
  serviceRefOf,
  targetRefOf,
  withTags,
} from './gather.ts';
import type { Run, Target } from './run.ts';
import type { ConnectionResult, RunResult } from './run-result.ts';

/** The result of a run over one connection. */
export interface ReconcileResult extends RunResult {
  /**
   * `judged`: it was pending. `superseded`: it is there and no longer pending. `no-connection`: the service has no such
   * connection, or none yet. `not-governed`: no target has the service. `unreachable`: see the findings.
   */
  readonly verdict: 'judged' | 'superseded' | 'no-connection' | 'not-governed' | 'unreachable';
}

/**
 * Judges one connection.
 *
 * @throws StoreError when the trail cannot be read or written: then nothing more was sent than the trail says.
 */
export async function reconcile(
  settings: RunSettings,
  request: RunRequest,
  { serviceId, endpointId }: { readonly serviceId: string; readonly endpointId: string },
): Promise<ReconcileResult> {
  const run = beginRun(settings, request);
  try {
    return await reconcileIn(run, settings.targets, serviceId, endpointId);
  } finally {
    run.time.dispose();
  }
}

async function reconcileIn(
  run: Run,
  targets: readonly Target[],
  serviceId: string,
  endpointId: string,
): Promise<ReconcileResult> {
  const found = await findService(targets, serviceId, run);
  if (!found) return end(run, run.isComplete ? 'not-governed' : 'unreachable');
  const { port, service } = found;
  const connection = await tryRead(run, port, serviceId, () =>
    port.getConnection(serviceId, endpointId, { signal: run.time.stopping }),
  );
  if (connection === undefined) return end(run, 'unreachable');
  if (connection === null) return end(run, 'no-connection');
  const ref = { ...serviceRefOf(port, serviceId), endpointId };
  reportUnknownStates([connection], serviceRefOf(port, serviceId), run);
  if (connection.state !== 'pending') return supersede(run, ref, connection);
  const gathered = await gatherConnection(port, service, connection, run);
  if (!gathered) return end(run, 'unreachable');
  if (gathered.pending.length === 0) return supersede(run, ref, connection);
  const { result } = await judgeAndFinish([gathered], new Set(), run);
  return { ...result, verdict: 'judged' };
}

/** Nothing is decided about a connection that is not pending, so the trail has no decision and no outcome for it. */
async function supersede(run: Run, ref: ConnectionRef, { domainId, state }: Connection): Promise<ReconcileResult> {
  const superseded: ConnectionResult = {
    ref,
    domainId,
    effect: null,
    cause: null,
    rules: [],
    reason: state === 'unknown' ? 'in a state that this build does not know' : 'no longer pending',
    outcome: { status: 'superseded', state },
  };
  const { result } = await finishRun([], new Set(), run);
  return { ...result, connections: [superseded], verdict: 'superseded' };
}

async function end(run: Run, verdict: ReconcileResult['verdict']): Promise<ReconcileResult> {
  const { result } = await finishRun([], new Set(), run);
  return { ...result, verdict };
}

/** Finds the governed service with this id. The first target that has it wins: ids are unique over the cloud. */
async function findService(
  targets: readonly Target[],
  serviceId: string,
  run: Run,
): Promise<{ readonly port: EndpointServices; readonly service: Service } | null> {
  for (const { port, selection } of targets) {
    if (selection.by === 'ids' && !selection.ids.includes(serviceId)) continue;
    const service = await tryRead(run, port, null, () => port.getService(serviceId, { signal: run.time.stopping }));
    if (!service) continue;
    if (selection.by !== 'tags') return { port, service };
    const tagged = await withTags(port, service, run);
    if (hasTags(tagged, selection.tags, port, run)) return { port, service: tagged };
  }
  return null;
}

async function tryRead<T>(
  run: Run,
  port: EndpointServices,
  serviceId: string | null,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const subject = serviceId === null ? targetRefOf(port) : serviceRefOf(port, serviceId);
    reportFailure(run, subject, error.code, error.message, error);
    return undefined;
  }
}
