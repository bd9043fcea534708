/** What `checkPolicy` says is true for every connection; and over a small world it misses nothing that is true there. */
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../../lib/core/check-policy.ts';
import type { FindingCode } from '../../lib/core/check/finding.ts';
import { evaluate, truthOfRule } from '../../lib/core/evaluate.ts';
import type { Fact } from '../../lib/core/fact.ts';
import { compilePolicy, type Policy, type Rule } from '../../lib/core/policy.ts';
import { FALSE, TRUE, type Truth } from '../../lib/core/truth.ts';
import {
  arbitraryConnection,
  arbitraryRules,
  documentOf,
  SMALL_ATTRIBUTES,
  SMALL_CONNECTIONS,
  SMALL_CONNECTIONS_OR_UNKNOWN,
  type Style,
} from './check/support/small-world.ts';

const NOW = Date.parse('2026-11-21T00:00:00Z');

/** Each finding of that code as the rule it is about and the other rule that its message names. */
function findingsIn(policy: Policy, code: FindingCode): readonly (readonly [Rule, Rule | undefined])[] {
  const byId = new Map(policy.rules.map((rule) => [rule.id, rule]));
  return checkPolicy(policy, NOW)
    .filter((finding) => finding.code === code)
    .map(({ message }) => {
      const [first, second] = [...message.matchAll(/`(r\d)`/g)].map((match) => byId.get(match[1] ?? ''));
      if (!first) throw new Error(`no rule in: ${message}`);
      return [first, second] as const;
    });
}

function conflictsIn(policy: Policy): readonly (readonly [Rule, Rule, string])[] {
  const byId = new Map(policy.rules.map((rule) => [rule.id, rule]));
  return checkPolicy(policy, NOW)
    .filter(({ code }) => code === 'accepted-and-rejected-domain')
    .map(({ message }) => {
      const [, quoted = '', accept = '', reject = ''] =
        /^the domain `(".*"|.*)` is accepted by `(.*)` and rejected by `(.*)`,/.exec(message) ?? [];
      return [byId.get(accept) as Rule, byId.get(reject) as Rule, quoted] as const;
    });
}

function onlyRules(policy: Policy, rules: readonly Rule[]): Policy {
  const ids = new Set(rules.map(({ id }) => id));
  const kept = policy.rules.filter(({ id }) => ids.has(id));
  return { ...policy, rules: kept, index: { byAttribute: [], rest: kept } };
}

/** Calls `judge` with many findings of one code, each with several random connections, and returns how many findings there were. */
function judgeMany(
  code: FindingCode,
  style: Style,
  facts: 'known' | 'any',
  judge: (rule: Rule, other: Rule | undefined, connection: ReadonlyMap<string, Fact>, policy: Policy) => void,
): number {
  let count = 0;
  const connections = fc.array(arbitraryConnection(facts === 'any'), { minLength: 30, maxLength: 30 });
  fc.assert(
    fc.property(arbitraryRules(style), connections, (rules, connections) => {
      const policy = compilePolicy(documentOf(rules));
      for (const [rule, other] of findingsIn(policy, code)) {
        count += 1;
        for (const connection of connections) judge(rule, other, connection, policy);
      }
    }),
    { numRuns: 2_500 },
  );
  return count;
}

describe.each(['plain', 'patterns'] as const)('a finding about %s rules', (style) => {
  test('that a rule can never match: nothing matches it', () => {
    const count = judgeMany('unmatchable-rule', style, 'known', (rule, _, connection, policy) => {
      expect(truthOfRule(rule, connection, NOW)).toBe(FALSE);
      expect(evaluate(onlyRules(policy, [rule]), connection, NOW).cause).toBe('no-match');
    });
    expect(count).toBeGreaterThan(150);
  });

  test('that a rule is shadowed: it never accepts, also when facts are unknown', () => {
    const count = judgeMany('shadowed-rule', style, 'any', (rule, shadow, connection, policy) => {
      const both = onlyRules(policy, [rule, shadow as Rule]);
      expect(evaluate(both, connection, NOW).effect).not.toBe('accept');
    });
    expect(count).toBeGreaterThan(150);
  });

  test('that a rule is a duplicate: both come out the same, also when facts are unknown', () => {
    const count = judgeMany('duplicate-rule', style, 'any', (rule, first, connection) => {
      expect(truthOfRule(rule, connection, NOW)).toBe(truthOfRule(first as Rule, connection, NOW));
    });
    expect(count).toBeGreaterThan(150);
  });
});

/** How a rule comes out for each of `connections`. */
function truthsOf(rule: Rule, connections: readonly ReadonlyMap<string, Fact>[]): readonly Truth[] {
  return connections.map((connection) => truthOfRule(rule, connection, NOW));
}

describe('a check of plain rules', () => {
  test('the small world has what it takes', () => {
    expect(SMALL_CONNECTIONS.length).toBe(4 * 2 * 5 * 5 * 7 * 6);
    expect(SMALL_CONNECTIONS_OR_UNKNOWN.length).toBe(5 * 3 * 6 * 6 * 8 * 7);
    expect([...(SMALL_CONNECTIONS[0]?.keys() ?? [])]).toEqual(SMALL_ATTRIBUTES);
  });

  test('misses no rule that can never match and no shadow', () => {
    const counts = { unmatchable: 0, shadowed: 0 };
    fc.assert(
      fc.property(arbitraryRules('plain'), (rules) => {
        const policy = compilePolicy(documentOf(rules));
        const truths = new Map(policy.rules.map((rule) => [rule, truthsOf(rule, SMALL_CONNECTIONS)]));
        const inOrder = [...policy.rules].sort((a, b) => a.position - b.position);
        const isLive = (rule: Rule) => truths.get(rule)?.includes(TRUE);
        const unmatchable = inOrder.filter((rule) => !isLive(rule));
        expect(findingsIn(policy, 'unmatchable-rule').map(([rule]) => rule.id)).toEqual(
          unmatchable.map(({ id }) => id),
        );

        const live = inOrder.filter(isLive);
        const shadowed = live.filter(
          (rule) =>
            rule.effect === 'accept' &&
            live.some(
              (other) =>
                other.effect !== 'accept' &&
                truths.get(rule)?.every((truth, i) => truth !== TRUE || truths.get(other)?.[i] === TRUE),
            ),
        );
        expect(findingsIn(policy, 'shadowed-rule').map(([rule]) => rule.id)).toEqual(shadowed.map(({ id }) => id));
        counts.unmatchable += unmatchable.length;
        counts.shadowed += shadowed.length;
      }),
      { numRuns: 400 },
    );
    expect(counts.unmatchable).toBeGreaterThan(100);
    expect(counts.shadowed).toBeGreaterThan(50);
  });

  test('names a domain only when both rules can be true for one connection of it', () => {
    let count = 0;
    fc.assert(
      fc.property(arbitraryRules('plain'), (rules) => {
        // One accepts and one rejects, each for a list of its own.
        const listed = rules.slice(2).map((rule, i) => ({
          ...rule,
          effect: i === 0 ? ('accept' as const) : ('reject' as const),
          when: [rule.when].flat().map((clause) => ({ ...clause, domain_id: i === 0 ? ['a', 'b'] : ['b', 'c'] })),
        }));
        const policy = compilePolicy(documentOf(listed));
        for (const [accept, reject, domain] of conflictsIn(policy)) {
          count += 1;
          const both = SMALL_CONNECTIONS.filter(
            (each) =>
              each.get('domain_id') === domain &&
              truthOfRule(accept, each, NOW) === TRUE &&
              truthOfRule(reject, each, NOW) === TRUE,
          );
          expect(both.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(count).toBeGreaterThan(100);
  });

  test('says the same of each rule in whatever order the rules stand', () => {
    fc.assert(
      fc.property(arbitraryRules('patterns'), (rules) => {
        const codes = ['unmatchable-rule', 'shadowed-rule', 'description-only-rule', 'exists-only-rule'] as const;
        const [there, back] = [rules, rules.toReversed()].map((each) => {
          const policy = compilePolicy(documentOf(each));
          return codes.flatMap((code) => findingsIn(policy, code).map(([rule]) => `${code} ${rule.id}`)).sort();
        });
        expect(back).toEqual(there);
      }),
      { numRuns: 500 },
    );
  });

  test('misses no duplicate of two rules, and takes no others for duplicates', () => {
    const counts = { same: 0, different: 0 };
    fc.assert(
      fc.property(arbitraryRules('plain'), (rules) => {
        const policy = compilePolicy(
          documentOf(rules.slice(0, 2).map((rule) => ({ ...rule, effect: 'hold' as const }))),
        );
        const [a, b] = policy.rules as [Rule, Rule];
        const truths = truthsOf(a, SMALL_CONNECTIONS);
        if (!truths.includes(TRUE)) return;
        const isSame =
          isDeepStrictEqual(truths, truthsOf(b, SMALL_CONNECTIONS)) &&
          isDeepStrictEqual(truthsOf(a, SMALL_CONNECTIONS_OR_UNKNOWN), truthsOf(b, SMALL_CONNECTIONS_OR_UNKNOWN));
        counts[isSame ? 'same' : 'different'] += 1;
        expect(findingsIn(policy, 'duplicate-rule')).toEqual(isSame ? [[b, a]] : []);
      }),
      { numRuns: 400 },
    );
    expect(counts.same).toBeGreaterThan(50);
    expect(counts.different).toBeGreaterThan(50);
  });
});
