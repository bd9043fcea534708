/** The decision for one connection under one policy. Pure: no clock, no I/O; what is known of the connection and the time are arguments. */
import type { Attributes } from './attributes.ts';
import { isUnknown } from './fact.ts';
import type { Clause, Condition, Effect, Policy, Rule } from './policy.ts';
import { visitCandidates } from './policy-index.ts';
import { and, FALSE, not, or, type Truth, truthOf, UNDECIDED } from './truth.ts';

/** Why a decision came out as it did. */
export type Cause = 'rule' | 'indeterminate' | 'no-match';

/** What a policy says about one connection. What was done about it is an outcome, never a decision. */
export interface Decision {
  readonly effect: Effect;
  readonly cause: Cause;
  /** Ids of the rules that determined it, sorted by code unit. */
  readonly rules: readonly string[];
  readonly reason: string;
  /** Attributes that were unknown and are read by a rule in `rules`, sorted. */
  readonly unknown: readonly string[];
}

/**
 * Decides what to do about a connection.
 *
 * ```text
 * | # | if                                    | decision           | cause         |
 * |---|---------------------------------------|--------------------|---------------|
 * | 1 | some reject rule is true              | reject             | rule          |
 * | 2 | else some hold rule is true           | hold               | rule          |
 * | 3 | else some reject or hold rule is      | hold               | indeterminate |
 * |   | unknown                               |                    |               |
 * | 4 | else some accept rule is true         | accept             | rule          |
 * | 5 | else some accept rule is unknown      | hold               | indeterminate |
 * | 6 | else                                  | the policy default | no-match      |
 * ```
 *
 * Total and deterministic. If it says accept or reject while some attributes are unknown, it says the same for every way of
 * filling them in. `now` is in milliseconds since the Unix epoch.
 */
export function evaluate(policy: Policy, attributes: Attributes, now: number): Decision {
  const tally = new Tally();
  visitCandidates(policy.index, attributes, (rule) => tally.add(rule, truthOfRule(rule, attributes, now)));
  return decide(policy, tally, attributes);
}

/** Collects how rules came out, as far as the decision table asks. */
export class Tally {
  readonly isTrue: Readonly<Record<Effect, Rule[]>> = { accept: [], reject: [], hold: [] };
  readonly isUnknown: Readonly<Record<Effect, Rule[]>> = { accept: [], reject: [], hold: [] };

  /** Counts one rule. Each rule of a policy that is not false is added exactly once. */
  add(rule: Rule, truth: Truth): void {
    if (truth === FALSE) return;
    (truth === UNDECIDED ? this.isUnknown : this.isTrue)[rule.effect].push(rule);
  }
}

/** Applies the decision table to a full tally. */
export function decide(policy: Policy, tally: Tally, attributes: Attributes): Decision {
  if (tally.isTrue.reject.length > 0) return byRule('reject', tally.isTrue.reject, attributes);
  if (tally.isTrue.hold.length > 0) return byRule('hold', tally.isTrue.hold, attributes);
  // Fail closed: an unreadable reject or hold rule might be true, so no accept may pass it.
  if (tally.isUnknown.reject.length > 0 || tally.isUnknown.hold.length > 0) {
    return indeterminate([...tally.isUnknown.reject, ...tally.isUnknown.hold], attributes);
  }
  if (tally.isTrue.accept.length > 0) return byRule('accept', tally.isTrue.accept, attributes);
  if (tally.isUnknown.accept.length > 0) return indeterminate(tally.isUnknown.accept, attributes);
  return { effect: policy.default, cause: 'no-match', rules: [], reason: 'no rule matched', unknown: [] };
}

function byRule(effect: Effect, rules: Rule[], attributes: Attributes): Decision {
  sortById(rules);
  return {
    effect,
    cause: 'rule',
    rules: rules.map((rule) => rule.id),
    reason: (rules[0] as Rule).reason,
    unknown: unknownIn(rules, attributes),
  };
}

function indeterminate(rules: Rule[], attributes: Attributes): Decision {
  sortById(rules);
  const unknown = unknownIn(rules, attributes);
  return {
    effect: 'hold',
    cause: 'indeterminate',
    rules: rules.map((rule) => rule.id),
    reason: `could not be decided: ${unknown.map((name) => `\`${name}\``).join(', ')} unknown`,
    unknown,
  };
}

function sortById(rules: Rule[]): void {
  if (rules.length > 1) rules.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function unknownIn(rules: readonly Rule[], attributes: Attributes): readonly string[] {
  const names = new Set<string>();
  for (const rule of rules) for (const name of rule.reads) if (isUnread(attributes, name)) names.add(name);
  return [...names].sort();
}

function isUnread(attributes: Attributes, name: string): boolean {
  const fact = attributes.get(name);
  return fact === undefined || isUnknown(fact);
}

/** A rule = valid now AND `when` AND NOT `unless`. */
export function truthOfRule(rule: Rule, attributes: Attributes, now: number): Truth {
  if (!isValidAt(rule, now)) return FALSE;
  const when = truthOfClauses(rule.when, attributes);
  if (when === FALSE || rule.unless.length === 0) return when;
  return and(when, not(truthOfClauses(rule.unless, attributes)));
}

/** True when `validFrom <= now < validUntil`. */
export function isValidAt(rule: Rule, now: number): boolean {
  return rule.validFrom <= now && now < rule.validUntil;
}

/** An array of clauses holds when any of them holds. */
export function truthOfClauses(clauses: readonly Clause[], attributes: Attributes): Truth {
  let truth: Truth = FALSE;
  for (const clause of clauses) truth = or(truth, truthOfClause(clause, attributes));
  return truth;
}

/** All conditions of a clause must hold. */
export function truthOfClause(clause: Clause, attributes: Attributes): Truth {
  let truth: Truth = 2;
  for (const condition of clause) {
    truth = and(truth, truthOfCondition(condition, attributes));
    if (truth === FALSE) return FALSE;
  }
  return truth;
}

/** Unknown is unknown under every matcher; absent and present are decided by the matcher. */
export function truthOfCondition(condition: Condition, attributes: Attributes): Truth {
  const fact = attributes.get(condition.attribute);
  if (fact === null) return truthOf(condition.whenAbsent);
  if (fact === undefined || isUnknown(fact)) return UNDECIDED;
  return truthOf(condition.test(fact));
}
