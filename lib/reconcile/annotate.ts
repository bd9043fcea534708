/** Writes effect and reason into connections' descriptions, so that the requester sees why. Never part of a decision: what fails here fails nothing else. */
import { CloudError } from '../cloud/cloud-error.ts';
import type { Effect } from '../core/policy.ts';
import type { GatheredService } from './gather.ts';
import { groupBy } from './group-by.ts';
import type { Judgement } from './judge.ts';
import { isOverdue, type Run, report } from './run.ts';

/** What the API takes, in characters; see the vendor's page on updating descriptions. */
const DESCRIPTION_MAX = 512;

const WORDS: Readonly<Record<Effect, string>> = { accept: 'accepted', reject: 'rejected', hold: 'held for a person' };

/** Returns the text for a decision: at most 512 characters, without `<` and `>`, which the API refuses. */
export function annotationFor({ decision }: Judgement): string {
  const rules = decision.rules.length > 0 ? ` (${decision.rules.join(', ')})` : '';
  const text = `vpcep-approver: ${WORDS[decision.effect]}: ${decision.reason}${rules}`
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
  if (text.length <= DESCRIPTION_MAX) return text;
  // Cut by code unit, and not through a surrogate pair.
  return `${text.slice(0, DESCRIPTION_MAX - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** The judgements whose connection does not say yet what it should. An unknown description is left alone. */
export function toAnnotate(judgements: readonly Judgement[], run: Run): readonly Judgement[] {
  if (!run.annotates) return [];
  return judgements.filter((judgement) => {
    const { description } = judgement.connection;
    const isReadable = description === null || typeof description === 'string';
    return judgement.source.port.canDescribe && isReadable && description !== annotationFor(judgement);
  });
}

/** Writes the descriptions, many a call. Their decisions must be durable. A failure becomes one finding for each service. */
export async function annotate(judgements: readonly Judgement[], run: Run): Promise<void> {
  const groups = groupBy(judgements, (judgement) => judgement.source);
  await Promise.all([...groups].map(([service, group]) => annotateService(service, group, run)));
}

async function annotateService({ port, ref }: GatheredService, group: readonly Judgement[], run: Run): Promise<void> {
  if (run.time.stopping.aborted || isOverdue(run)) return;
  const descriptions = new Map(group.map((judgement) => [judgement.ref.endpointId, annotationFor(judgement)]));
  try {
    await port.describeConnections(ref.serviceId, descriptions, { signal: run.time.stopping });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    // Dry-run withholds the call, and without time the next change of the connection's decision writes it.
    if (error.code === 'dry-run' || error.code === 'deadline') return;
    report(
      run,
      {
        code: 'annotation-failed',
        severity: 'warning',
        message: `descriptions could not be written: ${error.message}`,
        details: { code: error.code, connections: group.length },
      },
      ref,
    );
  }
}
