/** What makes a document a policy: every mistake with its place, every bound at and over its limit, and what a compiled policy says. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ATTRIBUTE_NAMES, kindOfAttribute } from '../../lib/core/attributes.ts';
import { compilePolicy, PolicyError } from '../../lib/core/policy.ts';
import { formatProblem, type Problem } from '../../lib/core/problem.ts';

interface ErrorCase {
  readonly name: string;
  /** The whole document; or changes to a sound one: to its top level, its only rule, that rule's `when`. */
  readonly document?: unknown;
  readonly policy?: object;
  readonly rule?: object;
  readonly when?: unknown;
  readonly without?: readonly string[];
  readonly problems: readonly { readonly pointer: string; readonly message: string }[];
}

function documentOf({ policy, rule, when, without = [] }: Partial<ErrorCase>): Record<string, unknown> {
  const onlyRule = {
    id: 'r',
    effect: 'accept',
    reason: 'because',
    when: when === undefined ? { region: 'x' } : when,
    ...rule,
  };
  const document = { version: 1, name: 'p', rules: [onlyRule], ...policy };
  return Object.fromEntries(Object.entries(document).filter(([key]) => !without.includes(key)));
}

function problemsIn(document: unknown): readonly Problem[] {
  try {
    compilePolicy(document);
    return [];
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return error.problems;
  }
}

const many = <T>(count: number, item: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => item(i));
const ruleOf = (i: number) => ({ id: `r${i}`, effect: 'hold', reason: 'r', when: { region: 'x' } });

const nested = (depth: number) => {
  let matcher: unknown = 'x';
  for (let i = 0; i < depth; i++) matcher = { not: matcher };
  return matcher;
};

const tagged = (count: number) => Object.fromEntries(many(count, (i) => [`service.tags.${i}`, 'x']));

const file = new URL('../cases/policy-errors.json', import.meta.url);
const errors = JSON.parse(readFileSync(file, 'utf8')) as readonly ErrorCase[];

describe('compilePolicy', () => {
  test.each(errors)('refuses: $name', (row) => {
    const problems = problemsIn('document' in row ? row.document : documentOf(row));
    const left = problems.map((problem) => ({ pointer: problem.pointer, message: formatProblem(problem) }));
    for (const expected of row.problems) {
      const i = left.findIndex(
        ({ pointer, message }) => pointer === expected.pointer && message.includes(expected.message),
      );
      expect({ expected, among: left }).toEqual({ expected, among: i < 0 ? 'nothing that fits' : left });
      left.splice(i, 1);
    }
    expect(left).toEqual([]);
  });

  test('throws an error that lists every problem, one a line', () => {
    let thrown: unknown;
    try {
      compilePolicy({ version: 2, rules: [] });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: 'PolicyError', code: 'invalid-policy' });
    const lines = (thrown as PolicyError).message.split('\n');
    expect(lines.sort()).toEqual([
      '/: found no key `name`, expected `name`, which is required',
      '/version: found `2`, expected `1`',
    ]);
  });

  test('leaves Object.prototype alone', () => {
    problemsIn(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'));
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('refuses keys that come through the prototype only', () => {
    const inherited = Object.create(documentOf({})) as unknown;
    expect(problemsIn(inherited)).toHaveLength(3);
    const rule = Object.create({ id: 'r', effect: 'accept', reason: 'r', when: { region: 'x' } }) as unknown;
    expect(problemsIn({ version: 1, name: 'p', rules: [rule] })).toHaveLength(4);
  });

  test('refuses numbers that only a program can write', () => {
    for (const lt of [Number.NaN, Number.POSITIVE_INFINITY, JSON.parse('1e999') as number]) {
      expect(problemsIn(documentOf({ when: { 'domain.connections': { lt } } })).map(formatProblem)).toEqual([
        expect.stringContaining('expected a finite number'),
      ]);
    }
  });

  const names = ATTRIBUTE_NAMES.map((name) => name.replace('KEY', 'some.key'));
  const everything = [
    ...names,
    'service.tags.__proto__',
    'endpoint.tags.constructor',
    'service.tags.\n',
    'service.tags. ',
  ];
  const matchers: readonly [string, unknown, readonly string[]][] = [
    ['"x"', 'x', ['text']],
    ['["x"]', ['x'], ['text']],
    ['in: [...]', { in: ['x'] }, ['text']],
    ['in: @list', { in: '@l' }, ['text']],
    ['like', { like: 'x*' }, ['text']],
    ['exists', { exists: true }, ['text', 'number', 'duration']],
    ['exists: false', { exists: false }, ['text', 'number', 'duration']],
    ['lt: 5', { lt: 5 }, ['number']],
    ['lte: 5', { lte: 5 }, ['number']],
    ['gt: 5', { gt: 5 }, ['number']],
    ['gte: 5', { gte: -0.5 }, ['number']],
    ['lt: "5m"', { lt: '5m' }, ['duration']],
    ['lte: "5m"', { lte: '5m' }, ['duration']],
    ['gt: "5m"', { gt: '5m' }, ['duration']],
    ['gte: "5m"', { gte: '5m' }, ['duration']],
  ];
  const pairs = everything.flatMap((name) =>
    matchers.map(([form, matcher, kinds]) => ({ name, form, matcher, kinds })),
  );

  test.each(pairs)('$name with $form', ({ name, matcher, kinds }) => {
    const fits = kinds.includes(kindOfAttribute(name) ?? 'none');
    for (const when of [
      { [name]: matcher },
      { [name]: { not: matcher } },
      { [name]: { exists: true, not: matcher } },
    ]) {
      const problems = problemsIn(documentOf({ policy: { lists: { l: ['x'] } }, when }));
      expect(problems.length === 0).toBe(fits);
      const escaped = `/rules/0/when/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      for (const { pointer } of problems) expect(pointer.startsWith(escaped)).toBe(true);
    }
  });

  const emoji = '\u{1F600}';

  test.each<[string, (count: number) => Partial<ErrorCase>, number, string, string]>([
    ['characters of a name', (n) => ({ policy: { name: 'n'.repeat(n) } }), 64, '/name', 'matches'],
    [
      'characters of a list name',
      (n) => ({ policy: { lists: { ['l'.repeat(n)]: [] } } }),
      64,
      '',
      'a name that matches',
    ],
    ['characters of a rule id', (n) => ({ rule: { id: 'r'.repeat(n) } }), 64, '/rules/0/id', 'matches'],
    [
      'code points of a description',
      (n) => ({ policy: { description: emoji.repeat(n) } }),
      512,
      '/description',
      'at most 512 characters',
    ],
    [
      'code points of a reason',
      (n) => ({ rule: { reason: emoji.repeat(n) } }),
      256,
      '/rules/0/reason',
      'at most 256 characters',
    ],
    ['rules', (n) => ({ policy: { rules: many(n, ruleOf) } }), 10_000, '/rules', 'at most 10,000 items'],
    ['clauses', (n) => ({ when: many(n, () => ({ region: 'x' })) }), 64, '/rules/0/when', 'at most 64 items'],
    [
      'clauses of unless',
      (n) => ({ rule: { unless: many(n, () => ({ region: 'x' })) } }),
      64,
      '/rules/0/unless',
      'at most 64 items',
    ],
    ['conditions', (n) => ({ when: tagged(n) }), 32, '/rules/0/when', 'at most 32 keys'],
    ['conditions of a clause in an array', (n) => ({ when: [tagged(n)] }), 32, '/rules/0/when/0', 'at most 32 keys'],
    [
      'items to equal',
      (n) => ({ when: { region: many(n, String) } }),
      10_000,
      '/rules/0/when/region',
      'at most 10,000 items',
    ],
  ])('allows so many %s and not one more', (_, rowOf, limit, pointer, message) => {
    expect(problemsIn(documentOf(rowOf(limit)))).toEqual([]);
    const problems = problemsIn(documentOf(rowOf(limit + 1)));
    expect(problems.map(formatProblem)).toEqual([expect.stringContaining(message)]);
    expect(problems[0]?.pointer.startsWith(pointer)).toBe(true);
  });

  test('keeps the message short when a value is huge', () => {
    const [problem] = problemsIn(documentOf({ policy: { name: 'x'.repeat(1_000_000) } }));
    expect(formatProblem(problem as Problem).length).toBeLessThan(200);
  });

  test('takes lists of any length, also empty, and any text in a matcher, also empty', () => {
    const policy = { lists: { long: many(20_000, String), empty: [] } };
    expect(problemsIn(documentOf({ policy, when: { region: { in: '@long', not: '' } } }))).toEqual([]);
  });

  test('says what it compiled', () => {
    const policy = compilePolicy({
      version: 1,
      name: 'payments-prod',
      lists: { zebra: ['x'], used: ['x'], apple: ['x'], deep: ['y'] },
      rules: [
        { ...ruleOf(2), when: [{ region: { in: '@used' }, age: { lt: '1m' } }, { region: 'z' }] },
        {
          ...ruleOf(1),
          unless: { domain_id: { not: { in: '@deep' } } },
          valid: { from: '2026-01-01T00:00:00Z', until: '2026-01-01T00:00:01Z' },
        },
        ruleOf(10),
      ],
    });
    expect(policy).toMatchObject({ name: 'payments-prod', default: 'hold', unusedLists: ['apple', 'zebra'] });
    expect(policy.reads).toEqual(['age', 'domain_id', 'region']);
    expect(policy.rules.map(({ id, reads }) => [id, reads])).toEqual([
      ['r1', ['domain_id', 'region']],
      ['r10', ['region']],
      ['r2', ['age', 'region']],
    ]);
    expect(policy.rules.map(({ validFrom, validUntil }) => [validFrom, validUntil])).toEqual([
      [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 0, 0, 1)],
      [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
      [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    ]);
    expect(policy.rules.map(({ unless }) => unless.length)).toEqual([1, 0, 0]);
    expect(compilePolicy(documentOf({ policy: { default: 'reject' } })).default).toBe('reject');
  });

  test.each([1, 100])('compiles `not` nested %d deep', (depth) => {
    expect(problemsIn(documentOf({ when: { region: nested(depth) } }))).toEqual([]);
  });

  test.each([101, 2_000, 100_000])('refuses `not` nested %d deep', (depth) => {
    expect(problemsIn(documentOf({ when: { region: nested(depth) } }))).toEqual([
      expect.objectContaining({ found: expect.stringContaining('nested') }),
    ]);
  });

  test('gives out a policy that nobody can change', () => {
    const policy = compilePolicy(documentOf({}));
    for (const part of [policy, policy.rules, policy.reads, ...policy.rules]) expect(Object.isFrozen(part)).toBe(true);
  });

  test('does not change the document, nor depend on it afterwards', () => {
    const document = documentOf({ policy: { lists: { l: ['x'] } }, when: { region: { in: '@l' } } });
    const before = structuredClone(document);
    const { digest } = compilePolicy(document);
    expect(document).toEqual(before);
    expect(compilePolicy(document).digest).toBe(digest);
  });
});
