/** The write-ahead order of audit.md: decisions durable, then acts, then outcomes, batch by batch. Knows no cloud and no policy. */
import { attributesToJson } from '../core/attributes.ts';
import type { DecisionData } from '../audit/record.ts';
import { annotate, toAnnotate } from './annotate.ts';
import { type Acquaintances, carryOut } from './carry-out.ts';
import type { Judgement } from './judge.ts';
import type { Outcome } from './outcome.ts';
import { driftFinding, revokedFinding } from './review.ts';
import { type Run, report } from './run.ts';

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
  const known: Acquaintances = new Map();
  for (let start = 0; start < toWrite.length; start += BATCH_SIZE) {
    const batch = toWrite.slice(start, start + BATCH_SIZE);
    for (const judgement of batch) run.log.append('decision', decisionData(judgement, run), judgement.ref);
    const isActing = batch.some(({ decision }) => decision.effect !== 'hold') || toAnnotate(batch, run).length > 0;
    if (isActing) await run.log.flush();
    const results = await carryOut(batch, known, run);
    for (const [i, judgement] of batch.entries()) {
      const outcome = results[i];
      if (!outcome) throw new TypeError('carryOut left a judgement without an outcome');
      outcomes.set(judgement, outcome);
      run.log.append('outcome', outcome, judgement.ref);
      reportReview(judgement, outcome, run);
      if (outcome.status === 'withheld' && outcome.by === 'deadline') run.isComplete = false;
    }
    const settled = batch.filter((judgement) => isSettled(outcomes.get(judgement)));
    await annotate(toAnnotate(settled, run), run);
    // Nothing may pile up: with nothing to wait for, a batch would stay in memory until the end.
    if (!isActing && start + BATCH_SIZE < toWrite.length) await run.log.flush();
  }
  // Holds that are in the trail already may still lack their description.
  const unwritten = judgements.filter((judgement) => !outcomes.has(judgement));
  for (const judgement of unwritten) reportReview(judgement, undefined, run);
  await annotate(toAnnotate(unwritten, run), run);
  return outcomes;
}

/** What became of an accepted connection that a reject rule matches; without an outcome it is held as it was before. */
function reportReview({ connection, decision, ref }: Judgement, outcome: Outcome | undefined, run: Run): void {
  // What was superseded is not accepted any more.
  if (connection.state !== 'accepted' || outcome?.status === 'superseded') return;
  const isRevoked = decision.effect === 'reject' && outcome?.status === 'applied';
  const { subject: _, ...finding } = isRevoked ? revokedFinding(ref, decision) : driftFinding(ref, decision);
  report(run, finding, ref);
}

/** Whether the connection is now as its decision says, so that a description of it is true. */
function isSettled(outcome: Outcome | undefined): boolean {
  if (outcome?.status === 'withheld') return outcome.by === 'hold';
  return outcome?.status === 'applied' || outcome?.status === 'submitted';
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
