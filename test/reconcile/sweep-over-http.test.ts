import { describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../lib/audit/directory-store.ts';
import { StoreError, type TrailStore } from '../../lib/audit/store.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Fault, FaultFunction } from '../../lib/emulator/faults.ts';
import type { ScenarioConnection } from '../../lib/emulator/scenario.ts';
import type { RunResult } from '../../lib/reconcile/run-result.ts';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  actedOn,
  approverFor,
  connections,
  type EmulatedCloud,
  OWN_DOMAIN,
  portTo,
  service,
  startCloud,
  temporaryFolder,
  writesOf,
} from '../support/emulated-cloud.ts';
import { ACCEPT_ALL, BY_DOMAIN, policyOf, REQUEST, settingsOf } from '../support/run-settings.ts';
import { endpointOf, expectSoundTrail, namesOf, recordsIn, recordsOf, runsIn } from '../support/trail.ts';

/** Endpoint ids whose decision is durable, kept up to date by a store around `store`. */
function spiedStore(store: TrailStore): { readonly store: TrailStore; readonly decided: ReadonlySet<string> } {
  const decided = new Set<string>();
  return {
    decided,
    store: {
      ...store,
      async create(key, bytes) {
        await store.create(key, bytes);
        for (const record of recordsIn(bytes)) {
          if (record.type === 'vpcep-approver.decision.v1') decided.add(endpointOf(record));
        }
      },
    },
  };
}

/** The endpoint that an accept or reject names, `null` for other requests. */
function endpointIn({ method, body }: { readonly method: string; readonly body: string }): string | null {
  if (method !== 'POST') return null;
  return (JSON.parse(body) as { endpoints: [string] }).endpoints[0];
}

async function temporaryStore(): Promise<TrailStore> {
  return createDirectoryStore(await temporaryFolder());
}

function inThirds(index: number): Partial<ScenarioConnection> {
  return { domain_id: ['a1', 'r1', 'h1'][index % 3] ?? '' };
}

/** Answers the first action with a fault. */
function once(fault: Fault): FaultFunction {
  let isUsed = false;
  return ({ method }) => {
    if (method !== 'POST' || isUsed) return undefined;
    isUsed = true;
    return fault;
  };
}

function statusesOf(cloud: EmulatedCloud): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of cloud.cloud.connections()) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe('sweep over HTTP', () => {
  test('sends no accept or reject before its decision is durable', async () => {
    const cloud = await startCloud([
      service('s1', connections('e', 700, inThirds)),
      service('s2', connections('f', 50, inThirds)),
    ]);
    const { store, decided } = spiedStore(await temporaryStore());
    const early: (string | null)[] = [];
    cloud.setFaults((request) => {
      const endpointId = endpointIn(request);
      if (endpointId !== null && !decided.has(endpointId)) early.push(endpointId);
      return undefined;
    });
    const result = await sweep(settingsOf({ ports: [portTo(cloud)], store, clock: cloud.clock }), REQUEST);
    expect(early).toEqual([]);
    expect(result.counts).toMatchObject({ listed: 750, accepted: 251, rejected: 250, held: 249, failed: 0 });
    expect(writesOf(cloud)).toHaveLength(501);
    const runs = await runsIn(store);
    expectSoundTrail(runs);
    expect(namesOf(runs[0] as never).at(-1)).toBe('run.finished');
  });

  test.each([1, 2, 3])('sends nothing after create %i of the store failed', async (at) => {
    const cloud = await startCloud([service('s1', connections('e', 620))]);
    const { store, decided } = spiedStore(await temporaryStore());
    let creates = 0;
    const failing: TrailStore = {
      ...store,
      create(key, bytes) {
        creates += 1;
        if (creates >= at) return Promise.reject(new StoreError('full', 'no space left'));
        return store.create(key, bytes);
      },
    };
    const settings = settingsOf({ ports: [portTo(cloud)], store: failing, clock: cloud.clock });
    await expect(sweep(settings, REQUEST)).rejects.toBeInstanceOf(StoreError);
    expect(writesOf(cloud)).toHaveLength([0, 500, 620][at - 1] ?? -1);
    expect([...actedOn(cloud).keys()].every((id) => decided.has(id))).toBe(true);
    expect(recordsOf(await runsIn(store), 'run.finished')).toEqual([]);
  });

  test('decides and acts once on each of 1,037 connections of 7 services while acting shrinks the lists', async () => {
    const sizes = [500, 1, 0, 36, 300, 150, 50];
    const cloud = await startCloud(sizes.map((size, i) => service(`s${i}`, connections(`c${i}`, size))));
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    const result = await approver.sweep(REQUEST);
    expect(result).toMatchObject({ isComplete: true, counts: { listed: 1_037, accepted: 1_037 } });
    const runs = await runsIn(approver.store);
    expectSoundTrail(runs);
    expect(new Set(recordsOf(runs, 'decision').map(endpointOf)).size).toBe(1_037);
    expect(recordsOf(runs, 'decision')).toHaveLength(1_037);
    expect(actedOn(cloud).size).toBe(1_037);
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
    expect(writesOf(cloud)).toHaveLength(1_037);
  });

  test('reads all pages of a list before the first action', async () => {
    const cloud = await startCloud([
      service(
        's1',
        connections('e', 2_100, (i) => ({ domain_id: i % 100 === 0 ? 'a1' : 'h1' })),
      ),
    ]);
    const approver = await approverFor(cloud, { rules: BY_DOMAIN });
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ listed: 2_100, accepted: 21, held: 2_079 });
    const first = cloud.requests.findIndex(({ method }) => method === 'POST');
    const pages = cloud.requests.slice(0, first).filter(({ query }) => query.includes('pendingAcceptance'));
    expect(pages).toHaveLength(3);
  });

  test.each(['own stores', 'one store'])(
    'lets two sweeps at once over 200 connections act once each, with %s',
    async (stores) => {
      const cloud = await startCloud([
        service(
          's1',
          connections('e', 200, (i) => ({ domain_id: i % 4 === 0 ? 'r1' : 'a1' })),
        ),
      ]);
      const first = await approverFor(cloud, { rules: BY_DOMAIN });
      const second = await approverFor(cloud, {
        rules: BY_DOMAIN,
        ...(stores === 'one store' && { folder: first.folder }),
      });
      const results = await Promise.all([first.sweep(REQUEST), second.sweep(REQUEST)]);
      expect(statusesOf(cloud)).toEqual({ accepted: 150, rejected: 50 });
      expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
      const sum = (name: keyof RunResult['counts']) => results.reduce((total, { counts }) => total + counts[name], 0);
      expect(sum('accepted') + sum('rejected')).toBe(200);
      expect(sum('superseded')).toBe(sum('listed') - 200);
      expect(sum('failed') + sum('submitted')).toBe(0);
      expect(results.every(({ isComplete, findings }) => isComplete && findings.length === 0)).toBe(true);
      for (const { store } of new Set([first, second])) expectSoundTrail(await runsIn(store));
    },
  );

  test('holds on what another account owns, and reads only the endpoints of pending connections', async () => {
    const own = { endpoint: { vpc_id: 'v1' }, domain_id: OWN_DOMAIN };
    const cloud = await startCloud([
      service('s1', [
        ...connections('own', 2, own),
        ...connections('foreign', 2, { domain_id: 'a1' }),
        ...connections('old', 5, { status: 'accepted' }),
      ]),
    ]);
    const approver = await approverFor(cloud, {
      rules: [{ id: 'vpc', effect: 'accept', when: { 'endpoint.vpc_id': 'v1' } }],
    });
    const { connections: results } = await approver.sweep(REQUEST);
    expect(results.map(({ ref, effect, cause }) => [ref.endpointId, effect, cause])).toEqual([
      ['foreign-00000', 'hold', 'indeterminate'],
      ['foreign-00001', 'hold', 'indeterminate'],
      ['own-00000', 'accept', 'rule'],
      ['own-00001', 'accept', 'rule'],
    ]);
    expect(cloud.requests.filter(({ path }) => path.includes('/vpc-endpoints/'))).toHaveLength(4);
  });

  test('asks for nothing that no rule reads', async () => {
    const cloud = await startCloud([
      service('s1', [...connections('e', 3), ...connections('old', 5, { status: 'accepted' })]),
    ]);
    const approver = await approverFor(cloud, { rules: BY_DOMAIN.filter(({ effect }) => effect === 'hold') });
    await approver.sweep(REQUEST);
    expect(
      cloud.requests.map(({ method, path, query }) => [
        method,
        path.split('/').at(-1),
        query.includes('status=pendingAcceptance'),
      ]),
    ).toEqual([
      ['GET', 'vpc-endpoint-services', false],
      ['GET', 'connections', true],
    ]);
  });

  test('accepts no more than `domain.connections` allows, the oldest first', async () => {
    const cloud = await startCloud([
      service('s1', [
        ...connections('old', 2, { status: 'accepted' }),
        ...connections('under-way', 1, { status: 'creating' }),
        ...connections('new', 10),
      ]),
    ]);
    const approver = await approverFor(cloud, {
      rules: [{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 5 } } }],
    });
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 2, held: 8 });
    expect(cloud.changes.map(({ endpointId }) => endpointId).toSorted()).toEqual(['new-00000', 'new-00001']);
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 0, held: 8 });
  });

  test('sends nothing at all in dry-run, not even to restore approval', async () => {
    const cloud = await startCloud([
      service(
        's1',
        connections('e', 30, (i) => ({ domain_id: i % 2 === 0 ? 'a1' : 'r1', status: 'pendingAcceptance' })),
        {
          approval_enabled: false,
        },
      ),
    ]);
    const approver = await approverFor(cloud, { rules: BY_DOMAIN, config: { mode: 'dry-run', guard: 'enforce' } });
    const result = await approver.sweep(REQUEST);
    expect(writesOf(cloud)).toEqual([]);
    expect(result).toMatchObject({ mode: 'dry-run', counts: { listed: 30, accepted: 0, rejected: 0 } });
    const runs = await runsIn(approver.store);
    expectSoundTrail(runs);
    expect(new Set(recordsOf(runs, 'outcome').map(({ data }) => data.by))).toEqual(new Set(['dry-run']));
    expect(await approver.store.read('state/held.json')).toBeNull();
  });

  test('switches approval on and finds it on in the next sweep', async () => {
    const cloud = await startCloud([service('s1', [], { approval_enabled: false })]);
    const approver = await approverFor(cloud, { rules: BY_DOMAIN, config: { guard: 'enforce' } });
    expect((await approver.sweep(REQUEST)).findings.map(({ code }) => code)).toEqual([
      'approval-disabled',
      'approval-restored',
    ]);
    expect(cloud.cloud.service('s1')?.approvalEnabled).toBe(true);
    expect((await approver.sweep(REQUEST)).findings).toEqual([]);
  });

  test('confirms accepts that take time to arrive', async () => {
    const cloud = await startCloud([service('s1', connections('e', 20))], { accept_delay_ms: 5_000 });
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 20, submitted: 0 });
    expect(writesOf(cloud)).toHaveLength(20);
  });

  test('ends as submitted what does not arrive within `confirm_seconds`', async () => {
    const cloud = await startCloud([service('s1', connections('e', 20))], { accept_delay_ms: 60_000 });
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { limits: { confirm_seconds: 10 } } });
    const { counts, connections: results } = await approver.sweep(REQUEST);
    expect(counts).toMatchObject({ accepted: 0, submitted: 20 });
    expect(results[0]?.outcome).toEqual({ status: 'submitted', state: 'creating' });
    expect((await approver.sweep(REQUEST)).counts.listed).toBe(0);
  });

  describe('with one bad answer', () => {
    test.each([
      { kind: 'reset-after', attempts: 1, requests: 'GET POST GET' },
      { kind: 'reset-before', attempts: 2, requests: 'GET POST GET POST GET' },
      { kind: 'hang', attempts: 2, requests: 'GET POST GET POST GET' },
      { kind: 'error-500', attempts: 2, requests: 'GET POST GET POST GET' },
      { kind: 'error-500', value: 'after', attempts: 1, requests: 'GET POST GET' },
      { kind: 'throttle', attempts: 2, requests: 'GET POST POST GET' },
      { kind: 'throttle-400', attempts: 2, requests: 'GET POST POST GET' },
    ] as const)('applies in $attempts attempts after $kind', async ({ attempts, requests, ...fault }) => {
      const cloud = await startCloud([service('s1', connections('e', 1))]);
      const store = await temporaryStore();
      cloud.setFaults(once(fault));
      // Only the bound on one request takes its real time.
      const timeout = 150;
      const port = portTo(cloud, {
        bounds: { requestTimeout: timeout },
        clock: {
          now: cloud.clock.now,
          sleep: (ms, signal) => (ms === timeout ? systemClock.sleep(ms, signal) : cloud.clock.sleep(ms, signal)),
        },
      });
      const result = await sweep(
        settingsOf({ ports: [port], store, clock: cloud.clock, policy: policyOf(ACCEPT_ALL) }),
        REQUEST,
      );
      expect(result).toMatchObject({ isComplete: true, counts: { accepted: 1 } });
      expect(recordsOf(await runsIn(store), 'outcome')[0]?.data).toMatchObject({ status: 'applied', attempts });
      expect(actedOn(cloud)).toEqual(new Map([['e-00000', 1]]));
      const sent = cloud.requests.filter(({ path }) => path.includes('/connections'));
      // Between two sendings of a lost call stands a look at the state.
      expect(sent.map(({ method }) => method).join(' ')).toBe(requests);
    });
  });

  test('stops at a refusal of the credentials instead of asking again for each connection', async () => {
    const cloud = await startCloud([service('s1', connections('e', 50))]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    cloud.setFaults(({ method }) => (method === 'POST' ? { kind: 'clock-skew', value: '20m' } : undefined));
    const { counts } = await approver.sweep(REQUEST);
    expect(counts).toMatchObject({ listed: 50, accepted: 0, failed: 50 });
    expect(writesOf(cloud).length).toBeLessThanOrEqual(8);
    expect(actedOn(cloud).size).toBe(0);
  });

  test.each(['/connections?', '/connections/action'])('ends by itself when `%s` hangs', async (where) => {
    const cloud = await startCloud([service('s1', connections('e', 20)), service('s2', connections('f', 20))]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    cloud.setFaults(`hang@${where}`);
    const result = await approver.sweep({ ...REQUEST, budgetMs: 400 });
    expect(result).toMatchObject({ isComplete: false, counts: { accepted: 0 } });
    const runs = await runsIn(approver.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'run.finished')[0]?.data.complete).toBe(false);
    cloud.setFaults(null);
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 40 });
  });

  test('closes a run whose process died after its actions, from the same folder', async () => {
    const cloud = await startCloud([service('s1', connections('e', 30, inThirds))]);
    const approver = await approverFor(cloud, { rules: BY_DOMAIN });
    let creates = 0;
    const dying: TrailStore = {
      ...approver.store,
      create(key, bytes) {
        creates += 1;
        return creates === 1 ? approver.store.create(key, bytes) : Promise.reject(new Error('the process was killed'));
      },
    };
    const settings = settingsOf({ ports: [portTo(cloud)], store: dying, clock: cloud.clock, policy: approver.policy });
    await expect(sweep(settings, REQUEST)).rejects.toThrow('the process was killed');
    expect(statusesOf(cloud)).toEqual({ accepted: 10, rejected: 10, pendingAcceptance: 10 });
    cloud.clock.advance(61 * 60_000);
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { listed: 10, held: 10 } });
    const runs = await runsIn(approver.store);
    expectSoundTrail(runs);
    const recovered = recordsOf(runs, 'outcome').filter(({ data }) => data.recovered === true);
    expect(recovered.filter(({ data }) => data.status === 'applied')).toHaveLength(20);
    expect(recovered.filter(({ data }) => data.status === 'withheld')).toHaveLength(10);
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
  });

  test.each([
    [{ tags: { env: 'prod' } }, ['s1'], []],
    [['s2', 'nowhere'], ['s2'], ['service-failed']],
  ])('governs the services that %j selects', async (services, governed, findings) => {
    const cloud = await startCloud([
      service('s1', connections('e', 2), { tags: { env: 'prod' } }),
      service('s2', connections('f', 2), { tags: { env: 'test' } }),
    ]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, services });
    const result = await approver.sweep(REQUEST);
    expect([...new Set(cloud.changes.map(({ serviceId }) => serviceId))]).toEqual(governed);
    expect(result.findings.map(({ code }) => code)).toEqual(findings);
    expect(result.isComplete).toBe(findings.length === 0);
  });

  test('goes on with the other services when one always fails', async () => {
    const cloud = await startCloud([service('s1', connections('e', 5)), service('s2', connections('f', 5))]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    cloud.setFaults('error-500@services/s1/');
    const result = await approver.sweep(REQUEST);
    expect(result).toMatchObject({ isComplete: false, counts: { accepted: 5 } });
    expect(result.findings).toMatchObject([{ code: 'service-failed', subject: { serviceId: 's1' } }]);
  });
});
