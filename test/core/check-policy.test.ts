/** Runs the corpora under test/cases/check: flawed policies with one finding each, and clean ones with none. Holds few cases of its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../../lib/core/check-policy.ts';
import { compilePolicy } from '../../lib/core/policy.ts';
import { parseTime } from '../../lib/core/time.ts';

interface CheckCase {
  readonly name: string;
  readonly now: string;
  readonly policy: unknown;
  readonly findings: readonly { readonly code: string; readonly pointer: string }[];
}

const NOW = Date.parse('2026-11-21T00:00:00Z');
const folder = new URL('../cases/check/', import.meta.url);

function casesIn(kind: 'flawed' | 'clean'): readonly CheckCase[] {
  return readdirSync(new URL(`${kind}/`, folder))
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const { name, ...rest } = JSON.parse(readFileSync(new URL(`${kind}/${file}`, folder), 'utf8')) as CheckCase;
      return { ...rest, name: `${file}: ${name}` };
    });
}

function findingsOf({ policy, now }: CheckCase) {
  return checkPolicy(compilePolicy(policy), parseTime(now) ?? Number.NaN);
}

const acceptRule = (id: string, when: object) => ({ id, effect: 'accept', reason: 'r', when });

const flawed = casesIn('flawed');
const clean = casesIn('clean');

describe('checkPolicy', () => {
  test('has corpora worth the name', () => {
    expect(flawed.length).toBeGreaterThanOrEqual(40);
    expect(clean.length).toBeGreaterThanOrEqual(40);
    const codes = new Set(flawed.flatMap(({ findings }) => findings.map(({ code }) => code)));
    expect(codes.size).toBe(9);
    expect(flawed.every(({ findings }) => findings.length === 1)).toBe(true);
    expect(clean.every(({ findings }) => findings.length === 0)).toBe(true);
  });

  test.each(flawed)('finds $name', (row) => {
    const findings = findingsOf(row);
    expect(findings.map(({ code, pointer }) => ({ code, pointer }))).toEqual(row.findings);
    for (const { message, suggestion } of findings) {
      expect(message).toMatch(/^[a-z].*[^.]$/);
      expect(suggestion).toMatch(/^[a-z].*[^.]$/);
    }
  });

  test.each(clean)('finds nothing in $name', (row) => {
    expect(findingsOf(row)).toEqual([]);
  });

  test('puts findings into the order of the document', () => {
    const policy = compilePolicy({
      version: 1,
      name: 'p',
      lists: { z: ['x'], a: ['x'] },
      rules: [
        acceptRule('z', { description: 'x' }),
        acceptRule('never', { age: { lt: '0s' } }),
        acceptRule('a', { description: ['x'] }),
      ],
    });
    expect(checkPolicy(policy, NOW).map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
      'unused-list /lists/a',
      'unused-list /lists/z',
      'description-only-rule /rules/0/when',
      'unmatchable-rule /rules/1/when',
      'description-only-rule /rules/2/when',
      'duplicate-rule /rules/2',
    ]);
  });

  test('never lets a text from the policy reach a terminal raw', () => {
    const rule = { effect: 'accept', reason: 'r' };
    const policy = compilePolicy({
      version: 1,
      name: 'p',
      rules: [
        { ...rule, id: 'a', when: { 'service.tags.\u001b[2J': { exists: true } } },
        { ...rule, id: 'b', when: { domain_id: ['\u001b[2J', 'b'] } },
        { ...rule, id: 'c', effect: 'reject', when: { domain_id: ['\u001b[2J', 'c'] } },
      ],
    });
    const findings = checkPolicy(policy, NOW);
    expect(findings.map(({ code }) => code)).toEqual(['exists-only-rule', 'accepted-and-rejected-domain']);
    expect(findings.map(({ message, suggestion }) => message + suggestion).join('')).not.toContain('\u001b');
  });
});

const idOf = (i: number): string => i.toString(16).padStart(32, '0');

/** 10,000 rules, a list of 100,000 ids in every tenth of them, and one flaw of each kind. */
function largePolicy(): object {
  const rules = Array.from({ length: 10_000 }, (_, i) => {
    const rule = { id: `r${i}`, effect: i % 10 === 1 ? 'reject' : i % 10 === 2 ? 'hold' : 'accept', reason: 'r' };
    if (i % 10 === 0) return { ...rule, when: { domain_id: { in: '@everyone' }, 'service.tags.env': `env-${i}` } };
    const env = i % 3 === 0 ? { like: `env-${i}-*` } : [`env-${i}-prod`, `env-${i}-stage`];
    return {
      ...rule,
      when: { domain_id: idOf(200_000 + i), 'service.tags.env': env, 'domain.connections': { lt: 5 } },
    };
  });
  const change = (i: number, changes: object): void => void Object.assign(rules[i] as object, changes);
  change(1_003, { when: { domain_id: { in: '@everyone', not: { in: '@reversed' } } } });
  change(2_003, {
    when: { domain_id: idOf(200_001), 'service.tags.env': 'env-1-prod', 'domain.connections': { lt: 3 } },
  });
  change(3_003, {
    when: {
      domain_id: [idOf(200_005)],
      'service.tags.env': ['env-5-stage', 'env-5-prod'],
      'domain.connections': { lte: 4 },
    },
  });
  change(4_003, { when: { description: { like: '*please*' } } });
  change(5_003, { when: { 'service.tags.public': { exists: true } } });
  change(6_003, { valid: { until: '2026-01-01T00:00:00Z' } });
  change(7_001, { when: { domain_id: [idOf(99_999), idOf(300_000)] } });
  const everyone = Array.from({ length: 100_000 }, (_, i) => idOf(i));
  return { version: 1, name: 'large', lists: { everyone, reversed: everyone.toReversed(), unused: ['x'] }, rules };
}

const tagged = (count: number, value: (i: number) => unknown): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`service.tags.t${i}`, value(i)]));

const hardClauses = (factor: number) =>
  Array.from({ length: 64 }, (_, k) => tagged(32, (m) => ({ in: [`v${(m * k * factor) % 3}`, `v${(m + k) % 4}`] })));

const hardPattern = (i: number) => ({ like: `*a${'?'.repeat(40 + i)}b*`, not: { like: `*?a${'?'.repeat(39 + i)}b*` } });

describe('checkPolicy of a large policy', () => {
  test('finds one flaw of each kind among 10,000 rules and 100,000 ids', () => {
    const findings = checkPolicy(compilePolicy(largePolicy()), NOW).map(({ code, pointer }) => `${code} ${pointer}`);
    const conflicts = findings.filter((finding) => finding.startsWith('accepted-and-rejected-domain'));
    expect(conflicts.length).toBe(1_000);
    expect(findings.filter((finding) => !conflicts.includes(finding))).toEqual([
      'unused-list /lists/unused',
      'unmatchable-rule /rules/1003/when',
      'shadowed-rule /rules/2003',
      'duplicate-rule /rules/3003',
      'description-only-rule /rules/4003/when',
      'exists-only-rule /rules/5003/when',
      'expired-rule /rules/6003/valid',
    ]);
  });

  // Each of these would take hours if every question were asked to its end; the test's time limit tells.
  test.each<[string, (i: number) => object]>([
    [
      'patterns without an index',
      (i) => ({ 'service.name': { like: `*${i % 100}*` }, 'endpoint.vpc_id': { not: { like: `*${i}*` } } }),
    ],
    [
      'one list for all rules',
      (i) => ({ domain_id: { in: '@everyone', not: { in: [`x${i}`] } }, age: { gt: `${i}s` } }),
    ],
    ['a tag key for each rule', (i) => ({ [`service.tags.k${i}`]: 'x' })],
    ['overlapping numbers', (i) => ({ age: { gt: `${i}s` }, 'domain.connections': { lt: 10_000 - i } })],
    ['exclusions only', (i) => ({ 'service.tags.a': { not: `v${i}` }, 'service.tags.b': { not: `w${i}` } })],
  ])('comes to an end with 10,000 rules of %s', (_, when) => {
    const everyone = Array.from({ length: 100_000 }, (_, i) => idOf(i));
    const rules = Array.from({ length: 10_000 }, (_, i) => ({
      id: `r${i}`,
      effect: ['accept', 'hold', 'accept', 'reject'][i % 4],
      reason: 'r',
      when: when(i),
    }));
    const policy = compilePolicy({ version: 1, name: 'p', lists: { everyone }, rules });
    expect(checkPolicy(policy, NOW).every(({ code }) => code !== 'unmatchable-rule')).toBe(true);
  });

  test('comes to an end with clauses made to be hard, and does not guess', () => {
    const rules = Array.from({ length: 40 }, (_, i) => ({
      id: `r${i}`,
      effect: i % 2 ? 'accept' : 'hold',
      reason: 'r',
      when: hardClauses(i + 1),
      unless: hardClauses(i + 2).map((clause) =>
        Object.fromEntries(Object.entries(clause).map(([key, not]) => [key, { not }])),
      ),
    }));
    const policy = compilePolicy({ version: 1, name: 'p', rules });
    expect(checkPolicy(policy, NOW)).toEqual(checkPolicy(policy, NOW));
  });

  test('says nothing about patterns that are too much work', () => {
    const rules = Array.from({ length: 20 }, (_, i) => ({
      id: `r${i}`,
      effect: i % 2 ? 'accept' : 'hold',
      reason: 'r',
      when: { 'service.name': hardPattern(i), 'service.tags.long': { like: `${'a'.repeat(50_000)}*` } },
    }));
    expect(checkPolicy(compilePolicy({ version: 1, name: 'p', rules }), NOW)).toEqual([]);
  });
});
