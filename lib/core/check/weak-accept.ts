/** Finds accept rules that ask for too little: only for what the consumer wrote, or only that something is there. */
import type { Clause, Condition, Rule } from '../policy.ts';
import type { Effort } from './effort.ts';
import type { Formula, Formulas } from './formula.ts';
import { STEPS_PER_QUESTION } from './live-rule.ts';
import { satisfy } from './satisfy.ts';

/** Which too little an accept rule asks for. */
export type Weakness =
  | { readonly kind: 'description' }
  | { readonly kind: 'exists'; readonly attribute: string; readonly isAlways: boolean };

/**
 * Returns what is weak about an accept rule. Any one of its clauses suffices to accept, so one weak clause makes it weak.
 * Conditions that every connection fulfils (`{"exists": true}` on `domain_id`) do not count.
 */
export function weaknessOf(rule: Rule, formulas: Formulas, effort: Effort): Weakness | undefined {
  const clauses = rule.when.filter((clause) => isShown([formulas.ofClause(clause, 'true')], effort));
  const asked = clauses.map((clause) => ({ clause, conditions: withoutConstants(clause, formulas, effort) }));
  for (const { clause, conditions } of asked) {
    const isDescription = conditions.every(({ attribute }) => attribute === 'description');
    if (conditions.length > 0 && isDescription && letsStrangersIn(rule, clause, formulas, effort)) {
      return { kind: 'description' };
    }
  }
  // Whatever `unless` takes away is one more condition.
  if (rule.unless.length > 0 && canBe([formulas.ofUnless(rule, 'false')], effort)) return undefined;
  for (const { clause, conditions } of asked) {
    const [only, ...more] = conditions;
    if (more.length > 0) continue;
    const [first] = clause;
    if (!only && first) return { kind: 'exists', attribute: first.attribute, isAlways: true };
    if (only && isExists(only, formulas, effort)) {
      return { kind: 'exists', attribute: only.attribute, isAlways: false };
    }
  }
  return undefined;
}

/** True when a connection was found for which all hold. */
function isShown(parts: readonly Formula[], effort: Effort): boolean {
  return typeof satisfy(parts, effort.part(STEPS_PER_QUESTION)) === 'object';
}

/** True unless it was shown that there is no such connection: what stays undecided never makes a rule weak. */
function canBe(parts: readonly Formula[], effort: Effort): boolean {
  return satisfy(parts, effort.part(STEPS_PER_QUESTION)) !== 'none';
}

function withoutConstants(clause: Clause, formulas: Formulas, effort: Effort): Clause {
  return clause.filter((condition) => canBe([formulas.ofCondition(condition, 'false')], effort));
}

function isExists(condition: Condition, formulas: Formulas, effort: Effort): boolean {
  return [true, false].some((expected) => {
    const asWanted = formulas.exists(condition.attribute, expected);
    const otherwise = formulas.exists(condition.attribute, !expected);
    return (
      !canBe([formulas.ofCondition(condition, 'false'), asWanted], effort) &&
      !canBe([formulas.ofCondition(condition, 'true'), otherwise], effort)
    );
  });
}

/**
 * True when the clause can accept a connection that has none of the texts that the rule names, `description` aside. So
 * `unless` a freeze or a list of blocked accounts does not make a description trustworthy; `unless` not a known account does.
 */
function letsStrangersIn(rule: Rule, clause: Clause, formulas: Formulas, effort: Effort): boolean {
  const when = formulas.ofClause(clause, 'true');
  const parts = rule.unless.length === 0 ? [when] : [when, formulas.ofUnless(rule, 'true')];
  const isStranger = parts.flatMap(literalsIn).flatMap((literal) => {
    const isNamed = literal.atom.kind === 'in' || literal.atom.kind === 'like';
    const nothing = literal.siblings[2];
    return isNamed && literal.attribute.name !== 'description' && nothing ? [nothing] : [];
  });
  return isShown([...parts, ...new Set(isStranger)], effort);
}

function literalsIn(formula: Formula): readonly (Formula & { readonly kind: 'literal' })[] {
  return formula.kind === 'literal' ? [formula] : formula.parts.flatMap(literalsIn);
}
