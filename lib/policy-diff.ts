/** Compares what two policies decide, connection by connection, and groups what differs. Reads nothing and prints nothing. */
import type { Attributes } from './core/attributes.ts';
import { type Decision, evaluate } from './core/evaluate.ts';
import type { Effect, Policy } from './core/policy.ts';

/** The policy in force and the one that may follow it. */
export interface PolicyPair {
  readonly from: Policy;
  readonly to: Policy;
}

/** What one policy decides about one connection. */
export interface Verdict extends Pick<Decision, 'effect' | 'rules' | 'reason'> {
  readonly cause: string;
  /** Attributes for want of which it could not be decided, because nobody had read them: only for past records. */
  readonly lacking: readonly string[];
}

/** What names a connection in the results; what is not known of it is left out. */
export interface Identified {
  /** `<kind>/<region>/<project_id>/<service_id>/<endpoint_id>`; in a file the `endpoint_id`, where it lists one. */
  readonly id?: string;
  /** Where it stands in a file of connections. */
  readonly pointer?: string;
  readonly domain_id?: string;
  readonly state?: string;
  /** When the decision was recorded. */
  readonly time?: string;
}

/** A connection about which the policies decide differently. */
export interface Change {
  readonly who: Identified;
  readonly from: Verdict;
  readonly to: Verdict;
}

/** How two decisions about one connection compare. */
export interface Comparison {
  /** `null` when both have the same effect. */
  readonly change: Change | null;
  /** The same effect for another cause, or by other rules. */
  readonly hasOtherRules: boolean;
  /** The attributes for want of which each policy could not decide. */
  readonly lacking: { readonly from: readonly string[]; readonly to: readonly string[] };
}

/** Decisions that change in the same way. */
export interface ChangeGroup {
  readonly from: Effect;
  readonly to: Effect;
  /** True when it lets somebody in. */
  readonly isWidening: boolean;
  readonly changes: readonly Change[];
}

/** Decisions of one policy that could not be made for want of attributes that nobody had read. */
export interface Undecided {
  readonly count: number;
  /** Those attributes, sorted. */
  readonly attributes: readonly string[];
}

/** What differs between two policies over a set of connections. */
export interface PolicyDiff {
  readonly evaluated: number;
  readonly changed: number;
  /** Widening ones first, then those that end an accept, then the others. */
  readonly groups: readonly ChangeGroup[];
  readonly sameEffectOtherRules: number;
  readonly undecided: { readonly from: Undecided; readonly to: Undecided };
}

/** Has both policies decide about one connection and compares. */
export function compareAt(pair: PolicyPair, attributes: Attributes, now: number, who: () => Identified): Comparison {
  const from = evaluate(pair.from, attributes, now);
  const to = evaluate(pair.to, attributes, now);
  return compareDecisions(verdictOf(from, attributes), verdictOf(to, attributes), who);
}

function verdictOf(decision: Decision, attributes: Attributes): Verdict {
  const { effect, cause, rules, reason, unknown } = decision;
  const lacking = cause === 'indeterminate' ? unknown.filter((name) => !attributes.has(name)) : NONE;
  return { effect, cause, rules, reason, lacking };
}

const NONE: readonly string[] = Object.freeze([]);

/** Compares two decisions about one connection. `who` is asked only when they differ. */
export function compareDecisions(from: Verdict, to: Verdict, who: () => Identified): Comparison {
  const lacking = { from: from.lacking, to: to.lacking };
  if (from.effect !== to.effect) return { change: { who: who(), from, to }, hasOtherRules: false, lacking };
  const hasOtherRules = from.cause !== to.cause || !isSameList(from.rules, to.rules);
  const isPlain = lacking.from.length === 0 && lacking.to.length === 0;
  // Over a long trail nearly all comparisons are one of these two, which then cost no memory.
  if (isPlain) return hasOtherRules ? OTHER_RULES : SAME;
  return { change: null, hasOtherRules, lacking };
}

const SAME: Comparison = { change: null, hasOtherRules: false, lacking: { from: NONE, to: NONE } };
const OTHER_RULES: Comparison = { ...SAME, hasOtherRules: true };

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

/** Groups comparisons, one for each connection. */
export function diffOf(comparisons: Iterable<Comparison>): PolicyDiff {
  const groups = new Map<string, Change[]>();
  const undecided = { from: new Want(), to: new Want() };
  let evaluated = 0;
  let changed = 0;
  let sameEffectOtherRules = 0;
  for (const { change, hasOtherRules, lacking } of comparisons) {
    evaluated += 1;
    if (hasOtherRules) sameEffectOtherRules += 1;
    undecided.from.add(lacking.from);
    undecided.to.add(lacking.to);
    if (!change) continue;
    changed += 1;
    const key = `${change.from.effect} ${change.to.effect}`;
    const group = groups.get(key);
    if (group) group.push(change);
    else groups.set(key, [change]);
  }
  return {
    evaluated,
    changed,
    groups: ORDER.flatMap(([from, to]) => groupOf(from, to, groups.get(`${from} ${to}`))),
    sameEffectOtherRules,
    undecided: { from: undecided.from.total(), to: undecided.to.total() },
  };
}

class Want {
  #count = 0;
  readonly #attributes = new Set<string>();

  add(lacking: readonly string[]): void {
    if (lacking.length > 0) this.#count += 1;
    for (const name of lacking) this.#attributes.add(name);
  }

  total(): Undecided {
    return { count: this.#count, attributes: [...this.#attributes].sort() };
  }
}

/** The worst surprise first: who was turned away and now gets in; then who loses access. */
const ORDER: readonly (readonly [Effect, Effect])[] = [
  ['reject', 'accept'],
  ['hold', 'accept'],
  ['accept', 'reject'],
  ['accept', 'hold'],
  ['hold', 'reject'],
  ['reject', 'hold'],
];

function groupOf(from: Effect, to: Effect, changes: Change[] | undefined): readonly ChangeGroup[] {
  if (!changes) return [];
  changes.sort(
    (a, b) => compareText(a.who.id ?? '', b.who.id ?? '') || compareText(a.who.time ?? '', b.who.time ?? ''),
  );
  return [{ from, to, isWidening: to === 'accept', changes }];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
