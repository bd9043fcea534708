/** Closes runs that died: reads back what became of their open decisions and writes the outcomes they could not. Sends no accept or reject. */
import { claimDeadRun, findDeadRuns, type ClaimedRun, type OpenDecision } from '../audit/dead-runs.ts';
import type { TrailStore } from '../audit/store.ts';
import { TrailError } from '../audit/trail-reader.ts';
import { CloudError } from '../cloud/cloud-error.ts';
import { handlingOf } from '../cloud/handling.ts';
import { NO_SUCH_CLUSTER } from '../cloud/css-codes.ts';
import { NO_SUCH_SERVICE } from '../cloud/vpcep-codes.ts';
import { type FindingData, subjectOf } from '../audit/record.ts';
import type { Connection, ConnectionState, ServiceRef } from '../core/connection.ts';
import { groupBy } from './group-by.ts';
import type { Outcome } from './outcome.ts';
import { readStates } from './read-states.ts';
import { type Run, report, type Target } from './run.ts';

/**
 * Recovers every dead run of the trail that nobody else is recovering, as far as its share of the time allows. Returns the time
 * before which all runs are known to be closed, for the cache, or `null` when nothing is known.
 *
 * @throws StoreError when the trail cannot be read or written.
 */
export async function recoverDeadRuns(
  store: TrailStore,
  closedBefore: number | null,
  targets: readonly Target[],
  run: Run,
): Promise<number | null> {
  const now = run.startedAt;
  const { runMinutes } = run.limits;
  const stop = run.time.recovering;
  try {
    const search = await findDeadRuns(store, { now, runMinutes, closedBefore, stop });
    if (!search) return postponed('the search of the trail for dead runs was not through in time', closedBefore, run);
    let isClosed = true;
    for (const [i, dead] of search.deadRuns.entries()) {
      const left = search.deadRuns.length - i;
      if (stop.aborted) return postponed(`${left} dead runs were not recovered in time`, closedBefore, run);
      const claimed = await claimDeadRun(store, dead, { runId: run.id, now, runMinutes });
      if (!claimed || !(await recoverRun(claimed, targets, run))) isClosed = false;
    }
    return isClosed ? search.closedBefore : closedBefore;
  } catch (error) {
    if (!(error instanceof TrailError)) throw error;
    // A damaged record must not stop the door for good: it is reported, and the runs behind it stay open.
    const details = { code: error.code };
    report(run, { code: 'trail-damaged', severity: 'error', message: error.message, details }, null);
    return closedBefore;
  }
}

function postponed(message: string, closedBefore: number | null, run: Run): number | null {
  report(run, { code: 'recovery-postponed', severity: 'warning', message, details: {} }, null);
  return closedBefore;
}

/** Writes a dead run's outcomes. Returns false, having written nothing, when the cloud cannot be asked about one of them now. */
async function recoverRun(dead: ClaimedRun, targets: readonly Target[], run: Run): Promise<boolean> {
  const states = await readOpenStates(dead.decisions, targets, run);
  if (!states) return false;
  const outcomes = dead.decisions.map((open) => outcomeOf(open, states.get(open)));
  run.log.append('run.recovered', { run_id: dead.runId, decisions: outcomes.map(({ decision_id }) => decision_id) });
  for (const [i, outcome] of outcomes.entries())
    run.log.append('outcome', outcome, (dead.decisions[i] as OpenDecision).ref);
  // All or nothing: a crash in here must not leave half of the outcomes for the next sweep to write again.
  await run.log.flush({ inOneSegment: true });
  run.observe({ stage: 'recovered', runId: dead.runId, decisions: outcomes.length });
  return true;
}

/** What was read of a connection, or why it never can be. */
type OpenState = { readonly seen: Connection | null } | { readonly unreadable: NonNullable<Outcome['error']> };

/** Reads what became of open decisions, many connections a call. Returns `null`, after a finding, when that may work later. */
async function readOpenStates(
  decisions: readonly OpenDecision[],
  targets: readonly Target[],
  run: Run,
): Promise<ReadonlyMap<OpenDecision, OpenState> | null> {
  const states = new Map<OpenDecision, OpenState>();
  const sent = decisions.filter(({ data, mode }) => data.effect !== 'hold' && mode !== 'dry-run');
  for (const group of groupBy(sent, ({ ref }) => subjectOf(serviceOf(ref))).values()) {
    const ref = serviceOf((group[0] as OpenDecision).ref);
    const target = targets.find(({ port }) => isSameTarget(port, ref));
    if (!target) {
      for (const open of group) states.set(open, { unreadable: NOT_GOVERNED });
      continue;
    }
    const found = await readGroup(target, ref, group, run);
    if (!found) return null;
    for (const open of group) states.set(open, found(open));
  }
  return states;
}

async function readGroup(
  { port }: Target,
  ref: ServiceRef,
  group: readonly OpenDecision[],
  run: Run,
): Promise<((open: OpenDecision) => OpenState) | null> {
  const ids = group.map((open) => open.ref.endpointId);
  try {
    const seen = await readStates({ port, ref }, ids, run.time.recovering);
    if (ids.every((id) => seen.get(id) !== undefined)) {
      return (open) => ({ seen: seen.get(open.ref.endpointId) ?? null });
    }
    report(run, failure('the list of its connections was not complete', 'incomplete'), ref);
    return null;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    // With its service a connection is gone for good: waiting for it would leave the decision open for ever.
    if (error.hasCode(...NO_SUCH_SERVICE, ...NO_SUCH_CLUSTER)) return () => ({ seen: null });
    if (handlingOf(error) !== 'configuration' || isOurFault(error)) {
      report(run, failure(error.message, error.code), ref);
      return null;
    }
    // Nobody will be let in to look again: the run must not stay open behind a door that is closed for good.
    const unreadable = errorOf(error.code, `the run died, and the state cannot be read: ${error.message}`);
    return () => ({ unreadable });
  }
}

/** Credentials that are refused today are put right tomorrow, and the connections can be read then. */
function isOurFault({ code, httpStatus }: CloudError): boolean {
  return httpStatus === 401 || code === 'credentials-refused';
}

function failure(message: string, code: string): FindingData {
  const text = `a dead run's connections could not be read, so it stays open: ${message}`;
  return { code: 'recovery-failed', severity: 'warning', message: text, details: { code } };
}

function serviceOf({ kind, region, projectId, serviceId }: ServiceRef): ServiceRef {
  return { kind, region, projectId, serviceId };
}

function outcomeOf({ data, mode }: OpenDecision, state: OpenState | undefined): Outcome {
  const facts = { decision_id: data.decision_id, attempts: 0, request_ids: [], recovered: true as const };
  // Only a review of accepted connections decides about any that are not pending.
  const before = data.connection.status === 'accepted' ? 'accepted' : 'pending';
  if (data.effect === 'hold') return { ...facts, status: 'withheld', by: 'hold', state: before };
  if (mode === 'dry-run') return { ...facts, status: 'withheld', by: 'dry-run', state: before };
  if (!state) throw new TypeError('an open decision without a state');
  if ('unreadable' in state) return { ...facts, status: 'failed', state: 'unknown', error: state.unreadable };
  return { ...facts, ...endOf(data.effect, before, state.seen) };
}

type RecoveredEnd =
  | { readonly status: 'applied' | 'submitted' | 'superseded'; readonly state: ConnectionState }
  | { readonly status: 'failed'; readonly state: ConnectionState; readonly error: NonNullable<Outcome['error']> };

/** Whether the dead run's call ever left cannot be known; the state tells what the decision came to. */
function endOf(effect: 'accept' | 'reject', before: 'pending' | 'accepted', seen: Connection | null): RecoveredEnd {
  if (seen === null) return { status: 'superseded', state: before };
  const { state } = seen;
  if (state === (effect === 'accept' ? 'accepted' : 'rejected')) return { status: 'applied', state };
  if (state === 'creating' && effect === 'accept') return { status: 'submitted', state };
  if (state === before || state === 'unknown') {
    return {
      status: 'failed',
      state,
      error: errorOf('run-died', 'the run died before the decision took effect', true),
    };
  }
  return { status: 'superseded', state };
}

const NOT_GOVERNED = errorOf(
  'not-governed',
  'the run died, and its target is not governed any more, so the state was not read',
);

function errorOf(code: string, message: string, retryable = false): NonNullable<Outcome['error']> {
  return { code, http_status: null, message, retryable };
}

function isSameTarget(
  a: { readonly kind: string; readonly region: string; readonly projectId: string },
  b: { readonly kind: string; readonly region: string; readonly projectId: string },
): boolean {
  return a.kind === b.kind && a.region === b.region && a.projectId === b.projectId;
}
