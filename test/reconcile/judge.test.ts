import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConnectionListing } from '../../lib/cloud/endpoint-services.ts';
import type { Connection } from '../../lib/core/connection.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { countByDomain } from '../../lib/reconcile/domain-counts.ts';
import type { GatheredService } from '../../lib/reconcile/gather.ts';
import { judgeAll, type Verdict } from '../../lib/reconcile/judge.ts';
import { connectionOf, fakeServices, serviceOf } from '../support/fake-services.ts';
import { START } from '../support/quick-clock.ts';
import { ACCEPT_ALL, BY_DOMAIN, NO_LIMITS, policyOf, REJECT_ALL, type RuleDraft } from '../support/run-settings.ts';

const FEWER_THAN_5: readonly RuleDraft[] = [{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 5 } } }];

function gatheredOf(
  serviceId: string,
  connections: readonly Connection[],
  listing: Partial<ConnectionListing> = {},
): GatheredService {
  return {
    ref: { kind: 'vpcep', region: 'eu-de', projectId: 'p1', serviceId },
    port: fakeServices([], { allowed: [] }),
    service: serviceOf(serviceId),
    pending: connections.filter(({ state }) => state === 'pending'),
    accepted: [],
    domainCounts: countByDomain({ connections, isComplete: true, pages: 1, ...listing }),
    endpoints: new Map(),
    listedAt: START,
    pages: 1,
  };
}

/** `count` connections, the first the oldest. */
function inOrder(prefix: string, count: number, change: Partial<Connection> = {}): Connection[] {
  return Array.from({ length: count }, (_, i) =>
    connectionOf(`${prefix}${i}`, { createdAt: new Date(START - (count - i) * 1_000).toISOString(), ...change }),
  );
}

/** Effects by endpoint. */
function effectsOf({ judgements }: Verdict): Readonly<Record<string, string>> {
  return Object.fromEntries(judgements.map(({ ref, decision }) => [ref.endpointId, decision.effect]));
}

function acceptedIn(verdict: Verdict): readonly string[] {
  return verdict.judgements.filter(({ decision }) => decision.effect === 'accept').map(({ ref }) => ref.endpointId);
}

const judgeLimited = (limit: number | null) => {
  const services = ['s2', 's1'].map((id) =>
    gatheredOf(id, [
      ...inOrder(`${id}-d1-`, 3, { domainId: 'd1' }),
      ...inOrder(`${id}-d2-`, 1, { domainId: 'd2' }),
      ...inOrder(`${id}-d3-`, 2, { domainId: 'd3' }),
    ]),
  );
  return judgeAll(services, policyOf(ACCEPT_ALL), { ...NO_LIMITS, acceptsPerDomainPerRun: limit }, START);
};

describe('judgeAll', () => {
  test('counts the accepts of the run for `domain.connections`, oldest first', () => {
    const accepted = inOrder('old', 3, { state: 'accepted' });
    const pending = inOrder('new', 10).toReversed();
    const verdict = judgeAll([gatheredOf('s1', [...pending, ...accepted])], policyOf(FEWER_THAN_5), NO_LIMITS, START);
    expect(acceptedIn(verdict)).toEqual(['new0', 'new1']);
    expect(verdict.judgements.map(({ attributes }) => attributes.get('domain.connections'))).toEqual([
      3,
      4,
      ...Array.from({ length: 8 }, () => 5),
    ]);
  });

  test('counts connections that are being created, and none in another state', () => {
    const others = (['creating', 'rejected', 'failed', 'deleting'] as const).map((state) =>
      connectionOf(state, { state }),
    );
    const verdict = judgeAll(
      [gatheredOf('s1', [...others, connectionOf('e1')])],
      policyOf(FEWER_THAN_5),
      NO_LIMITS,
      START,
    );
    expect(verdict.judgements[0]?.attributes.get('domain.connections')).toBe(1);
  });

  test('counts each domain, and each service, for itself', () => {
    const services = ['s1', 's2'].map((id) =>
      gatheredOf(id, [
        ...inOrder(`${id}-old`, 4, { state: 'accepted', domainId: 'd1' }),
        ...inOrder(`${id}-d1-`, 2, { domainId: 'd1' }),
        ...inOrder(`${id}-d2-`, 2, { domainId: 'd2' }),
      ]),
    );
    const verdict = judgeAll(services, policyOf(FEWER_THAN_5), NO_LIMITS, START);
    expect([...acceptedIn(verdict)].sort()).toEqual(['s1-d1-0', 's1-d2-0', 's1-d2-1', 's2-d1-0', 's2-d2-0', 's2-d2-1']);
  });

  test('does not count a reject or a hold for `domain.connections`', () => {
    const rules: readonly RuleDraft[] = [
      { id: 'turn-away', effect: 'reject', when: { endpoint_id: ['e0', 'e1'] } },
      { id: 'first', effect: 'accept', when: { 'domain.connections': { lt: 1 } } },
    ];
    const verdict = judgeAll([gatheredOf('s1', inOrder('e', 4))], policyOf(rules), NO_LIMITS, START);
    expect(effectsOf(verdict)).toEqual({ e0: 'reject', e1: 'reject', e2: 'accept', e3: 'hold' });
  });

  test.each([
    ['the listing is incomplete', [], { isComplete: false }],
    [
      'an accepted connection has no readable domain',
      [connectionOf('x', { state: 'accepted', domainId: UNKNOWN })],
      {},
    ],
    [
      'a connection without readable domain is in an unknown state',
      [connectionOf('x', { state: 'unknown', domainId: UNKNOWN })],
      {},
    ],
    ['a connection of the domain is in an unknown state', [connectionOf('x', { state: 'unknown' })], {}],
  ] as const)('holds on `domain.connections` when %s', (_, others, listing) => {
    const gathered = gatheredOf('s1', [connectionOf('e1'), ...others], listing);
    const { judgements } = judgeAll([gathered], policyOf(FEWER_THAN_5), NO_LIMITS, START);
    expect(judgements.map(({ decision }) => decision)).toMatchObject([
      { effect: 'hold', cause: 'indeterminate', rules: ['few'], unknown: ['domain.connections'] },
    ]);
  });

  test('still counts other domains when one connection is in an unknown state', () => {
    const strange = connectionOf('x', { state: 'unknown', domainId: 'd9' });
    const verdict = judgeAll(
      [gatheredOf('s1', [connectionOf('e1'), strange])],
      policyOf(FEWER_THAN_5),
      NO_LIMITS,
      START,
    );
    expect(effectsOf(verdict)).toEqual({ e1: 'accept' });
  });

  test('leaves the count unknown for everybody after accepting a connection without readable domain', () => {
    const rules: readonly RuleDraft[] = [
      { id: 'first', effect: 'accept', when: { endpoint_id: 'e0' } },
      ...FEWER_THAN_5,
    ];
    const nobody = connectionOf('e0', { domainId: UNKNOWN, createdAt: '2026-11-20T00:00:00Z' });
    const verdict = judgeAll([gatheredOf('s1', [nobody, connectionOf('e1')])], policyOf(rules), NO_LIMITS, START);
    expect(effectsOf(verdict)).toEqual({ e0: 'accept', e1: 'hold' });
  });

  test('judges what has no readable time last', () => {
    const timeless = connectionOf('a', { createdAt: UNKNOWN });
    const verdict = judgeAll(
      [gatheredOf('s1', [timeless, connectionOf('b'), ...inOrder('old', 3, { state: 'accepted' })])],
      policyOf([{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 4 } } }]),
      NO_LIMITS,
      START,
    );
    expect(acceptedIn(verdict)).toEqual(['b']);
  });

  describe('with the brake', () => {
    const rules: readonly RuleDraft[] = [
      { id: 'no-1', effect: 'reject', when: { domain_id: { like: 'r*' } } },
      { id: 'no-2', effect: 'reject', when: { domain_id: 'r1' } },
      ...BY_DOMAIN.filter(({ effect }) => effect === 'accept'),
    ];
    const judge = (rejects: number, limit: number | null) => {
      const connections = [...inOrder('r', rejects, { domainId: 'r1' }), ...inOrder('a', 2, { domainId: 'a1' })];
      return judgeAll([gatheredOf('s1', connections)], policyOf(rules), { ...NO_LIMITS, rejectsPerRun: limit }, START);
    };

    test('rejects when there are exactly as many rejects as allowed', () => {
      const verdict = judge(3, 3);
      expect(effectsOf(verdict)).toEqual({ r0: 'reject', r1: 'reject', r2: 'reject', a0: 'accept', a1: 'accept' });
      expect(verdict.findings).toEqual([]);
    });

    test('holds every reject beyond, keeps the rules that asked for it, and lets accepts go on', () => {
      const verdict = judge(4, 3);
      expect(effectsOf(verdict)).toEqual({
        r0: 'hold',
        r1: 'hold',
        r2: 'hold',
        r3: 'hold',
        a0: 'accept',
        a1: 'accept',
      });
      expect(verdict.judgements.map(({ decision }) => `${decision.cause} ${decision.rules.join()}`).toSorted()).toEqual(
        [...Array.from({ length: 4 }, () => 'brake no-1,no-2'), ...Array.from({ length: 2 }, () => 'rule accept-a')],
      );
      expect(verdict.findings).toMatchObject([
        { code: 'brake', severity: 'warning', details: { rejects: 4, limit: 3 } },
      ]);
    });

    test('lets no reject through at 0', () => {
      expect(effectsOf(judge(1, 0))).toMatchObject({ r0: 'hold' });
      expect(judge(0, 0).findings).toEqual([]);
    });

    test('is off at null', () => {
      const verdict = judge(5_000, null);
      expect(verdict.judgements.filter(({ decision }) => decision.effect === 'reject')).toHaveLength(5_000);
      expect(verdict.findings).toEqual([]);
    });

    test('counts rejects of all services together, also those by default', () => {
      const policy = policyOf([], { default: 'reject' });
      const services = ['s1', 's2'].map((id) => gatheredOf(id, inOrder(id, 2)));
      const verdict = judgeAll(services, policy, { ...NO_LIMITS, rejectsPerRun: 3 }, START);
      expect(verdict.judgements.map(({ decision }) => decision.cause)).toEqual(['brake', 'brake', 'brake', 'brake']);
      expect(verdict.findings).toHaveLength(1);
    });
  });

  describe('with the limit per domain', () => {
    test('holds the surplus of a domain over all services, with one finding for each', () => {
      const verdict = judgeLimited(2);
      const held = verdict.judgements.filter(({ decision }) => decision.effect === 'hold');
      expect(held.map(({ ref }) => ref.endpointId).sort()).toEqual([
        's1-d1-2',
        's2-d1-0',
        's2-d1-1',
        's2-d1-2',
        's2-d3-0',
        's2-d3-1',
      ]);
      for (const { decision } of held) expect(decision).toMatchObject({ cause: 'limit', rules: ['accept-all'] });
      expect(verdict.findings).toMatchObject([
        { code: 'limit', details: { domain_id: 'd1', held: 4, limit: 2 } },
        { code: 'limit', details: { domain_id: 'd3', held: 2, limit: 2 } },
      ]);
    });

    test('is off at null', () => {
      expect(acceptedIn(judgeLimited(null))).toHaveLength(12);
    });

    test('does not count for `domain.connections` what it holds', () => {
      const pending = inOrder('e', 3);
      const verdict = judgeAll(
        [gatheredOf('s1', pending)],
        policyOf([{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 9 } } }]),
        { ...NO_LIMITS, acceptsPerDomainPerRun: 1 },
        START,
      );
      expect(verdict.judgements.map(({ attributes }) => attributes.get('domain.connections'))).toEqual([0, 1, 1]);
    });

    test('gives connections of unreadable domains one share together', () => {
      const rules: readonly RuleDraft[] = [{ id: 'any', effect: 'accept', when: { endpoint_id: { exists: true } } }];
      const verdict = judgeAll(
        [gatheredOf('s1', inOrder('e', 3, { domainId: UNKNOWN }))],
        policyOf(rules),
        { ...NO_LIMITS, acceptsPerDomainPerRun: 1 },
        START,
      );
      expect(acceptedIn(verdict)).toEqual(['e0']);
      expect(verdict.findings).toMatchObject([{ code: 'limit', details: { domain_id: null, held: 2 } }]);
    });
  });

  test('does not depend on the order in which services and connections arrive', () => {
    const rules: readonly RuleDraft[] = [
      { id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 3 }, domain_id: ['d1', 'd2'] } },
      { id: 'no', effect: 'reject', when: { domain_id: 'd3' } },
    ];
    const connection = fc.record({
      domainId: fc.constantFrom('d1', 'd2', 'd3', UNKNOWN),
      state: fc.constantFrom('pending' as const, 'pending' as const, 'accepted' as const, 'unknown' as const),
      createdAt: fc.constantFrom('2026-11-21T10:00:00Z', '2026-11-21T11:00:00Z', UNKNOWN),
    });
    const cloud = fc.array(fc.array(connection, { maxLength: 8 }), { maxLength: 4 }).chain((services) => {
      const built = services.map((drafts, s) => ({
        serviceId: `s${s}`,
        connections: drafts.map((draft, c) => connectionOf(`s${s}-e${c}`, draft)),
      }));
      const shuffled = fc
        .tuple(...built.map(({ connections }) => shuffle(connections)))
        .chain((lists) =>
          shuffle(built.map(({ serviceId }, i) => ({ serviceId, connections: lists[i] as readonly Connection[] }))),
        );
      return fc.tuple(fc.constant(built), shuffled);
    });
    const limits = { ...NO_LIMITS, rejectsPerRun: 2, acceptsPerDomainPerRun: 2 };
    const judge = (services: readonly { serviceId: string; connections: readonly Connection[] }[]) => {
      const gathered = services.map((service) => gatheredOf(service.serviceId, service.connections));
      const { judgements, findings } = judgeAll(gathered, policyOf(rules), limits, START);
      return {
        findings,
        judgements: judgements.map(({ ref, decision, decisionId }) => ({ ref, decision, decisionId })),
      };
    };
    fc.assert(
      fc.property(cloud, ([one, other]) => {
        expect(judge(other)).toEqual(judge(one));
      }),
      { numRuns: 300 },
    );
  });

  test('gives the same decision the same id, and another effect another', () => {
    const one = [gatheredOf('s1', [connectionOf('e1')])];
    const idOf = (rules: readonly RuleDraft[], rejectsPerRun: number | null = null) =>
      judgeAll(one, policyOf(rules), { ...NO_LIMITS, rejectsPerRun }, START).judgements[0]?.decisionId;
    expect(idOf(ACCEPT_ALL)).toBe(idOf(ACCEPT_ALL));
    expect(idOf(REJECT_ALL)).not.toBe(idOf(REJECT_ALL, 0));
  });
});

function shuffle<T>(items: readonly T[]): fc.Arbitrary<readonly T[]> {
  return fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
}
