/** Which rules cases exercise: against the truth of every rule in `explain`, and at the edges. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explain } from '../lib/core/explain.ts';
import { UNKNOWN } from '../lib/core/fact.ts';
import { compilePolicy } from '../lib/core/policy.ts';
import { FALSE, TRUE } from '../lib/core/truth.ts';
import { PolicyCoverage } from '../lib/policy-coverage.ts';
import { arbitraryAttributes, arbitraryNow, arbitraryPolicy } from './core/support/arbitrary-policy.ts';
import { policyOf } from './support/run-settings.ts';

const NOW = Date.UTC(2026, 10, 21);

describe('PolicyCoverage', () => {
  test('finds the gaps that the explanations of all cases have', () => {
    const cases = fc.array(fc.tuple(arbitraryAttributes, arbitraryNow), { maxLength: 6 });
    fc.assert(
      fc.property(arbitraryPolicy, cases, (source, all) => {
        const policy = compilePolicy(source);
        const coverage = new PolicyCoverage(policy);
        for (const [attributes, now] of all) coverage.add(attributes, now);
        const traces = all.flatMap(([attributes, now]) => explain(policy, attributes, now).trace);
        const without = (truth: number) =>
          policy.rules
            .map(({ id }) => id)
            .filter((id) => !traces.some(({ rule, result }) => rule.id === id && result === truth));
        expect(coverage.gaps()).toEqual({ neverTrue: without(TRUE), neverFalse: without(FALSE) });
      }),
      { numRuns: 1_000 },
    );
  });

  test('misses both ways of every rule before the first case', () => {
    const coverage = new PolicyCoverage(
      policyOf([
        { id: 'b', effect: 'hold', when: { region: 'x' } },
        { id: 'a', effect: 'accept', when: { region: 'y' } },
      ]),
    );
    expect(coverage.gaps()).toEqual({ neverTrue: ['a', 'b'], neverFalse: ['a', 'b'] });
  });

  test('counts a rule that was only unknown as neither', () => {
    const coverage = new PolicyCoverage(policyOf([{ id: 'a', effect: 'accept', when: { region: 'y' } }]));
    coverage.add(new Map([['region', UNKNOWN]]), NOW);
    expect(coverage.gaps()).toEqual({ neverTrue: ['a'], neverFalse: ['a'] });
  });

  test('has no gaps in a policy without rules', () => {
    expect(new PolicyCoverage(policyOf([])).gaps()).toEqual({ neverTrue: [], neverFalse: [] });
  });
});
