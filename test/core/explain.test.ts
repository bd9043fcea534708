/** The trace: the same decision as `evaluate`, which uses the index, and how each rule, clause and condition came out. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../lib/core/evaluate.ts';
import { explain } from '../../lib/core/explain.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { compilePolicy } from '../../lib/core/policy.ts';
import { nameOfTruth } from '../../lib/core/truth.ts';
import { arbitraryAttributes, arbitraryNow, arbitraryPolicy } from './support/arbitrary-policy.ts';
import { naiveRule } from './support/naive-evaluator.ts';

const WORDS = { T: 'true', U: 'unknown', F: 'false' } as const;

describe('explain', () => {
  test('decides as evaluate does, without the index', () => {
    fc.assert(
      fc.property(arbitraryPolicy, arbitraryAttributes, arbitraryNow, (source, attributes, now) => {
        const policy = compilePolicy(source);
        expect(explain(policy, attributes, now).decision).toEqual(evaluate(policy, attributes, now));
      }),
      { numRuns: 5_000 },
    );
  });

  test('traces every rule once, sorted by id, with the truth that the contract gives it', () => {
    fc.assert(
      fc.property(arbitraryPolicy, arbitraryAttributes, arbitraryNow, (source, attributes, now) => {
        const { trace } = explain(compilePolicy(source), attributes, now);
        const expected = source.rules.map((rule) => [rule.id, WORDS[naiveRule(rule, source, attributes, now)]]);
        expected.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
        expect(trace.map(({ rule, result }) => [rule.id, nameOfTruth(result)])).toEqual(expected);
      }),
      { numRuns: 1_000 },
    );
  });

  test('shows each condition with what was expected, what was found and how it came out', () => {
    const policy = compilePolicy({
      version: 1,
      name: 'p',
      rules: [
        {
          id: 'later',
          effect: 'accept',
          reason: 'r',
          when: [
            { region: 'eu', domain_id: { in: ['a'] } },
            { 'service.tags.x': { exists: false }, description: { like: 'd*' } },
          ],
          unless: { 'endpoint.vpc_id': { not: 'v' } },
          valid: { from: '2027-01-01T00:00:00Z' },
        },
        { id: 'bare', effect: 'reject', reason: 'r', when: { region: 'us' } },
      ],
    });
    const attributes = new Map([
      ['region', 'eu'],
      ['domain_id', 'b'],
      ['service.tags.x', null],
      ['description', 'dd'],
    ]);
    const { trace } = explain(policy, attributes, 0);

    expect(trace.map(({ rule, effect, isValid }) => ({ id: rule.id, effect, isValid }))).toEqual([
      { id: 'bare', effect: 'reject', isValid: true },
      { id: 'later', effect: 'accept', isValid: false },
    ]);
    expect(trace[0]).toMatchObject({ result: 0, unless: null, when: { result: 0 } });
    expect(trace[1]).toMatchObject({
      result: 0,
      when: {
        result: 2,
        clauses: [
          {
            result: 0,
            conditions: [
              { attribute: 'region', matcher: 'eu', actual: 'eu', result: 2 },
              { attribute: 'domain_id', matcher: { in: ['a'] }, actual: 'b', result: 0 },
            ],
          },
          {
            result: 2,
            conditions: [
              { attribute: 'service.tags.x', matcher: { exists: false }, actual: null, result: 2 },
              { attribute: 'description', matcher: { like: 'd*' }, actual: 'dd', result: 2 },
            ],
          },
        ],
      },
      unless: {
        result: 1,
        clauses: [
          {
            result: 1,
            conditions: [{ attribute: 'endpoint.vpc_id', matcher: { not: 'v' }, actual: UNKNOWN, result: 1 }],
          },
        ],
      },
    });
  });
});
