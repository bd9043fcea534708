/** Closes runs that died: reads back what became of their open decisions and writes the outcomes they could not. Sends no accept or reject. */
import { claimDeadRun, findDeadRuns, type ClaimedRun, type OpenDecision } from '../audit/dead-runs.ts';
import type { TrailStore } from '../audit/store.ts';
import { TrailError } from '../audit/trail-reader.ts';
import { CloudError } from '../cloud/cloud-error.ts';
import { NO_SUCH_SERVICE } from '../cloud/vpcep-codes.ts';
import type { Connection, ConnectionState } from '../core/connection.ts';
import type { Outcome } from './outcome.ts';
import { type Run, report, type Target } from './run.ts';

/**
 * Recovers every dead run of the trail that nobody else is recovering. Returns the time before which all runs are known to be
 * closed, for the cache, or `null` when nothing is known.
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
  try {
    const search = await findDeadRuns(store, { now, runMinutes, closedBefore });
    let isClosed = true;
    for (const dead of search.deadRuns) {
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

/** Writes a dead run's outcomes. Returns false, having written nothing, when the cloud could not be asked about one of them. */
async function recoverRun(dead: ClaimedRun, targets: readonly Target[], run: Run): Promise<boolean> {
  const outcomes: { decision: OpenDecision; outcome: Outcome }[] = [];
  for (const decision of dead.decisions) {
    const outcome = await recoverOutcome(decision, targets, run);
    if (!outcome) return false;
    outcomes.push({ decision, outcome });
  }
  run.log.append('run.recovered', {
    run_id: dead.runId,
    decisions: outcomes.map(({ outcome }) => outcome.decision_id),
  });
  for (const { decision, outcome } of outcomes) run.log.append('outcome', outcome, decision.ref);
  // All or nothing: a crash in here must not leave half of the outcomes for the next sweep to write again.
  await run.log.flush({ inOneSegment: true });
  run.observe({ stage: 'recovered', runId: dead.runId, decisions: outcomes.length });
  return true;
}

async function recoverOutcome(open: OpenDecision, targets: readonly Target[], run: Run): Promise<Outcome | null> {
  const facts = { decision_id: open.data.decision_id, attempts: 0, request_ids: [], recovered: true as const };
  const { effect } = open.data;
  if (effect === 'hold') return { ...facts, status: 'withheld', by: 'hold', state: 'pending' };
  if (open.mode === 'dry-run') return { ...facts, status: 'withheld', by: 'dry-run', state: 'pending' };
  const target = targets.find(({ port }) => isSameTarget(port, open.ref));
  if (!target) {
    return {
      ...facts,
      status: 'failed',
      state: 'unknown',
      error: errorOf(
        'not-governed',
        'the run died, and its target is not governed any more, so the state was not read',
      ),
    };
  }
  const seen = await read(target, open, run);
  return seen === undefined ? null : { ...facts, ...endOf(effect, seen) };
}

async function read({ port }: Target, { ref }: OpenDecision, run: Run): Promise<Connection | null | undefined> {
  try {
    return await port.getConnection(ref.serviceId, ref.endpointId, { signal: run.time.reading });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    // With its service a connection is gone for good: waiting for it would leave the decision open for ever.
    if (error.hasCode(...NO_SUCH_SERVICE)) return null;
    if (error.code === 'deadline') {
      run.isComplete = false;
      return undefined;
    }
    const message = `a dead run's connection could not be read, so the run stays open: ${error.message}`;
    report(run, { code: 'recovery-failed', severity: 'warning', message, details: { code: error.code } }, ref);
    return undefined;
  }
}

type RecoveredEnd =
  | { readonly status: 'applied' | 'submitted' | 'superseded'; readonly state: ConnectionState }
  | { readonly status: 'failed'; readonly state: ConnectionState; readonly error: NonNullable<Outcome['error']> };

/** Whether the dead run's call ever left cannot be known; the state tells what the decision came to. */
function endOf(effect: 'accept' | 'reject', seen: Connection | null): RecoveredEnd {
  if (seen === null) return { status: 'superseded', state: 'pending' };
  const { state } = seen;
  if (state === (effect === 'accept' ? 'accepted' : 'rejected')) return { status: 'applied', state };
  if (state === 'creating' && effect === 'accept') return { status: 'submitted', state };
  if (state === 'pending' || state === 'unknown') {
    return {
      status: 'failed',
      state,
      error: errorOf('run-died', 'the run died before the decision took effect', true),
    };
  }
  return { status: 'superseded', state };
}

function errorOf(code: string, message: string, retryable = false): NonNullable<Outcome['error']> {
  return { code, http_status: null, message, retryable };
}

function isSameTarget(
  a: { readonly kind: string; readonly region: string; readonly projectId: string },
  b: { readonly kind: string; readonly region: string; readonly projectId: string },
): boolean {
  return a.kind === b.kind && a.region === b.region && a.projectId === b.projectId;
}
