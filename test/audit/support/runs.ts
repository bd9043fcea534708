/** Writes whole runs into a store, as a sweep would. */
import { createRunLog, type RunLog } from '../../../lib/audit/run-log.ts';
import type { TrailStore } from '../../../lib/audit/store.ts';
import type { ClaimedRun } from '../../../lib/audit/dead-runs.ts';
import { appliedData, clockAt, connectionRef, decisionData, finishedData, runIdAt, startedData } from './samples.ts';

/** What a test run does. */
export interface RunScript {
  /** When it begins; also the time in its id. */
  readonly at: number;
  readonly number?: number;
  /** Connections decided, and durable. */
  readonly decides?: readonly number[];
  /** Those of them that get an outcome. */
  readonly ends?: readonly number[];
  readonly finishes?: boolean;
  readonly mode?: 'enforce' | 'dry-run';
}

/** Writes a run, one segment per step, and returns its id. */
export async function writeRun(store: TrailStore, script: RunScript): Promise<string> {
  const { at, number = 0, decides = [], ends = [], finishes = true, mode = 'enforce' } = script;
  const runId = runIdAt(at, number);
  const log = startRun(store, runId, at, mode);
  for (const decided of decides) log.append('decision', decisionData(decided), connectionRef(decided));
  await log.flush();
  for (const ended of ends) log.append('outcome', appliedData(ended), connectionRef(ended));
  await log.flush();
  if (finishes) log.append('run.finished', finishedData());
  await log.flush();
  return runId;
}

/** A run log whose `run.started` is buffered. */
export function startRun(
  store: TrailStore,
  runId: string,
  at: number,
  mode: 'enforce' | 'dry-run' = 'enforce',
): RunLog {
  const log = createRunLog({ store, runId, clock: clockAt(at) });
  log.append('run.started', startedData({ mode }));
  return log;
}

/** Writes what a sweep writes to recover a claimed run, in one segment. */
export async function writeRecovery(log: RunLog, dead: ClaimedRun): Promise<void> {
  log.append('run.recovered', { run_id: dead.runId, decisions: dead.decisions.map(({ data }) => data.decision_id) });
  for (const { ref, data } of dead.decisions) {
    const outcome = {
      decision_id: data.decision_id,
      state: 'accepted',
      attempts: 0,
      request_ids: [],
      recovered: true,
    } as const;
    log.append('outcome', { ...outcome, status: 'applied' }, ref);
  }
  await log.flush({ inOneSegment: true });
}
