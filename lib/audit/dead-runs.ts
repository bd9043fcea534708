/**
 * Finds the runs that died and hands each to exactly one sweep, with the decisions it left open. Reads no cloud and writes no
 * record: the sweep does, before anything else it does.
 *
 * A sweep recovers one dead run by appending `run.recovered` and then one `recovered` outcome per open decision, in the order
 * of its `decisions`, and flushing them `inOneSegment`: a crash leaves the dead run closed or untouched, nothing in between.
 */
import { canonicalJson } from '../core/canonical-json.ts';
import type { ConnectionRef } from '../core/connection.ts';
import { connectionRefOf, type DecisionData, type RunMode } from './record.ts';
import { hourOf, isRunId, parseSegmentKey } from './segment-key.ts';
import { isTaken, type TrailStore } from './store.ts';
import { findRun, isFinished, listRuns, readRecords, TrailError, type TrailRun } from './trail-reader.ts';

/** How far the clocks of two machines may lie apart before a run can hide behind `closedBefore`. */
const CLOCK_SKEW_MS = 10 * 60_000;
/** Segments read at once. */
const READS_AT_ONCE = 16;
const RUNS_PER_SEARCH = 5_000;

/** What a search for dead runs needs. */
export interface DeadRunSearch {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /**
   * `limits.run_minutes`: the longest a run may take. Every run ends itself within it, counted from its run id, which is what
   * makes an older run without `run.finished` a dead one. The same for all that write to one store.
   */
  readonly runMinutes: number;
  /** From `readHeld`: every run that began earlier is known to be closed. `null`: search the whole trail. */
  readonly closedBefore: number | null;
  /** About how many runs to look at; past it the search ends at the next full hour, and the next one goes on from there. Default 5,000. */
  readonly runs?: number;
  /** Aborted when the search must end. */
  readonly stop?: AbortSignal;
}

/** What a search found. */
export interface DeadRunFindings {
  /** Dead runs that no `run.recovered` record names, in order of their first segments. Some may be claimed already. */
  readonly deadRuns: readonly TrailRun[];
  /** For `writeHeld`: every run that began earlier has finished or was recovered. Never later than the oldest of `deadRuns`. */
  readonly closedBefore: number;
}

/** A decision that a dead run left without outcome. */
export interface OpenDecision {
  readonly ref: ConnectionRef;
  readonly data: DecisionData;
  /** The dead run's: in `dry-run` nothing was ever sent. */
  readonly mode: RunMode;
}

/** A dead run that this sweep, and no other, has to recover. */
export interface ClaimedRun {
  readonly runId: string;
  /** In writing order; empty when the run died with nothing open. It is recovered all the same, or it would be found again. */
  readonly decisions: readonly OpenDecision[];
}

/**
 * Returns the dead runs of the trail that are not recovered yet, or `null` when `stop` came before the search was through. Reads the last segments of the runs that came of age since
 * the search before, and the records of later runs only when one of them is dead.
 *
 * @throws TrailError when a segment it reads is damaged; StoreError.
 */
export async function findDeadRuns(store: TrailStore, search: DeadRunSearch): Promise<DeadRunFindings | null> {
  const { now, runMinutes, stop } = search;
  const deadBefore = now - runMinutes * 60_000;
  // A cache from the future is no cache: it would hide every run that dies until then.
  const since = search.closedBefore !== null && search.closedBefore <= deadBefore ? search.closedBefore : null;
  const { aged, endedAt } = await listAged(store, { ...search, since, deadBefore });
  const unfinished = await unfinishedOf(store, aged, stop);
  const recovered = await recoveredAmong(store, unfinished, stop);
  // Fail closed: a search that was cut short may take a recovered run for an open one.
  if (stop?.aborted) return null;
  const deadRuns = unfinished.filter((run) => !recovered.has(run.runId));
  const limits = [deadBefore - CLOCK_SKEW_MS, endedAt, ...deadRuns.map((run) => run.startedAt)];
  return {
    deadRuns,
    closedBefore: Math.max(
      0,
      limits.reduce((least, limit) => Math.min(least, limit)),
    ),
  };
}

/**
 * Claims a dead run for the sweep `runId` and returns what to recover; `null` when it is another sweep's or already recovered.
 *
 * A claim is a create-only object that names its claimer. It is respected while the claimer may still write (younger than
 * `runMinutes` and unfinished) or when its trail holds the `run.recovered`; else the next number is claimed. So at any time at
 * most one run may recover a dead one. `now` may be older than the present, which only makes claims respected longer.
 *
 * @throws TrailError when a segment or claim it reads is damaged; StoreError.
 */
export async function claimDeadRun(
  store: TrailStore,
  deadRun: TrailRun,
  claim: { readonly runId: string; readonly now: number; readonly runMinutes: number },
): Promise<ClaimedRun | null> {
  const folder = `state/recovery/${deadRun.runId}/`;
  const last = await lastClaim(store, folder);
  if (last !== null && !(await isGivenUp(store, last.claimer, deadRun.runId, claim))) return null;
  if (last?.claimer !== claim.runId) {
    const key = `${folder}${String((last?.number ?? 0) + 1).padStart(3, '0')}.json`;
    try {
      await store.create(key, Buffer.from(`${canonicalJson({ run_id: claim.runId })}\n`));
    } catch (error) {
      if (isTaken(error)) return null;
      throw error;
    }
  }
  return { runId: deadRun.runId, decisions: await openDecisions(store, deadRun) };
}

/** The runs that are old enough to be dead, and the time before which no other run can have begun unseen. */
async function listAged(
  store: TrailStore,
  search: DeadRunSearch & { readonly since: number | null; readonly deadBefore: number },
): Promise<{ readonly aged: readonly TrailRun[]; readonly endedAt: number }> {
  const { since, deadBefore, runMinutes, stop, runs = RUNS_PER_SEARCH } = search;
  const aged: TrailRun[] = [];
  let hour = Number.NEGATIVE_INFINITY;
  for await (const run of listRuns(store, since === null ? {} : { since })) {
    if (stop?.aborted) break;
    const runHour = parseSegmentKey(run.segments[0] ?? '')?.hour ?? hourOf(run.startedAt);
    if (runHour > hour) {
      hour = runHour;
      // A run's first segment may come as late as `runMinutes` after its start; an end that gains nothing is no end.
      const endedAt = hour - runMinutes * 60_000;
      if (aged.length >= runs && endedAt > (since ?? 0)) return { aged, endedAt };
    }
    if (run.startedAt < deadBefore) aged.push(run);
  }
  return { aged, endedAt: Number.POSITIVE_INFINITY };
}

async function unfinishedOf(
  store: TrailStore,
  runs: readonly TrailRun[],
  stop: AbortSignal | undefined,
): Promise<TrailRun[]> {
  const unfinished: TrailRun[] = [];
  for (let at = 0; at < runs.length; at += READS_AT_ONCE) {
    if (stop?.aborted) break;
    const some = runs.slice(at, at + READS_AT_ONCE);
    const finished = await Promise.all(some.map((run) => isFinished(store, run)));
    unfinished.push(...some.filter((_, index) => finished[index] === false));
  }
  return unfinished;
}

/**
 * The ids of those dead runs that some `run.recovered` in the trail names. The trail alone is asked, not the claims: they are
 * below `state/`, whose loss must never make an outcome be written twice.
 */
async function recoveredAmong(
  store: TrailStore,
  deadRuns: readonly TrailRun[],
  stop: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const open = new Set(deadRuns.map((run) => run.runId));
  const recovered = new Set<string>();
  if (open.size === 0) return recovered;
  const since = deadRuns.reduce((least, run) => Math.min(least, run.startedAt), Number.POSITIVE_INFINITY);
  for await (const run of listRuns(store, { since })) {
    for (const runId of await recoveredBy(store, run)) {
      if (open.delete(runId)) recovered.add(runId);
    }
    if (open.size === 0 || stop?.aborted) break;
  }
  return recovered;
}

async function recoveredBy(store: TrailStore, run: TrailRun): Promise<string[]> {
  const runIds: string[] = [];
  for await (const { record } of readRecords(store, run)) {
    if (record.type === 'vpcep-approver.run.recovered.v1') runIds.push(record.data.run_id);
  }
  return runIds;
}

async function lastClaim(
  store: TrailStore,
  folder: string,
): Promise<{ readonly number: number; readonly claimer: string } | null> {
  let number = 0;
  let lastKey = '';
  for await (const key of store.list(folder)) {
    // By number, not by text: after 999 come four digits.
    const found = Number(/^(\d{3,})\.json$/.exec(key.slice(folder.length))?.[1] ?? 0);
    if (found > number) [number, lastKey] = [found, key];
  }
  if (number === 0) return null;
  return { number, claimer: claimerIn(lastKey, await store.read(lastKey)) };
}

function claimerIn(key: string, bytes: Uint8Array | null): string {
  const [, claimer = ''] = /^\{"run_id":"([0-9a-f-]{36})"\}\n$/.exec(Buffer.from(bytes ?? []).toString('utf8')) ?? [];
  // Fail closed: whoever made it may be at work. A person can tell, and delete it.
  if (!isRunId(claimer)) throw new TrailError(key, undefined, 'not a claim; delete it when no sweep is running');
  return claimer;
}

/** True when `claimer` has not recovered the dead run and never will. */
async function isGivenUp(
  store: TrailStore,
  claimer: string,
  deadRunId: string,
  { runId, now, runMinutes }: { readonly runId: string; readonly now: number; readonly runMinutes: number },
): Promise<boolean> {
  const run = await findRun(store, claimer, runMinutes);
  if ((await recoveredBy(store, run)).includes(deadRunId)) return false;
  if (claimer === runId) return true;
  return run.startedAt < now - runMinutes * 60_000 || (await isFinished(store, run));
}

async function openDecisions(store: TrailStore, run: TrailRun): Promise<OpenDecision[]> {
  const open = new Map<string, OpenDecision>();
  let mode: RunMode | null = null;
  for await (const { record, key, line } of readRecords(store, run)) {
    if (record.type === 'vpcep-approver.run.started.v1') {
      mode = record.data.mode;
    } else if (record.type === 'vpcep-approver.decision.v1') {
      const ref = connectionRefOf(record.subject);
      if (mode === null || ref === null) throw new TrailError(key, line, 'a decision before `run.started`');
      open.set(record.data.decision_id, { ref, data: record.data, mode });
    } else if (record.type === 'vpcep-approver.outcome.v1' && record.data.recovered !== true) {
      // A recovered outcome answers an older run's decision, which may well have the same id.
      open.delete(record.data.decision_id);
    }
  }
  return [...open.values()];
}
