/** Comparing policies: what counts as a change, how changes are grouped, and what a trail says about it. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunLog } from '../lib/audit/run-log.ts';
import type { DecisionData } from '../lib/audit/record.ts';
import { evaluate } from '../lib/core/evaluate.ts';
import { UNKNOWN } from '../lib/core/fact.ts';
import { compilePolicy } from '../lib/core/policy.ts';
import { backtest } from '../lib/policy-backtest.ts';
import { compareAt, diffOf } from '../lib/policy-diff.ts';
import { connectionRef, decisionData, MINUTE, NOON, runIdAt } from './audit/support/samples.ts';
import { startRun } from './audit/support/runs.ts';
import { arbitraryAttributes, arbitraryNow, arbitraryPolicy } from './core/support/arbitrary-policy.ts';
import { type MemoryStore, memoryStore } from './support/memory-store.ts';
import { policyOf, type RuleDraft } from './support/run-settings.ts';

function rule(id: string, effect: RuleDraft['effect'], domain: string): RuleDraft {
  return { id, effect, when: { domain_id: { like: domain } } };
}

describe('compareAt', () => {
  test('sees a change exactly where the effects differ, and other rules where only cause or rules do', () => {
    fc.assert(
      fc.property(arbitraryPolicy, arbitraryPolicy, arbitraryAttributes, arbitraryNow, (a, b, attributes, now) => {
        const pair = { from: compilePolicy(a), to: compilePolicy(b) };
        const [from, to] = [evaluate(pair.from, attributes, now), evaluate(pair.to, attributes, now)];
        const { change, hasOtherRules } = compareAt(pair, attributes, now, () => ({ id: 'x' }));
        const isSame = from.cause === to.cause && from.rules.join() === to.rules.join();
        expect(change !== null).toBe(from.effect !== to.effect);
        expect(hasOtherRules).toBe(from.effect === to.effect && !isSame);
        expect(change?.from.effect ?? from.effect).toBe(from.effect);
        expect(change?.to.effect ?? to.effect).toBe(to.effect);
      }),
      { numRuns: 2_000 },
    );
  });

  test('tells what nobody had read from what could not be read', () => {
    const pair = {
      from: policyOf([{ id: 'r', effect: 'reject', when: { region: 'x' } }]),
      to: policyOf([{ id: 'r', effect: 'reject', when: { region: 'x', project_id: 'y' } }]),
    };
    const { lacking } = compareAt(pair, new Map([['region', UNKNOWN]]), 0, () => ({}));
    expect(lacking).toEqual({ from: [], to: ['project_id'] });
  });
});

describe('diffOf', () => {
  const EFFECTS = ['accept', 'reject', 'hold'] as const;
  const comparisons = EFFECTS.flatMap((from) =>
    EFFECTS.map((to) => {
      const pair = { from: policyOf([rule('old', from, '*')]), to: policyOf([rule('new', to, '*')]) };
      return compareAt(pair, new Map([['domain_id', 'd']]), 0, () => ({ id: `${from}-${to}` }));
    }),
  );

  test('puts widening first, then what ends an accept, then the others', () => {
    const { groups } = diffOf(comparisons);
    expect(groups.map(({ from, to, isWidening }) => [from, to, isWidening])).toEqual([
      ['reject', 'accept', true],
      ['hold', 'accept', true],
      ['accept', 'reject', false],
      ['accept', 'hold', false],
      ['hold', 'reject', false],
      ['reject', 'hold', false],
    ]);
  });

  test('counts changes of effect apart from changes of rules', () => {
    expect(diffOf(comparisons)).toMatchObject({ evaluated: 9, changed: 6, sameEffectOtherRules: 3 });
  });

  test('sorts the connections of a group', () => {
    const pair = { from: policyOf([]), to: policyOf([rule('a', 'accept', '*')]) };
    const all = ['c', 'a', 'b'].map((id) => compareAt(pair, new Map([['domain_id', 'd']]), 0, () => ({ id })));
    expect(diffOf(all).groups.flatMap(({ changes }) => changes.map(({ who }) => who.id))).toEqual(['a', 'b', 'c']);
  });
});

async function trailOf(runs: readonly ((log: RunLog) => void)[]): Promise<MemoryStore> {
  const store = memoryStore();
  for (const [i, write] of runs.entries()) {
    const at = NOON + i * MINUTE;
    const log = startRun(store, runIdAt(at, i), at);
    write(log);
    await log.flush();
  }
  return store;
}

function decide(log: RunLog, number: number, change: Partial<DecisionData>): void {
  log.append('decision', decisionData(number, change), connectionRef(number));
}

function connectionAt(createdAt: string): DecisionData['connection'] {
  return { ...decisionData().connection, created_at: createdAt };
}

describe('backtest', () => {
  const pair = {
    from: policyOf([rule('a', 'accept', 'd*')]),
    to: policyOf([rule('a', 'accept', 'e*'), { id: 'p', effect: 'hold', when: { project_id: 'p' } }]),
  };

  const known = { domain_id: 'd1', project_id: 'x' };

  test('takes each connection once, at its latest record', async () => {
    const store = await trailOf([
      (log) => decide(log, 1, { attributes: known }),
      (log) => decide(log, 1, { attributes: { ...known, domain_id: 'e1' } }),
    ]);
    const { diff, runs, decisions } = await backtest(store, pair);
    expect({ runs, decisions }).toEqual({ runs: 2, decisions: 2 });
    expect(diff.evaluated).toBe(1);
    expect(diff.groups.map(({ from, to }) => [from, to])).toEqual([['hold', 'accept']]);
  });

  test('takes another request by the same endpoint for another connection', async () => {
    const store = await trailOf([
      (log) => decide(log, 1, { attributes: known, connection: connectionAt('2026-11-20T00:00:00Z') }),
      (log) => decide(log, 1, { attributes: known, connection: connectionAt('2026-11-21T00:00:00Z') }),
    ]);
    expect((await backtest(store, pair)).diff.evaluated).toBe(2);
  });

  test('judges each record at its own time', async () => {
    const until = new Date(NOON + MINUTE / 2).toISOString();
    const to = policyOf([{ ...rule('a', 'accept', 'd*'), valid: { until } } as RuleDraft]);
    const store = await trailOf([1, 2].map((number) => (log) => decide(log, number, { attributes: known })));
    const { diff } = await backtest(store, { from: pair.from, to });
    expect(diff.groups.flatMap(({ changes }) => changes.map(({ who }) => who))).toEqual([
      { id: 'vpcep/eu-de/p1/s1/e2', time: new Date(NOON + MINUTE).toISOString() },
    ]);
  });

  test('holds what the record lacks for unknown, and says so', async () => {
    const store = await trailOf([(log) => decide(log, 1, { attributes: { domain_id: 'e1' } })]);
    const { diff } = await backtest(store, pair);
    expect(diff.undecided).toEqual({
      from: { count: 0, attributes: [] },
      to: { count: 1, attributes: ['project_id'] },
    });
    expect(diff).toMatchObject({ changed: 0, sameEffectOtherRules: 1 });
  });

  test('does not believe what redaction left', async () => {
    const store = await trailOf([
      (log) => decide(log, 1, { attributes: { domain_id: 'd [redacted]', project_id: 'x' } }),
    ]);
    const { diff } = await backtest(store, pair);
    expect(diff).toMatchObject({ evaluated: 1, changed: 0, undecided: { from: { count: 0 } } });
  });

  test('names a record with a value of the wrong kind and goes on', async () => {
    const store = await trailOf([
      (log) => {
        decide(log, 1, { attributes: { domain_id: 7 } });
        decide(log, 2, { attributes: known });
      },
    ]);
    const { diff, problems, problemCount } = await backtest(store, pair);
    expect(diff.evaluated).toBe(1);
    expect(problems).toEqual([expect.stringMatching(/line 2: found a value of `domain_id` that it cannot have/)]);
    expect(problemCount).toBe(1);
  });

  test('counts a damaged run up to the damage and goes on with the next', async () => {
    const store = await trailOf([
      (log) => decide(log, 1, { attributes: known }),
      (log) => decide(log, 2, { attributes: known }),
    ]);
    const [key = ''] = [...store.objects.keys()].sort();
    const lines = Buffer.from(store.objects.get(key) ?? '')
      .toString()
      .split('\n');
    store.objects.set(key, Buffer.from([lines[0], lines[1]?.replace('accept', 'reject'), '{', ''].join('\n')));
    const { diff, problems } = await backtest(store, pair);
    expect(diff.evaluated).toBe(1);
    expect(problems).toEqual([expect.stringContaining('the rest of this run is left out')]);
  });

  test('stops where it is told to', async () => {
    const store = await trailOf([(log) => decide(log, 1, { attributes: known })]);
    const result = await backtest(store, pair, { stop: AbortSignal.abort() });
    expect(result).toMatchObject({ isWhole: false, decisions: 0 });
  });

  test('reads without writing', async () => {
    const store = await trailOf([(log) => decide(log, 1, { attributes: known })]);
    store.beforeCreate = () => {
      throw new Error('must not write');
    };
    const before = new Map(store.objects);
    await backtest(store, pair);
    expect(store.objects).toEqual(before);
  });

  test('copes with ids that are huge, hostile or called __proto__', async () => {
    const ids = ['x'.repeat(100_000), '\u001b[2J\n', '__proto__', 'a/b'];
    const store = await trailOf([
      (log) => {
        for (const endpointId of ids) {
          log.append('decision', decisionData(1, { attributes: known }), { ...connectionRef(), endpointId });
        }
      },
    ]);
    expect((await backtest(store, pair)).diff).toMatchObject({ evaluated: ids.length, changed: ids.length });
  });
});
