/** The write-ahead order of audit.md: decisions durable, then acts, then outcomes, batch by batch. Knows no cloud and no policy. */
import { attributesToJson } from '../core/attributes.ts';
import type { DecisionData } from '../audit/record.ts';
import { carryOut, type SentCounts } from './carry-out.ts';
import type { Judgement } from './judge.ts';
import type { Outcome } from './outcome.ts';
import type { Run } from './run.ts';

/** At most this many connections are decided before the first of them is acted on. */
const BATCH_SIZE = 500;

/**
 * Writes and carries out all judgements. A hold whose decision id is in `knownHolds` is in the trail already and is neither
 * written nor counted into a batch. Returns the outcome of every other judgement.
 *
 * INVARIANT: no accept or reject is sent before its decision record is durable. Outcome records may still be buffered when
 * this returns; the run's last flush makes them durable.
 *
 * @throws StoreError when a record cannot be written; nothing of that batch has been sent then.
 */
export async function writeAndCarryOut(
  judgements: readonly Judgement[],
  knownHolds: ReadonlySet<string>,
  run: Run,
): Promise<ReadonlyMap<Judgement, Outcome>> {
  const outcomes = new Map<Judgement, Outcome>();
  const toWrite = judgements.filter(
    ({ decision, decisionId }) => decision.effect !== 'hold' || !knownHolds.has(decisionId),
  );
  const sent: SentCounts = new Map();
  for (let start = 0; start < toWrite.length; start += BATCH_SIZE) {
    const batch = toWrite.slice(start, start + BATCH_SIZE);
    for (const judgement of batch) run.log.append('decision', decisionData(judgement, run), judgement.ref);
    if (batch.some(({ decision }) => decision.effect !== 'hold')) await run.log.flush();
    const results = await carryOut(batch, sent, run);
    for (const [i, judgement] of batch.entries()) {
      const outcome = results[i];
      if (!outcome) throw new TypeError('carryOut left a judgement without an outcome');
      outcomes.set(judgement, outcome);
      run.log.append('outcome', outcome, judgement.ref);
      if (outcome.status === 'withheld' && outcome.by === 'deadline') run.isComplete = false;
    }
  }
  return outcomes;
}

function decisionData({ decision, decisionId, connection, attributes }: Judgement, run: Run): DecisionData {
  return {
    decision_id: decisionId,
    connection: connection.record,
    attributes: attributesToJson(attributes),
    effect: decision.effect,
    cause: decision.cause,
    rules: decision.rules,
    reason: decision.reason,
    unknown: decision.unknown,
    policy: { name: run.policy.name, digest: run.policy.digest },
  };
}
