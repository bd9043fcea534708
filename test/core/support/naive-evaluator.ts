/**
 * A second evaluator, written from the words of policy.md straight over the policy's JSON: no compilation, no index, Kleene's
 * tables as tables. Slow on purpose, and shares no code with lib/core.
 */
import { naiveGlob } from './naive-glob.ts';

type Logic = 'T' | 'U' | 'F';
type Row = Readonly<Record<Logic, Logic>>;

const AND: Readonly<Record<Logic, Row>> = {
  T: { T: 'T', U: 'U', F: 'F' },
  U: { T: 'U', U: 'U', F: 'F' },
  F: { T: 'F', U: 'F', F: 'F' },
};
const OR: Readonly<Record<Logic, Row>> = {
  T: { T: 'T', U: 'T', F: 'T' },
  U: { T: 'T', U: 'U', F: 'U' },
  F: { T: 'T', U: 'U', F: 'F' },
};
const NOT: Row = { T: 'F', U: 'U', F: 'T' };

/** A matcher as a policy writes it. */
export type MatcherJson = string | readonly string[] | { readonly [form: string]: unknown };

/** A clause as a policy writes it. */
export type ClauseJson = Readonly<Record<string, MatcherJson>>;

/** A rule as a policy writes it. */
export interface RuleJson {
  readonly id: string;
  readonly effect: 'accept' | 'reject' | 'hold';
  readonly reason: string;
  readonly when: ClauseJson | readonly ClauseJson[];
  readonly unless?: ClauseJson | readonly ClauseJson[];
  readonly valid?: { readonly from?: string; readonly until?: string };
}

/** A policy as its author writes it. */
export interface PolicyJson {
  readonly $schema?: string;
  readonly version: 1;
  readonly name: string;
  readonly default?: 'hold' | 'reject';
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly RuleJson[];
}

/** What is known of an attribute: a value, `null` (absent), or an object (unknown). Not in the map: unknown. */
export type NaiveFacts = ReadonlyMap<string, string | number | null | object>;

/** What the naive evaluator decides; policy.md says nothing more about a decision than this and its reason. */
export interface NaiveDecision {
  readonly effect: string;
  readonly cause: string;
  readonly rules: readonly string[];
  readonly unknown: readonly string[];
}

/** Decides by the table of policy.md, "The decision". */
export function naiveEvaluate(policy: PolicyJson, facts: NaiveFacts, now: number): NaiveDecision {
  const judged = policy.rules.map((rule) => ({ rule, logic: naiveRule(rule, policy, facts, now) }));
  const pick = (logic: Logic, ...effects: string[]): RuleJson[] =>
    judged.filter((each) => each.logic === logic && effects.includes(each.rule.effect)).map((each) => each.rule);

  const table: readonly [RuleJson[], string, string][] = [
    [pick('T', 'reject'), 'reject', 'rule'],
    [pick('T', 'hold'), 'hold', 'rule'],
    [pick('U', 'reject', 'hold'), 'hold', 'indeterminate'],
    [pick('T', 'accept'), 'accept', 'rule'],
    [pick('U', 'accept'), 'hold', 'indeterminate'],
  ];
  for (const [rules, effect, cause] of table) {
    if (rules.length === 0) continue;
    return {
      effect,
      cause,
      rules: rules.map((rule) => rule.id).sort(),
      unknown: [...new Set(rules.flatMap(namesIn))].filter((name) => stateOf(facts, name) === 'unknown').sort(),
    };
  }
  return { effect: policy.default ?? 'hold', cause: 'no-match', rules: [], unknown: [] };
}

/** A rule = valid-now AND when AND NOT unless. */
export function naiveRule(rule: RuleJson, policy: PolicyJson, facts: NaiveFacts, now: number): Logic {
  const { from, until } = rule.valid ?? {};
  const hasBegun = from === undefined || Date.parse(from) <= now;
  const hasEnded = until !== undefined && now >= Date.parse(until);
  const valid = hasBegun && !hasEnded ? 'T' : 'F';
  const when = naiveClauses(rule.when, policy, facts);
  const unless = rule.unless === undefined ? 'F' : naiveClauses(rule.unless, policy, facts);
  return AND[AND[valid][when]][NOT[unless]];
}

function clausesOf(clauses: RuleJson['when']): readonly ClauseJson[] {
  return Array.isArray(clauses) ? (clauses as readonly ClauseJson[]) : [clauses as ClauseJson];
}

function namesIn(rule: RuleJson): string[] {
  return [...clausesOf(rule.when), ...clausesOf(rule.unless ?? [])].flatMap((clause) => Object.keys(clause));
}

function naiveClauses(clauses: RuleJson['when'], policy: PolicyJson, facts: NaiveFacts): Logic {
  let any: Logic = 'F';
  for (const clause of clausesOf(clauses)) {
    let all: Logic = 'T';
    for (const [name, matcher] of Object.entries(clause)) all = AND[all][naiveMatcher(matcher, name, policy, facts)];
    any = OR[any][all];
  }
  return any;
}

function stateOf(facts: NaiveFacts, name: string): 'present' | 'absent' | 'unknown' {
  const fact = facts.get(name);
  if (fact === null) return 'absent';
  return typeof fact === 'string' || typeof fact === 'number' ? 'present' : 'unknown';
}

function naiveMatcher(matcher: MatcherJson, name: string, policy: PolicyJson, facts: NaiveFacts): Logic {
  if (typeof matcher === 'string') return naiveForm('in', [matcher], name, policy, facts);
  if (Array.isArray(matcher)) return naiveForm('in', matcher, name, policy, facts);
  let all: Logic = 'T';
  for (const [form, operand] of Object.entries(matcher)) all = AND[all][naiveForm(form, operand, name, policy, facts)];
  return all;
}

function naiveForm(form: string, operand: unknown, name: string, policy: PolicyJson, facts: NaiveFacts): Logic {
  if (form === 'not') return NOT[naiveMatcher(operand as MatcherJson, name, policy, facts)];
  const state = stateOf(facts, name);
  if (state === 'unknown') return 'U';
  if (form === 'exists') return (state === 'present') === operand ? 'T' : 'F';
  if (state === 'absent') return 'F';
  const value = facts.get(name) as string | number;
  return holdsForPresent(form, operand, value, policy) ? 'T' : 'F';
}

function holdsForPresent(form: string, operand: unknown, value: string | number, policy: PolicyJson): boolean {
  switch (form) {
    case 'in': {
      const items = typeof operand === 'string' ? policy.lists?.[operand.slice(1)] : (operand as readonly string[]);
      return (items ?? []).some((item) => item === value);
    }
    case 'like':
      return naiveGlob(operand as string, value as string);
    case 'lt':
      return (value as number) < amount(operand);
    case 'lte':
      return (value as number) <= amount(operand);
    case 'gt':
      return (value as number) > amount(operand);
    case 'gte':
      return (value as number) >= amount(operand);
    default:
      throw new Error(`policy.md knows no matcher \`${form}\``);
  }
}

function amount(operand: unknown): number {
  if (typeof operand === 'number') return operand;
  const text = operand as string;
  const unit = { s: 1, m: 60, h: 60 * 60, d: 24 * 60 * 60 }[text.slice(-1)];
  return Number(text.slice(0, -1)) * (unit ?? Number.NaN);
}
