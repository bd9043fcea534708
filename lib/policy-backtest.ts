/** Asks two policies what they would have decided about the connections of a past trail. Reads the trail; writes nothing. */
import type { TrailStore } from './audit/store.ts';
import { listRuns, readRecords, TrailError, type TrailRun } from './audit/trail-reader.ts';
import { readPastDecision } from './past-decision.ts';
import { compareAt, type Comparison, diffOf, type PolicyDiff, type PolicyPair } from './policy-diff.ts';

/** What came of a backtest. */
export interface Backtest {
  readonly diff: PolicyDiff;
  readonly runs: number;
  /** Decision records read; a connection can have several, of which the latest counts. */
  readonly decisions: number;
  /** What could not be read and is not in `diff`, one line each: the first hundred. */
  readonly problems: readonly string[];
  readonly problemCount: number;
  /** False when it was stopped before the end. */
  readonly isWhole: boolean;
}

/** How to run one. */
export interface BacktestOptions {
  /** Aborted when it should come to its end. */
  readonly stop?: AbortSignal;
  /** Gets the number of decision records read so far, after each segment. */
  readonly observe?: (decisions: number) => void;
}

const PROBLEMS_MAX = 100;

interface Latest {
  readonly time: number;
  readonly comparison: Comparison;
}

/**
 * Compares the policies over every connection of the trail (a connection request is new when its `created_at` is), each at its
 * latest decision record and at that record's own time. Holds one segment and, for each connection, its key and result in
 * memory; the attributes of connections that do not change are not kept.
 *
 * A run that is damaged counts up to the damage and is named in `problems`.
 *
 * @throws StoreError when the store cannot be read.
 */
export async function backtest(store: TrailStore, pair: PolicyPair, options: BacktestOptions = {}): Promise<Backtest> {
  const { stop, observe } = options;
  const reads = [...new Set([...pair.from.reads, ...pair.to.reads])];
  const latest = new Map<string, Latest>();
  const problems: string[] = [];
  let problemCount = 0;
  let runs = 0;
  let decisions = 0;

  function complain(problem: string): void {
    problemCount += 1;
    if (problems.length < PROBLEMS_MAX) problems.push(problem);
  }

  async function addRun(run: TrailRun): Promise<void> {
    let segment = '';
    for await (const { record, key, line } of readRecords(store, run)) {
      if (stop?.aborted) return;
      if (key !== segment) observe?.(decisions);
      segment = key;
      if (record.type !== 'vpcep-approver.decision.v1') continue;
      decisions += 1;
      const decision = readPastDecision(record, reads);
      if (typeof decision === 'string') {
        complain(`\`${key}\` line ${line}: ${decision}`);
        continue;
      }
      const { subject, time, createdAt, domainId, attributes } = decision;
      const connection = JSON.stringify([subject, createdAt]);
      if ((latest.get(connection)?.time ?? Number.NEGATIVE_INFINITY) > time) continue;
      const comparison = compareAt(pair, attributes, time, () => ({
        id: subject,
        ...(domainId !== null && { domain_id: domainId }),
        time: new Date(time).toISOString(),
      }));
      latest.set(connection, { time, comparison });
    }
  }

  for await (const run of listRuns(store)) {
    if (stop?.aborted) break;
    runs += 1;
    try {
      await addRun(run);
    } catch (error) {
      if (!(error instanceof TrailError)) throw error;
      complain(`${error.message}; the rest of this run is left out`);
    }
  }
  const isWhole = stop?.aborted !== true;
  return { diff: diffOf(comparisonsIn(latest)), runs, decisions, problems, problemCount, isWhole };
}

function* comparisonsIn(latest: ReadonlyMap<string, Latest>): Generator<Comparison> {
  for (const { comparison } of latest.values()) yield comparison;
}
