/** What a run came to, in data: the counts of `run.finished` and every connection with decision and outcome. Formats nothing. */
import type { OutcomeError, RunCounts } from '../audit/record.ts';
import type { ConnectionRef, ConnectionState } from '../core/connection.ts';
import type { Digest } from '../core/digest.ts';
import type { Fact } from '../core/fact.ts';
import type { Effect } from '../core/policy.ts';
import type { Judgement, RunDecision } from './judge.ts';
import type { Outcome } from './outcome.ts';
import type { Finding, Run } from './run.ts';

/** One connection of a run. */
export interface ConnectionResult {
  readonly ref: ConnectionRef;
  readonly domainId: Fact<string>;
  /** `null` when the connection was superseded: then nothing was done for this decision, if there was one at all. */
  readonly effect: Effect | null;
  readonly cause: RunDecision['cause'] | null;
  readonly rules: readonly string[];
  readonly reason: string;
  readonly outcome: {
    readonly status: Outcome['status'];
    readonly by?: 'hold' | 'dry-run' | 'deadline';
    readonly state: ConnectionState;
    readonly error?: OutcomeError;
  };
}

/** What a run came to. */
export interface RunResult {
  readonly runId: string;
  readonly mode: Run['mode'];
  readonly policy: { readonly name: string; readonly digest: Digest };
  readonly counts: RunCounts;
  readonly isComplete: boolean;
  /** By service id, then endpoint id. */
  readonly connections: readonly ConnectionResult[];
  readonly findings: readonly Finding[];
}

/** Joins a judgement with its outcome. A hold that stands in the trail already has no outcome of this run. */
export function connectionResult(
  { ref, connection, decision }: Judgement,
  outcome: Outcome | undefined,
): ConnectionResult {
  const status = outcome?.status ?? 'withheld';
  const by = outcome ? outcome.by : 'hold';
  return {
    ref,
    domainId: connection.domainId,
    effect: status === 'superseded' ? null : decision.effect,
    cause: decision.cause,
    rules: decision.rules,
    reason: decision.reason,
    outcome: {
      status,
      ...(by && { by }),
      state: outcome?.state ?? connection.state,
      ...(outcome?.error && { error: outcome.error }),
    },
  };
}

/**
 * Counts a run. `accepted` and `rejected` are what was read back as such, `held` every hold, also those not written again;
 * what the deadline or dry-run withheld is in `listed` alone.
 */
export function countRun(results: readonly ConnectionResult[]): RunCounts {
  const counts = { listed: results.length, accepted: 0, rejected: 0, held: 0, superseded: 0, failed: 0, submitted: 0 };
  for (const { effect, outcome } of results) {
    if (effect === 'hold') counts.held++;
    else if (outcome.status === 'applied') counts[effect === 'accept' ? 'accepted' : 'rejected']++;
    else if (outcome.status !== 'withheld') counts[outcome.status]++;
  }
  return counts;
}

/** Orders results by service id, then endpoint id, by code unit. */
export function compareResults(a: ConnectionResult, b: ConnectionResult): number {
  return compare(a.ref.serviceId, b.ref.serviceId) || compare(a.ref.endpointId, b.ref.endpointId);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
