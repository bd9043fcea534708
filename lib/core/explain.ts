/** The same decision as `evaluate`, with the whole way to it: every rule, every condition, also those that do not matter. Not for hot paths. */
import type { Attributes } from './attributes.ts';
import {
  type Decision,
  decide,
  isValidAt,
  Tally,
  truthOfClause,
  truthOfClauses,
  truthOfCondition,
  truthOfRule,
} from './evaluate.ts';
import { type Fact, UNKNOWN } from './fact.ts';
import type { Clause, Effect, Policy, Rule } from './policy.ts';
import type { Truth } from './truth.ts';

/** How one condition came out. */
export interface ConditionTrace {
  readonly attribute: string;
  /** The matcher as the policy wrote it. */
  readonly matcher: unknown;
  readonly actual: Fact;
  readonly result: Truth;
}

/** How one clause came out. */
export interface ClauseTrace {
  readonly conditions: readonly ConditionTrace[];
  readonly result: Truth;
}

/** How one rule came out, part by part. */
export interface RuleTrace {
  readonly rule: Rule;
  readonly effect: Effect;
  readonly result: Truth;
  readonly isValid: boolean;
  readonly when: { readonly clauses: readonly ClauseTrace[]; readonly result: Truth };
  /** `null` when the rule has no `unless`. */
  readonly unless: { readonly clauses: readonly ClauseTrace[]; readonly result: Truth } | null;
}

/** A decision and its way. */
export interface Explanation {
  readonly decision: Decision;
  /** Every rule of the policy, sorted by id. */
  readonly trace: readonly RuleTrace[];
}

/** Decides like `evaluate`, by looking at every rule, and returns how each came out. */
export function explain(policy: Policy, attributes: Attributes, now: number): Explanation {
  const tally = new Tally();
  const trace = policy.rules.map((rule) => {
    const result = truthOfRule(rule, attributes, now);
    tally.add(rule, result);
    return traceRule(rule, result, attributes, now);
  });
  return { decision: decide(policy, tally, attributes), trace };
}

function traceRule(rule: Rule, result: Truth, attributes: Attributes, now: number): RuleTrace {
  return {
    rule,
    effect: rule.effect,
    result,
    isValid: isValidAt(rule, now),
    when: traceClauses(rule.when, attributes),
    unless: rule.unless.length === 0 ? null : traceClauses(rule.unless, attributes),
  };
}

function traceClauses(clauses: readonly Clause[], attributes: Attributes): RuleTrace['when'] {
  return {
    clauses: clauses.map((clause) => ({
      conditions: clause.map((condition) => ({
        attribute: condition.attribute,
        matcher: condition.source,
        actual: factOf(attributes, condition.attribute),
        result: truthOfCondition(condition, attributes),
      })),
      result: truthOfClause(clause, attributes),
    })),
    result: truthOfClauses(clauses, attributes),
  };
}

function factOf(attributes: Attributes, name: string): Fact {
  const fact = attributes.get(name);
  return fact === undefined ? UNKNOWN : fact;
}
