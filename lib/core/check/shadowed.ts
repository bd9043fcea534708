/** Finds accept rules that never accept, because one reject or hold rule matches whatever they match. Two such rules together are not looked for. */
import { indexRules, visitCandidates } from '../policy-index.ts';
import type { Rule } from '../policy.ts';
import type { Effort } from './effort.ts';
import type { Formulas } from './formula.ts';
import { coversValidity, type LiveRule, LOOKS_PER_STEP, matchesExample, STEPS_PER_QUESTION } from './live-rule.ts';
import { satisfy } from './satisfy.ts';

/** Questions asked for one rule; the simplest rules are asked about first, and shadows are mostly simple. */
const CANDIDATES_MAX = 64;

/**
 * Returns for each shadowed accept rule the rule that shadows it.
 *
 * Asked is whether the accept rule can be true while the other is false, over known facts only. That is enough: if the
 * accept rule is true while facts are unknown, it is true for every way of filling them in, so the other is true for all of
 * them and hence true or unknown now; and an unknown reject or hold rule holds (policy.md, row 3).
 */
export function findShadowed(
  rules: readonly LiveRule[],
  formulas: Formulas,
  effort: Effort,
): ReadonlyMap<LiveRule, LiveRule> {
  const blockers = new Map<Rule, LiveRule>();
  for (const live of rules) if (live.rule.effect !== 'accept') blockers.set(live.rule, live);
  const index = indexRules([...blockers.keys()]);
  const shadowed = new Map<LiveRule, LiveRule>();
  for (const live of rules) {
    const [example, ...others] = live.examples;
    if (live.rule.effect !== 'accept' || !example) continue;
    const candidates: LiveRule[] = [];
    let looks = index.byAttribute.length;
    visitCandidates(index, example, (rule) => {
      const blocker = blockers.get(rule);
      if (!blocker || candidates.length >= 4 * CANDIDATES_MAX) return;
      looks += 1;
      if (!coversValidity(blocker, live)) return;
      if ([example, ...others].every((each) => matchesExample(rule, each))) candidates.push(blocker);
    });
    if (!effort.spend(looks / LOOKS_PER_STEP)) break;
    candidates.sort((a, b) => sizeOf(a.rule) - sizeOf(b.rule) || a.rule.position - b.rule.position);
    const shadow = candidates
      .slice(0, CANDIDATES_MAX)
      .find((blocker) => isShadow(blocker, live, formulas, effort.part(STEPS_PER_QUESTION)));
    if (shadow) shadowed.set(live, shadow);
  }
  return shadowed;
}

function isShadow(blocker: LiveRule, live: LiveRule, formulas: Formulas, effort: Effort): boolean {
  const question = [formulas.ofRule(live.rule, 'true'), formulas.ofRule(blocker.rule, 'false')];
  return satisfy(question, effort) === 'none';
}

/** How much a rule says. */
function sizeOf(rule: Rule): number {
  return [...rule.when, ...rule.unless].reduce((sum, clause) => sum + clause.length, 0);
}
