/** Finds the rules that can matter for a connection without looking at all of them. Decides nothing: `evaluate` judges what comes out of here. */
import type { Attributes } from './attributes.ts';
import { isUnknown } from './fact.ts';
import type { Rule } from './policy.ts';

/**
 * Rules grouped by an attribute on whose value they insist.
 *
 * INVARIANT: a rule that the index leaves out for some attributes is false for them. A rule sits under an attribute when each
 * clause of its `when` has a condition that only certain values of that attribute can make true; with any other value, and
 * when the attribute is absent, every clause is false, whatever else is unknown. When the attribute is unknown, all rules
 * under it are candidates.
 */
export interface RuleIndex {
  readonly byAttribute: readonly AttributeIndex[];
  /** Rules that insist on no value: candidates always. */
  readonly rest: readonly Rule[];
}

interface AttributeIndex {
  readonly attribute: string;
  readonly all: readonly Rule[];
  readonly byValue: ReadonlyMap<string, readonly (readonly Rule[])[]>;
}

/** Calls `visit` with every rule that can be other than false for `attributes`, each once, in no particular order. */
export function visitCandidates(index: RuleIndex, attributes: Attributes, visit: (rule: Rule) => void): void {
  for (const rule of index.rest) visit(rule);
  for (const group of index.byAttribute) {
    const fact = attributes.get(group.attribute);
    if (fact === null) continue;
    if (fact === undefined || isUnknown(fact)) {
      for (const rule of group.all) visit(rule);
      continue;
    }
    const buckets = group.byValue.get(fact as string);
    if (!buckets) continue;
    for (const bucket of buckets) for (const rule of bucket) visit(rule);
  }
}

/** Builds the index. Rules that share a list share one bucket, so that a list of many ids costs its length once. */
export function indexRules(rules: readonly Rule[]): RuleIndex {
  const rest: Rule[] = [];
  const groups = new Map<string, Map<ReadonlySet<string>, Rule[]>>();
  const unions = new SetUnions();
  for (const rule of rules) {
    const attribute = indexAttributeOf(rule);
    if (attribute === undefined) {
      rest.push(rule);
      continue;
    }
    const values = unions.of(rule.when.flatMap((clause) => valuesFor(clause, attribute) ?? []));
    const buckets = groups.get(attribute) ?? new Map<ReadonlySet<string>, Rule[]>();
    groups.set(attribute, buckets);
    const bucket = buckets.get(values);
    if (bucket) bucket.push(rule);
    else buckets.set(values, [rule]);
  }
  return { byAttribute: [...groups].map(([attribute, buckets]) => groupOf(attribute, buckets)), rest };
}

function groupOf(attribute: string, buckets: ReadonlyMap<ReadonlySet<string>, readonly Rule[]>): AttributeIndex {
  const byValue = new Map<string, (readonly Rule[])[]>();
  for (const [values, bucket] of buckets) {
    for (const value of values) {
      const list = byValue.get(value);
      if (list) list.push(bucket);
      else byValue.set(value, [bucket]);
    }
  }
  return { attribute, all: [...buckets.values()].flat(), byValue };
}

/** The account is the attribute that tells most connections apart, so it comes first; then the one with the fewest values. */
function indexAttributeOf(rule: Rule): string | undefined {
  const [first, ...others] = rule.when;
  let best: string | undefined;
  let bestSize = Number.POSITIVE_INFINITY;
  for (const { attribute, onlyValues } of first ?? []) {
    if (!onlyValues || !others.every((clause) => valuesFor(clause, attribute))) continue;
    if (attribute === 'domain_id') return attribute;
    if (onlyValues.size < bestSize) {
      best = attribute;
      bestSize = onlyValues.size;
    }
  }
  return best;
}

function valuesFor(clause: Rule['when'][number], attribute: string): ReadonlySet<string> | undefined {
  return clause.find((condition) => condition.attribute === attribute)?.onlyValues;
}

/** Unites sets, giving the same object for the same inputs, and for the same single value. */
class SetUnions {
  readonly #numbers = new Map<ReadonlySet<string>, number>();
  readonly #singles = new Map<string, ReadonlySet<string>>();
  readonly #unions = new Map<string, ReadonlySet<string>>();

  of(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
    const distinct = [...new Set(sets.map((set) => this.#shared(set)))];
    const [only, ...others] = distinct;
    if (only && others.length === 0) return only;
    const key = distinct
      .map((set) => this.#numberOf(set))
      .sort((a, b) => a - b)
      .join(',');
    const union = this.#unions.get(key) ?? new Set(distinct.flatMap((set) => [...set]));
    this.#unions.set(key, union);
    return union;
  }

  #shared(set: ReadonlySet<string>): ReadonlySet<string> {
    const [value] = set;
    if (set.size !== 1 || value === undefined) return set;
    const shared = this.#singles.get(value) ?? set;
    this.#singles.set(value, shared);
    return shared;
  }

  #numberOf(set: ReadonlySet<string>): number {
    const number = this.#numbers.get(set) ?? this.#numbers.size;
    this.#numbers.set(set, number);
    return number;
  }
}
