/** The laws of policy.md over random policies and connections, and what a decision says besides its effect. Cases: decisions.test.ts. */
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { type Decision, evaluate } from '../../lib/core/evaluate.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { compilePolicy } from '../../lib/core/policy.ts';
import {
  arbitraryAttributes,
  arbitraryFilling,
  arbitraryKnown,
  arbitraryNow,
  arbitraryPolicy,
  arbitraryRule,
  GENERATED_ATTRIBUTES,
} from './support/arbitrary-policy.ts';
import { attributesFrom } from './support/attributes-from.ts';
import {
  type ClauseJson,
  naiveEvaluate,
  naiveRule,
  type PolicyJson,
  type RuleJson,
} from './support/naive-evaluator.ts';

const RUNS = { numRuns: 2_000 };

function decide(policy: PolicyJson, attributes: Parameters<typeof evaluate>[1], now: number): Decision {
  return evaluate(compilePolicy(policy), attributes, now);
}

function shuffled<T>(items: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length });
}

function reordered(clauses: RuleJson['when']): fc.Arbitrary<RuleJson['when']> {
  const list = (Array.isArray(clauses) ? clauses : [clauses]) as readonly ClauseJson[];
  return fc
    .tuple(shuffled(list), fc.subarray([...list]))
    .chain(([all, some]) => shuffled([...all, ...some]))
    .map((all) => all.map((clause) => Object.fromEntries(Object.entries(clause).toReversed())));
}

const variant = (policy: PolicyJson): fc.Arbitrary<PolicyJson> =>
  fc
    .tuple(
      ...policy.rules.map((each) =>
        fc
          .tuple(reordered(each.when), each.unless ? reordered(each.unless) : fc.constant(undefined))
          .map(([when, unless]): RuleJson => ({ ...each, when, ...(unless && { unless }) })),
      ),
    )
    .chain((rules) => shuffled(rules))
    .map((rules) => ({ ...policy, rules }));

const rule = (id: string, effect: RuleJson['effect'], when: RuleJson['when'], more: object = {}): RuleJson => ({
  id,
  effect,
  reason: `reason of ${id}`,
  when,
  ...more,
});
const policyOf = (...rules: RuleJson[]): PolicyJson => ({ version: 1, name: 'p', rules });

describe('evaluate', () => {
  test('gives the reason of the first rule by id', () => {
    const policy = policyOf(rule('b', 'accept', { region: 'r' }), rule('a', 'accept', { domain_id: 'x' }));
    expect(decide(policy, attributesFrom({ region: 'r', domain_id: 'x' }), 0)).toEqual({
      effect: 'accept',
      cause: 'rule',
      rules: ['a', 'b'],
      reason: 'reason of a',
      unknown: [],
    });
  });

  test('says that no rule matched', () => {
    expect(decide(policyOf(), attributesFrom({}), 0)).toEqual({
      effect: 'hold',
      cause: 'no-match',
      rules: [],
      reason: 'no rule matched',
      unknown: [],
    });
  });

  test('names the unknown attributes in the reason, sorted, each once', () => {
    const policy = policyOf(
      rule('b', 'reject', { region: 'r', 'endpoint.vpc_id': 'v' }),
      rule('a', 'hold', { region: 's', domain_id: { exists: true } }, { unless: { 'service.tags.x': 'y' } }),
      rule('c', 'accept', { description: 'irrelevant' }),
    );
    const attributes = attributesFrom({
      region: { unknown: true },
      'endpoint.vpc_id': { unknown: true },
      domain_id: 'x',
      'service.tags.x': { unknown: true },
      description: { unknown: true },
    });
    expect(decide(policy, attributes, 0)).toEqual({
      effect: 'hold',
      cause: 'indeterminate',
      rules: ['a', 'b'],
      reason: 'could not be decided: `endpoint.vpc_id`, `region`, `service.tags.x` unknown',
      unknown: ['endpoint.vpc_id', 'region', 'service.tags.x'],
    });
  });

  test.each(['accept', 'reject', 'hold'] as const)('lists what was unknown although an %s rule decided', (effect) => {
    const policy = policyOf(
      rule('by-domain', effect, [{ domain_id: 'x' }, { 'endpoint.vpc_id': 'v' }]),
      rule('other', 'accept', { 'endpoint.project_id': 'p' }),
    );
    const attributes = attributesFrom({
      domain_id: 'x',
      'endpoint.vpc_id': { unknown: true },
      'endpoint.project_id': { unknown: true },
    });
    expect(decide(policy, attributes, 0)).toMatchObject({ effect, rules: ['by-domain'], unknown: ['endpoint.vpc_id'] });
  });

  test('takes an attribute that nobody looked up for unknown, not for absent', () => {
    const policy = policyOf(rule('a', 'accept', { 'service.tags.env': { exists: false } }));
    expect(decide(policy, new Map(), 0)).toMatchObject({ effect: 'hold', unknown: ['service.tags.env'] });
  });

  test('agrees with an evaluator written from the words of the contract', () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(arbitraryPolicy, arbitraryAttributes, arbitraryNow, (policy, attributes, now) => {
        const { effect, cause, rules, unknown } = decide(policy, attributes, now);
        seen.set(`${effect} ${cause}`, (seen.get(`${effect} ${cause}`) ?? 0) + 1);
        expect({ effect, cause, rules, unknown }).toEqual(naiveEvaluate(policy, attributes, now));
      }),
      { numRuns: 5_000 },
    );
    // The generator has to reach every row of the table often, or the laws below say little.
    const rows = ['accept rule', 'reject rule', 'hold rule', 'hold indeterminate', 'hold no-match', 'reject no-match'];
    expect(rows.filter((row) => (seen.get(row) ?? 0) < 100)).toEqual([]);
  });

  test('law 1: order of rules, clauses and keys and duplicate clauses never change a decision', () => {
    const pairs = arbitraryPolicy.chain((policy) => fc.tuple(fc.constant(policy), variant(policy)));

    fc.assert(
      fc.property(pairs, arbitraryAttributes, arbitraryNow, ([policy, other], attributes, now) => {
        expect(decide(other, attributes, now)).toEqual(decide(policy, attributes, now));
      }),
      RUNS,
    );
  });

  test('law 2: the empty policy never accepts and never rejects', () => {
    fc.assert(
      fc.property(arbitraryAttributes, arbitraryNow, (attributes, now) => {
        expect(decide(policyOf(), attributes, now).effect).toBe('hold');
        expect(decide({ ...policyOf(), default: 'reject' }, attributes, now).effect).not.toBe('accept');
      }),
      RUNS,
    );
  });

  test('law 3: one more reject rule never leads to an accept', () => {
    const extra = arbitraryRule(fc.constant('z-extra'), fc.constant('reject'));
    fc.assert(
      fc.property(arbitraryPolicy, extra, arbitraryAttributes, arbitraryNow, (policy, more, attributes, now) => {
        const before = decide(policy, attributes, now);
        const after = decide({ ...policy, rules: [...policy.rules, more] }, attributes, now);
        expect(after.effect === 'accept' && before.effect !== 'accept').toBe(false);
      }),
      RUNS,
    );
  });

  test('law 3: one more accept rule changes neither an accept nor a reject by rule', () => {
    const extra = arbitraryRule(fc.constant('a-extra'), fc.constant('accept'));
    fc.assert(
      fc.property(arbitraryPolicy, extra, arbitraryAttributes, arbitraryNow, (policy, more, attributes, now) => {
        const before = decide(policy, attributes, now);
        const after = decide({ ...policy, rules: [...policy.rules, more] }, attributes, now);
        expect(before.effect === 'accept' && after.effect !== 'accept').toBe(false);
        expect(after).toEqual(before.effect === 'reject' && before.cause === 'rule' ? before : after);
      }),
      RUNS,
    );
  });

  test('law 4: an accept or reject stays the same however the unknown attributes are filled in', () => {
    let decided = 0;
    const situations = arbitraryAttributes.chain((attributes) =>
      fc.tuple(fc.constant(attributes), fc.array(arbitraryFilling(attributes), { minLength: 12, maxLength: 12 })),
    );
    fc.assert(
      fc.property(arbitraryPolicy, situations, arbitraryNow, (policy, [attributes, fillings], now) => {
        const { effect } = decide(policy, attributes, now);
        if (effect === 'hold') return;
        const hasUnknown = GENERATED_ATTRIBUTES.some((name) => (attributes.get(name) ?? UNKNOWN) === UNKNOWN);
        if (hasUnknown) decided++;
        for (const filling of fillings) expect(decide(policy, filling, now).effect).toBe(effect);
      }),
      { numRuns: 3_000 },
    );
    expect(decided).toBeGreaterThan(300);
  });

  test('law 5: evaluates whatever a connection holds, always the same, and changes nothing', () => {
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => {
      throw new Error('evaluate looked at the clock');
    });
    const random = vi.spyOn(Math, 'random').mockImplementation(() => {
      throw new Error('evaluate rolled dice');
    });
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.constant(null),
      fc.constant(UNKNOWN),
      fc.constant({ unknown: true } as const),
    );
    const connection = fc
      .tuple(...GENERATED_ATTRIBUTES.map(() => anything))
      .map((facts) => new Map(facts.map((fact, i) => [GENERATED_ATTRIBUTES[i] as string, fact])));
    try {
      fc.assert(
        fc.property(arbitraryPolicy, connection, fc.double(), (source, attributes, now) => {
          const policy = compilePolicy(source);
          const before = new Map(attributes);
          const decision = evaluate(policy, attributes, now);
          evaluate(policy, new Map([['domain_id', 'a']]), now + 1);
          expect(evaluate(policy, attributes, now)).toEqual(decision);
          expect(evaluate(compilePolicy(source), attributes, now)).toEqual(decision);
          expect(attributes).toEqual(before);
        }),
        { ...RUNS, seed: 1 },
      );
    } finally {
      clock.mockRestore();
      random.mockRestore();
    }
  });

  test('law 6: accepts only where an accept rule is true and no other rule could speak against it', () => {
    fc.assert(
      fc.property(arbitraryPolicy, arbitraryAttributes, arbitraryNow, (policy, attributes, now) => {
        const decision = decide(policy, attributes, now);
        if (decision.effect !== 'accept') return;
        const truths = policy.rules.map((each) => [each.effect, naiveRule(each, policy, attributes, now)]);
        expect(decision.cause).toBe('rule');
        expect(truths).toContainEqual(['accept', 'T']);
        expect(truths.filter(([effect, truth]) => effect !== 'accept' && truth !== 'F')).toEqual([]);
      }),
      RUNS,
    );
  });

  test('the generators fill in every attribute with present values and absence', () => {
    for (const name of GENERATED_ATTRIBUTES) {
      const facts = fc.sample(arbitraryKnown(name), 100);
      expect(facts).toContain(null);
      expect(facts.some((fact) => fact !== null)).toBe(true);
    }
  });
});
