/**
 * Random rules over a few attributes with a few values each, made so that they contradict, cover and repeat each other often; and
 * every connection of that small world. Judges nothing.
 */
import * as fc from 'fast-check';
import { type Fact, UNKNOWN } from '../../../../lib/core/fact.ts';
import type { ClauseJson, MatcherJson, RuleJson } from '../../support/naive-evaluator.ts';

/** A text that no rule names; it stands for all others. */
const STRANGER = 'stranger';

/**
 * The values of each attribute: whatever a rule without patterns says of an attribute, it says the same of each value that is
 * not here as of one that is. `null` is absence, which some attributes never have.
 */
const VALUES: Readonly<Record<string, readonly Fact[]>> = {
  domain_id: ['a', 'b', 'c', STRANGER],
  'service.kind': ['vpcep', 'css'],
  'service.tags.t': [null, 'a', 'b', 'c', STRANGER],
  description: [null, 'a', 'ab', 'b', STRANGER],
  age: [0, 30, 60, 61, 62, 3_600, 3_601],
  'domain.connections': [0, 1, 2, 3, 4, 5],
};

/** The attributes of the small world. */
export const SMALL_ATTRIBUTES: readonly string[] = Object.keys(VALUES);

/** Every connection of the small world of which all is known. */
export const SMALL_CONNECTIONS: readonly ReadonlyMap<string, Fact>[] = connectionsOf(valuesOf);

/** Every connection of the small world, each attribute known or unknown. */
export const SMALL_CONNECTIONS_OR_UNKNOWN: readonly ReadonlyMap<string, Fact>[] = connectionsOf((name) => [
  ...valuesOf(name),
  UNKNOWN,
]);

function connectionsOf(values: (name: string) => readonly Fact[]): readonly ReadonlyMap<string, Fact>[] {
  return product(SMALL_ATTRIBUTES.map(values)).map(
    (facts) => new Map(facts.map((fact, i) => [SMALL_ATTRIBUTES[i] as string, fact])),
  );
}

function valuesOf(name: string): readonly Fact[] {
  return VALUES[name] ?? [];
}

function product(choices: readonly (readonly Fact[])[]): readonly (readonly Fact[])[] {
  return choices.reduce<readonly (readonly Fact[])[]>(
    (all, values) => all.flatMap((facts) => values.map((value) => [...facts, value])),
    [[]],
  );
}

/** A random connection: values that rules name, values that they do not, absence where it can be; unknown facts when asked. */
export function arbitraryConnection(hasUnknown: boolean): fc.Arbitrary<ReadonlyMap<string, Fact>> {
  const facts = SMALL_ATTRIBUTES.map((name) => {
    const values = fc.constantFrom(...valuesOf(name));
    const others = name === 'service.kind' ? values : isNumeric(name) ? fc.nat({ max: 5_000 }) : otherText;
    return fc.oneof(
      { weight: 6, arbitrary: values },
      { weight: 2, arbitrary: others },
      ...(hasUnknown ? [{ weight: 3, arbitrary: fc.constant(UNKNOWN) }] : []),
    );
  });
  return fc.tuple(...facts).map((all) => new Map(all.map((fact, i) => [SMALL_ATTRIBUTES[i] as string, fact])));
}

const otherText = fc.oneof(fc.string({ unit: fc.constantFrom('a', 'b', 'c', '*'), maxLength: 4 }), fc.string());

function isNumeric(name: string): boolean {
  return name === 'age' || name === 'domain.connections';
}

/** How much of the language the rules use: `plain` has no patterns, and its texts are those of the small world. */
export type Style = 'plain' | 'patterns';

const PATTERNS = ['a*', '*b', '?', '??', 'a', '*', '*a*', 'a?', '?*', '\\*', 'a*b'] as const;

function textMatcher(name: string, style: Style): fc.Arbitrary<MatcherJson> {
  const texts = valuesOf(name).filter((value): value is string => typeof value === 'string' && value !== STRANGER);
  const text = fc.constantFrom(...texts);
  const items = fc.uniqueArray(text, { minLength: 1, maxLength: 2 });
  const flat: fc.Arbitrary<MatcherJson> = fc.oneof(
    text,
    items,
    items.map((values) => ({ in: values })),
    fc.constantFrom<MatcherJson>({ exists: true }, { exists: false }, { in: '@some' }, { in: '@none' }),
    ...(style === 'patterns'
      ? [fc.constantFrom(...PATTERNS).map((like) => ({ like })), fc.constantFrom(...PATTERNS).map((like) => ({ like }))]
      : []),
  );
  return withNot(flat, (a, b) => ({
    ...(isForms(a) ? a : { in: [a].flat() }),
    not: b,
  }));
}

function isForms(matcher: MatcherJson): matcher is { readonly [form: string]: unknown } {
  return typeof matcher === 'object' && !Array.isArray(matcher);
}

function numberMatcher(name: string): fc.Arbitrary<MatcherJson> {
  const limit =
    name === 'age'
      ? fc.constantFrom<string | number>('0s', '60s', '1m', '61s', '1h', '3600s')
      : fc.constantFrom<string | number>(-1, 0, 1, 1.5, 2, 3, 4);
  const flat: fc.Arbitrary<MatcherJson> = fc.oneof(
    fc.tuple(fc.constantFrom('lt', 'lte', 'gt', 'gte'), limit).map(([form, limit]) => ({ [form]: limit })),
    fc
      .tuple(fc.constantFrom('lt', 'lte'), limit, fc.constantFrom('gt', 'gte'), limit)
      .map(([a, x, b, y]) => ({ [a]: x, [b]: y })),
    fc.constant({ exists: true }),
  );
  return withNot(flat, (a, b) => ({ ...(a as object), not: b }));
}

function withNot(
  flat: fc.Arbitrary<MatcherJson>,
  both: (a: MatcherJson, b: MatcherJson) => MatcherJson,
): fc.Arbitrary<MatcherJson> {
  return fc.oneof(
    { weight: 5, arbitrary: flat },
    { weight: 2, arbitrary: flat.map((not) => ({ not })) },
    { weight: 1, arbitrary: flat.map((not) => ({ not: { not } })) },
    { weight: 1, arbitrary: fc.tuple(flat, flat).map(([a, b]) => both(a, b)) },
  );
}

function clauseOf(style: Style): fc.Arbitrary<ClauseJson> {
  const condition = fc
    .constantFrom(...SMALL_ATTRIBUTES)
    .chain((name) => fc.tuple(fc.constant(name), isNumeric(name) ? numberMatcher(name) : textMatcher(name, style)));
  return fc
    .uniqueArray(condition, { minLength: 1, maxLength: 3, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries));
}

type Body = Pick<RuleJson, 'when' | 'unless'>;

function bodyOf(style: Style): fc.Arbitrary<Body> {
  const clauses = fc.oneof(clauseOf(style), fc.array(clauseOf(style), { minLength: 1, maxLength: 3 }));
  return fc.record({ when: clauses, unless: clauses }, { requiredKeys: ['when'] });
}

const listOf = (clauses: Body['when']): readonly ClauseJson[] => [clauses].flat();
const without = (clause: ClauseJson, at: number): ClauseJson => {
  const entries = Object.entries(clause);
  return entries.length === 1 ? clause : Object.fromEntries(entries.filter((_, i) => i !== at % entries.length));
};

/** Bodies that say the same as `body`, more, less, or something a little different. */
function relativeOf(body: Body, style: Style): fc.Arbitrary<Body> {
  const when = listOf(body.when);
  const unless = body.unless === undefined ? {} : { unless: body.unless };
  const [first = {}, ...rest] = when;
  const [name = '', matcher = ''] = Object.entries(first)[0] ?? [];
  return fc.oneof(
    fc.constant({ ...unless, when: [...when].toReversed() }),
    fc.constant({ ...unless, when: [...when, ...when] }),
    fc.constant({ ...unless, when: [{ ...first, [name]: { not: { not: matcher } } }, ...rest] }),
    fc.constant({ when }),
    fc.constant({ when: [first] }),
    fc.nat({ max: 3 }).map((at) => ({ ...unless, when: when.map((clause) => without(clause, at)) })),
    clauseOf(style).map((clause) => ({ ...unless, when: [...when, clause] })),
    clauseOf(style).map((clause) => ({ when, unless: clause })),
    clauseOf(style).map((clause) => ({ when: [clause], unless: when })),
    fc.constant({ when, unless: when }),
    fc.constant({ when: [{ [name]: matcher }] }),
    fc.constant(
      Object.keys(first).length === 1
        ? { when: [{ [name]: { not: { not: matcher } } }], ...unless }
        : { when: [without(first, 0)], unless: { [name]: { not: matcher } } },
    ),
  );
}

const effect = fc.constantFrom<RuleJson['effect']>('accept', 'accept', 'reject', 'hold');

/** Two rules that have to do with each other, and some more. */
export function arbitraryRules(style: Style): fc.Arbitrary<readonly RuleJson[]> {
  const family = bodyOf(style).chain((body) => fc.tuple(fc.constant(body), relativeOf(body, style)));
  return fc
    .tuple(family, fc.array(bodyOf(style), { maxLength: 2 }), fc.array(effect, { minLength: 4, maxLength: 4 }))
    .map(([pair, others, effects]) =>
      [...pair, ...others].map((body, i) => ({
        id: `r${i}`,
        effect: effects[i] ?? 'hold',
        reason: 'because',
        ...body,
      })),
    );
}

/** A policy document with these rules. */
export function documentOf(rules: readonly RuleJson[]): object {
  return { version: 1, name: 'small', lists: { some: ['a', 'b'], none: [] }, rules };
}
