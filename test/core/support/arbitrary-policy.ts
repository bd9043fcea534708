/** Random valid policies and random connections over a few attributes with a few values each, so that rules really match and overlap. */
import * as fc from 'fast-check';
import { type Fact, UNKNOWN } from '../../../lib/core/fact.ts';
import type { ClauseJson, MatcherJson, PolicyJson, RuleJson } from './naive-evaluator.ts';

/** The first ones stand there several times: what is frequent in policies and in connections meets. */
const TEXTS = ['a', 'a', 'a', 'a', 'a', 'b', 'b', 'b', 'ab', 'A', '', '__proto__', 'a\u{1F600}'] as const;
const TEXT_ATTRIBUTES = ['domain_id', 'endpoint.vpc_id', 'service.tags.__proto__', 'service.tags.a.b'] as const;

/** Times at which generated rules start, end and are judged, one second apart. */
const EPOCH = Date.UTC(2026, 0, 1);
const SECONDS = [0, 1, 2, 3] as const;

/** Every attribute that a generated policy may read. */
export const GENERATED_ATTRIBUTES: readonly string[] = [...TEXT_ATTRIBUTES, 'age', 'domain.connections'];

const LISTS: Readonly<Record<string, readonly string[]>> = {
  constructor: ['a', '__proto__'],
  empty: [],
  pair: ['a', 'b'],
  single: ['a'],
};

const text = fc.constantFrom(...TEXTS);
const pattern = fc.constantFrom('*', 'a*', '?', '??', '*b', '\\a*', 'a?b', '', '\\*');
const amount = fc.integer({ min: 0, max: 3 });
const duration = fc.constantFrom('0s', '1s', '60s', '1m', '61s', '1h', '1d', '86400s');

/** A matcher: a simple one, or an object of one or two of the given forms, `exists` and nested `not`. */
function matcherOf(simple: fc.Arbitrary<MatcherJson>, forms: Record<string, fc.Arbitrary<unknown>>) {
  return fc.letrec<{ matcher: MatcherJson; form: [string, unknown] }>((tie) => ({
    matcher: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      simple,
      fc
        .uniqueArray(tie('form'), { minLength: 1, maxLength: 2, selector: ([name]) => name })
        .map((entries) => Object.fromEntries(entries)),
    ),
    form: fc.oneof(
      ...Object.entries(forms).map(([name, operand]) => fc.tuple(fc.constant(name), operand)),
      fc.tuple(fc.constant('exists'), fc.boolean()),
      fc.tuple(fc.constant('not'), tie('matcher')),
    ),
  })).matcher;
}

const textMatcher = matcherOf(
  fc.oneof(
    { weight: 4, arbitrary: text },
    { weight: 2, arbitrary: fc.array(text, { minLength: 1, maxLength: 3 }) },
    { weight: 3, arbitrary: fc.record({ in: fc.constantFrom(...Object.keys(LISTS).map((name) => `@${name}`)) }) },
  ),
  { in: fc.oneof(fc.constantFrom('@pair', '@single'), fc.array(text, { maxLength: 3 })), like: pattern },
);
const comparisons = (operand: fc.Arbitrary<unknown>) => ({ lt: operand, lte: operand, gt: operand, gte: operand });
const numberMatcher = matcherOf(fc.record({ lt: amount }), comparisons(amount));
const ageMatcher = matcherOf(fc.record({ gte: duration }), comparisons(duration));

const clause: fc.Arbitrary<ClauseJson> = fc
  .uniqueArray(
    fc.oneof(
      { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...TEXT_ATTRIBUTES), textMatcher) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('age'), ageMatcher) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('domain.connections'), numberMatcher) },
    ),
    { minLength: 1, maxLength: 2, selector: ([name]) => name },
  )
  .map((entries) => Object.fromEntries(entries));

const clauses = fc.oneof(
  { weight: 2, arbitrary: clause },
  { weight: 1, arbitrary: fc.array(clause, { minLength: 1, maxLength: 3 }) },
);

const valid = fc
  .uniqueArray(fc.constantFrom(...SECONDS), { minLength: 2, maxLength: 2 })
  .map((seconds) => seconds.sort((a, b) => a - b).map((second) => new Date(EPOCH + second * 1_000).toISOString()))
  .chain(([from, until]) => fc.constantFrom({ from }, { until }, { from, until })) as fc.Arbitrary<
  NonNullable<RuleJson['valid']>
>;

/** Mostly nothing, so that rules stay likely to match. */
function seldom<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

/** One random rule with the given effect and id. */
export function arbitraryRule(
  id: fc.Arbitrary<string>,
  effect: fc.Arbitrary<RuleJson['effect']> = fc.constantFrom('accept', 'accept', 'reject', 'hold'),
): fc.Arbitrary<RuleJson> {
  return fc
    .record(
      {
        id,
        effect,
        reason: fc.constant('because'),
        when: clauses,
        unless: seldom(clauses),
        valid: seldom(valid),
      },
      { requiredKeys: ['id', 'effect', 'reason', 'when'] },
    )
    .map((rule) => Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as never);
}

/** A random valid policy of up to six rules. */
export const arbitraryPolicy: fc.Arbitrary<PolicyJson> = fc.record(
  {
    version: fc.constant(1 as const),
    name: fc.constant('generated'),
    lists: fc.constant(LISTS),
    default: fc.constantFrom('hold', 'reject'),
    rules: fc.uniqueArray(arbitraryRule(fc.stringMatching(/^[a-c][0-2-]{0,2}$/)), {
      maxLength: 6,
      size: 'max',
      selector: (rule) => rule.id,
    }),
  },
  { requiredKeys: ['version', 'name', 'lists', 'rules'] },
);

/** A value of the right kind for one of {@link GENERATED_ATTRIBUTES}, or absent. */
export function arbitraryKnown(name: string): fc.Arbitrary<Fact> {
  const value: fc.Arbitrary<Fact> =
    name === 'age'
      ? fc.constantFrom(0, 1, 59, 60, 61, 3_600, 86_400)
      : name === 'domain.connections'
        ? fc.integer({ min: 0, max: 4 })
        : fc.constantFrom(...TEXTS, 'never seen');
  return fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) });
}

/** A random connection: values, absent, unknown, and attributes that are missing from the map. */
export const arbitraryAttributes: fc.Arbitrary<ReadonlyMap<string, Fact>> = fc
  .tuple(
    ...GENERATED_ATTRIBUTES.map((name) =>
      fc.oneof(
        { weight: 9, arbitrary: arbitraryKnown(name) },
        { weight: 2, arbitrary: fc.constant(UNKNOWN) },
        { weight: 1, arbitrary: fc.constant(undefined) },
      ),
    ),
  )
  .map((facts) => {
    const attributes = new Map<string, Fact>();
    for (const [i, fact] of facts.entries()) {
      if (fact !== undefined) attributes.set(GENERATED_ATTRIBUTES[i] as string, fact);
    }
    return attributes;
  });

/** A moment around the times at which generated rules start and end. */
export const arbitraryNow: fc.Arbitrary<number> = fc
  .tuple(fc.constantFrom(...SECONDS), fc.constantFrom(-1, 0, 1))
  .map(([second, ms]) => EPOCH + second * 1_000 + ms);

/** Every way is as likely: the unknown attributes of a connection filled in with a value of the right kind, or absent. */
export function arbitraryFilling(attributes: ReadonlyMap<string, Fact>): fc.Arbitrary<ReadonlyMap<string, Fact>> {
  return fc.tuple(...GENERATED_ATTRIBUTES.map((name) => arbitraryKnown(name))).map(
    (fill) =>
      new Map(
        GENERATED_ATTRIBUTES.map((name, i): [string, Fact] => {
          const fact = attributes.get(name);
          return [name, fact === undefined || fact === UNKNOWN ? (fill[i] as Fact) : fact];
        }),
      ),
  );
}
