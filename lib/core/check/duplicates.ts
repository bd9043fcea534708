/** Finds rules that say the same as another rule, however they are written. Rules of different effect or validity are never the same. */
import type { Rule } from '../policy.ts';
import { indexRules, visitCandidates } from '../policy-index.ts';
import type { BodyKeys } from './body-key.ts';
import type { Effort } from './effort.ts';
import type { Formulas, Wanted } from './formula.ts';
import { type LiveRule, LOOKS_PER_STEP, matchesExample, STEPS_PER_QUESTION } from './live-rule.ts';
import { satisfy } from './satisfy.ts';

/** Questions asked for one rule. */
const CANDIDATES_MAX = 16;

/**
 * Returns for each rule that repeats an earlier one (by its place in the document) that earlier one.
 *
 * First by the form into which equal spellings fall, which costs next to nothing; then by reasoning, among rules that match
 * each other's examples.
 */
export function findDuplicates(
  rules: readonly LiveRule[],
  keys: BodyKeys,
  formulas: Formulas,
  effort: Effort,
): ReadonlyMap<LiveRule, LiveRule> {
  const firsts = new Map<string, LiveRule>();
  const duplicates = new Map<LiveRule, LiveRule>();
  const groups = new Map<string, LiveRule[]>();
  for (const live of rules) {
    const key = keys.of(live.rule);
    const first = firsts.get(key);
    if (first) {
      duplicates.set(live, first);
      continue;
    }
    firsts.set(key, live);
    const { effect, validFrom, validUntil } = live.rule;
    const group = groups.get(`${effect} ${validFrom} ${validUntil}`);
    if (group) group.push(live);
    else groups.set(`${effect} ${validFrom} ${validUntil}`, [live]);
  }
  for (const group of groups.values()) addEquivalents(group, duplicates, formulas, effort);
  return duplicates;
}

function addEquivalents(
  group: readonly LiveRule[],
  duplicates: Map<LiveRule, LiveRule>,
  formulas: Formulas,
  effort: Effort,
): void {
  if (group.length < 2) return;
  const byRule = new Map(group.map((live) => [live.rule, live]));
  const index = indexRules(group.map(({ rule }) => rule));
  for (const live of group) {
    const [example] = live.examples;
    if (!example) continue;
    const candidates: LiveRule[] = [];
    let looks = index.byAttribute.length;
    visitCandidates(index, example, (rule) => {
      const other = byRule.get(rule);
      if (!other || candidates.length >= 4 * CANDIDATES_MAX) return;
      looks += 1;
      if (rule.position >= live.rule.position || duplicates.has(other)) return;
      if (matchEachOther(live, other)) candidates.push(other);
    });
    if (!effort.spend(looks / LOOKS_PER_STEP)) return;
    const first = candidates
      .sort((a, b) => a.rule.position - b.rule.position)
      .slice(0, CANDIDATES_MAX)
      .find((other) => isEquivalent(live.rule, other.rule, formulas, effort));
    if (first) duplicates.set(live, first);
  }
}

function matchEachOther(a: LiveRule, b: LiveRule): boolean {
  return (
    a.examples.every((example) => matchesExample(b.rule, example)) &&
    b.examples.every((example) => matchesExample(a.rule, example))
  );
}

/** One is so, while the other is not: over known and unknown facts. */
const DIFFERENCES: readonly (readonly [Wanted, Wanted])[] = [
  ['true', 'not-true'],
  ['not-true', 'true'],
  ['false', 'not-false'],
  ['not-false', 'false'],
];

/**
 * True when the rules are equal in three-valued logic. Equal over known facts would not do: one of two such rules could be
 * true where the other is unknown, and the advice to delete either would change decisions.
 */
function isEquivalent(a: Rule, b: Rule, formulas: Formulas, effort: Effort): boolean {
  return DIFFERENCES.every(
    ([wantedOfA, wantedOfB]) =>
      satisfy([formulas.ofRule(a, wantedOfA), formulas.ofRule(b, wantedOfB)], effort.part(STEPS_PER_QUESTION)) ===
      'none',
  );
}
