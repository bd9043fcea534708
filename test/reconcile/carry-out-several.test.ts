import { describe, expect, test } from 'vitest';
import { StoreError, type TrailStore } from '../../lib/audit/store.ts';
import { systemClock } from '../../lib/clock.ts';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  actedOn,
  approverFor,
  connections,
  portTo,
  type RealApprover,
  service,
  startCloud,
  writesOf,
} from '../support/emulated-cloud.ts';
import {
  callsOf,
  cloudError,
  connectionOf,
  type FakeServices,
  fakeServices,
  hang,
  lostAnswer,
  serviceOf,
} from '../support/fake-services.ts';
import { memoryStore } from '../support/memory-store.ts';
import { quickClock } from '../support/quick-clock.ts';
import { ACCEPT_ALL, BY_DOMAIN, policyOf, REQUEST, settingsOf } from '../support/run-settings.ts';
import { expectSoundTrail, openIn, recordsOf, runsIn } from '../support/trail.ts';

const HOUR = 3_600_000;

/** Services `s1`, `s2`, … each with so many connections of domain `a1`. */
function servicesOf(...counts: readonly number[]): FakeServices {
  return fakeServices(
    counts.map((count, s) => ({
      service: serviceOf(`s${s + 1}`),
      connections: Array.from({ length: count }, (_, i) => connectionOf(`s${s + 1}-e${i}`, { domainId: 'a1' })),
    })),
  );
}

function isAction({ method }: { readonly method: string }): boolean {
  return method === 'accept' || method === 'reject';
}

describe('carryOut while the list is read again', () => {
  test('does not call an accept superseded whose answer is still on its way', async () => {
    const port = servicesOf(12);
    const clock = quickClock();
    let lists = 0;
    let isRelisted: (() => void) | undefined;
    const relisted = new Promise<void>((resolve) => {
      isRelisted = resolve;
    });
    port.after = async (call) => {
      if (call.method === 'listConnections' && call.state === 'pending' && ++lists === 2) isRelisted?.();
      if (call.method !== 'accept') return;
      // The first answer comes only after the list without its connection was read.
      if (call.endpointId === 's1-e0') await relisted.then(() => systemClock.sleep(20));
      else clock.advance(1_500);
    };
    const settings = settingsOf({ ports: [port], clock, limits: { concurrency: 2 } });
    const result = await sweep(settings, REQUEST);
    expect(result.counts).toMatchObject({ listed: 12, accepted: 12, superseded: 0 });
  });
});

describe('carryOut of several services', () => {
  test('acts on and confirms the other services while one leaves every accept unanswered', async () => {
    const port = servicesOf(30, 30, 30);
    port.before = (call) => (isAction(call) && call.serviceId === 's1' ? hang(call.signal, 'unknown') : undefined);
    const store = memoryStore();
    const settings = settingsOf({ ports: [port], store, limits: { concurrency: 3 } });
    const result = await sweep(settings, { ...REQUEST, budgetMs: 400 });
    expect(result.counts).toMatchObject({ listed: 90, accepted: 60 });
    expect(result.isComplete).toBe(false);
    expectSoundTrail(await runsIn(store));
  });

  test('confirms the other services while one does not let its states be read', async () => {
    const port = servicesOf(2, 2);
    port.before = (call) =>
      call.method === 'getConnection' && call.serviceId === 's1' ? hang(call.signal) : undefined;
    const result = await sweep(settingsOf({ ports: [port] }), { ...REQUEST, budgetMs: 400 });
    const statuses = result.connections.map(({ ref, outcome }) => `${ref.serviceId} ${outcome.status}`);
    expect(statuses).toEqual(['s1 submitted', 's1 submitted', 's2 applied', 's2 applied']);
  });

  test('leaves a service alone after one lost answer too many, and only that one', async () => {
    const port = servicesOf(60, 5);
    port.before = (call) => {
      if (isAction(call) && call.serviceId === 's1') throw lostAnswer();
    };
    const result = await sweep(settingsOf({ ports: [port], limits: { concurrency: 2 } }), REQUEST);
    expect(result.counts).toMatchObject({ accepted: 5, failed: 60 });
    expect(callsOf(port, 'accept').filter((call) => call.includes('s1-')).length).toBeLessThan(20);
  });

  test('sends no reject for what somebody accepted meanwhile, however long the run takes', async () => {
    const cloud = await startCloud([service('s1', connections('e', 200, { domain_id: 'r1' }))]);
    const approver = await approverFor(cloud, { rules: BY_DOMAIN, config: { limits: { requests_per_second: 20 } } });
    let posts = 0;
    cloud.setFaults(({ method }) => {
      if (method === 'POST' && ++posts === 50) {
        for (let i = 150; i < 200; i++) cloud.cloud.setStatus(`e-${String(i).padStart(5, '0')}`, 'accepted');
      }
      return undefined;
    });
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ rejected: 150, superseded: 50, failed: 0 });
    expect(cloud.cloud.count({ status: 'accepted' })).toBe(50);
    expect(writesOf(cloud)).toHaveLength(150);
    expectSoundTrail(await runsIn(approver.store));
  });

  test('ends as failed, not as withheld, what was lost before the time was up', async () => {
    const port = servicesOf(1);
    const stop = new AbortController();
    port.before = (call) => {
      if (isAction(call)) throw lostAnswer();
      if (call.method === 'getConnection') stop.abort();
    };
    const store = memoryStore();
    const result = await sweep(settingsOf({ ports: [port], store }), { ...REQUEST, stop: stop.signal });
    expect(result.connections[0]?.outcome).toMatchObject({
      status: 'failed',
      error: { code: 'unconfirmed', retryable: true },
    });
    expect(callsOf(port, 'accept')).toHaveLength(1);
    expectSoundTrail(await runsIn(store));
  });
});

describe('sweep that is older than `run_minutes`', () => {
  test('neither acts nor writes when it was suspended before its first batch', async () => {
    const port = servicesOf(3);
    const clock = quickClock();
    const store = memoryStore();
    port.after = ({ method }) => {
      if (method === 'listConnections') clock.advance(HOUR);
    };
    await expect(sweep(settingsOf({ ports: [port], clock, store }), REQUEST)).rejects.toMatchObject({
      code: 'expired',
    });
    expect(port.effects).toEqual([]);
    expect(store.objects.size).toBe(0);
  });

  test('acts no more when it was suspended between two accepts, and is recovered', async () => {
    const port = servicesOf(4);
    const clock = quickClock();
    const store = memoryStore();
    port.after = ({ method }) => {
      if (method === 'accept') clock.advance(2 * HOUR);
    };
    const settings = settingsOf({ ports: [port], clock, store, limits: { concurrency: 1 } });
    await expect(sweep(settings, REQUEST)).rejects.toMatchObject({ code: 'expired' });
    expect(port.effects).toHaveLength(1);
    expect(openIn(await runsIn(store))).toHaveLength(4);
    port.after = () => {};
    expect((await sweep(settings, REQUEST)).counts).toMatchObject({ accepted: 3 });
    expect(port.effects).toHaveLength(4);
    expectSoundTrail(await runsIn(store));
  });

  test('does not write over what another run recovered meanwhile', async () => {
    const port = servicesOf(2);
    const clock = quickClock();
    const store = memoryStore();
    const settings = settingsOf({ ports: [port], clock, store });
    let isFirst = true;
    port.after = async ({ method }) => {
      if (method !== 'accept' || !isFirst) return;
      isFirst = false;
      clock.advance(2 * HOUR);
      await sweep(settings, REQUEST);
    };
    await expect(sweep(settings, REQUEST)).rejects.toMatchObject({ code: 'expired' });
    const runs = await runsIn(store);
    expect(recordsOf(runs, 'run.recovered')).toHaveLength(1);
    expectSoundTrail(runs);
  });
});

describe('judgeAll over HTTP', () => {
  test('rejects nobody because of an accept that has yet to succeed', async () => {
    const cloud = await startCloud([service('s1', connections('e', 3, { domain_id: 'd1' }))]);
    const approver = await approverFor(cloud, {
      rules: [
        { id: 'first', effect: 'accept', when: { 'domain.connections': { lt: 1 } } },
        { id: 'more', effect: 'reject', when: { 'domain.connections': { gte: 1 } } },
      ],
    });
    cloud.setFaults('error-500@POST');
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ rejected: 0, failed: 1, held: 2 });
    cloud.setFaults(null);
    const second = await approver.sweep(REQUEST);
    expect(second.counts).toMatchObject({ accepted: 1, rejected: 0, held: 2 });
    expect(second.connections.map(({ cause }) => cause)).toEqual(['rule', 'indeterminate', 'indeterminate']);
    // Now the count is a fact.
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ rejected: 2 });
    expectSoundTrail(await runsIn(approver.store));
  });
});

/** Leaves a dead run with `count` decisions whose outcomes were never written. */
async function dead(approver: RealApprover, settings: Parameters<typeof settingsOf>[0]): Promise<void> {
  let creates = 0;
  const dying: TrailStore = {
    ...approver.store,
    create(key, bytes) {
      creates += 1;
      return creates === 1 ? approver.store.create(key, bytes) : Promise.reject(new Error('the process was killed'));
    },
  };
  await expect(sweep(settingsOf({ ...settings, store: dying, policy: approver.policy }), REQUEST)).rejects.toThrow(
    'killed',
  );
}

describe('recoverDeadRuns', () => {
  test.each([
    { others: 0, faults: null },
    { others: 3_000, faults: null },
    { others: 0, faults: 'reset-before@POST' },
    { others: 3_000, faults: 'reset-before@POST' },
  ])(
    'reads 500 open decisions beside $others others with at most 40 requests, after `$faults`',
    async ({ others, faults }) => {
      const generate = { connections: others, status: 'accepted' as const };
      const cloud = await startCloud([service('s1', connections('e', 500), { generate })]);
      const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
      cloud.setFaults(faults);
      await dead(approver, { ports: [portTo(cloud)], clock: cloud.clock });
      cloud.setFaults(null);
      cloud.clock.advance(2 * HOUR);
      const before = cloud.requests.length;
      let asked = 0;
      await approver.sweep({
        ...REQUEST,
        observe: ({ stage }) => {
          if (stage === 'recovered') asked = cloud.requests.length - before;
        },
      });
      expect(asked).toBeGreaterThan(0);
      expect(asked).toBeLessThanOrEqual(40);
      const runs = await runsIn(approver.store);
      expectSoundTrail(runs);
      const recovered = recordsOf(runs, 'outcome').filter(({ data }) => data.recovered === true);
      expect(recovered).toHaveLength(500);
      expect(new Set(recovered.map(({ data }) => data.status))).toEqual(new Set([faults ? 'failed' : 'applied']));
      expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
    },
  );

  async function deadRun(port: FakeServices, settings: Parameters<typeof settingsOf>[0]): Promise<void> {
    port.before = ({ method }) => {
      if (method === 'accept') throw new RangeError('killed');
    };
    await expect(sweep(settingsOf(settings), REQUEST)).rejects.toThrow('killed');
    port.before = () => {};
  }

  test.each([3, 40])(
    'closes a run of %i decisions as failed when its connections are forbidden for good',
    async (count) => {
      const port = servicesOf(count);
      const world = { ports: [port], clock: quickClock(), store: memoryStore() };
      await deadRun(port, world);
      world.clock.advance(2 * HOUR);
      port.before = ({ method }) => {
        if (method === 'getConnection' || method === 'listConnections')
          throw cloudError('EndPoint.0004', { httpStatus: 403 });
      };
      await sweep(settingsOf(world), REQUEST);
      const runs = await runsIn(world.store);
      expectSoundTrail(runs);
      const outcomes = recordsOf(runs, 'outcome').map(({ data }) => data);
      expect(outcomes).toHaveLength(count);
      expect(outcomes[0]).toMatchObject({
        status: 'failed',
        state: 'unknown',
        error: { code: 'EndPoint.0004' },
        recovered: true,
      });
      // The next sweep finds nothing left to recover.
      await sweep(settingsOf(world), REQUEST);
      expect(recordsOf(await runsIn(world.store), 'run.recovered')).toHaveLength(1);
    },
  );

  test.each([
    { name: 'a wrong signature', error: cloudError('APIGW.0301', { httpStatus: 401 }) },
    { name: 'credentials that were refused before', error: cloudError('credentials-refused') },
  ])('leaves a run open at $name, which somebody will put right', async ({ error }) => {
    const port = servicesOf(3);
    const world = { ports: [port], clock: quickClock(), store: memoryStore() };
    await deadRun(port, world);
    world.clock.advance(2 * HOUR);
    port.before = () => {
      throw error;
    };
    await sweep(settingsOf(world), REQUEST);
    expect(openIn(await runsIn(world.store))).toHaveLength(3);
    port.before = () => {};
    await sweep(settingsOf(world), REQUEST);
    expectSoundTrail(await runsIn(world.store));
  });

  test.each([
    { kind: 'vpcep', code: 'EndPoint.0005', httpStatus: 404 },
    { kind: 'vpcep', code: 'EndPoint.2003', httpStatus: 400 },
    { kind: 'css', code: 'CSS.0016', httpStatus: 404 },
    { kind: 'css', code: 'CSS.0047', httpStatus: 400 },
  ] as const)('calls superseded what went with its service: $code', async ({ kind, code, httpStatus }) => {
    const port = fakeServices([{ service: serviceOf('s1'), connections: [connectionOf('e1', { domainId: 'a1' })] }], {
      kind,
    });
    const world = { ports: [port], clock: quickClock(), store: memoryStore() };
    await deadRun(port, world);
    world.clock.advance(2 * HOUR);
    port.before = ({ serviceId }) => {
      if (serviceId !== null) throw cloudError(code, { httpStatus });
    };
    await sweep(settingsOf(world), REQUEST);
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'outcome')).toMatchObject([{ data: { status: 'superseded', recovered: true } }]);
  });

  test('keeps to its share of the time, and leaves the rest to the living', async () => {
    const port = servicesOf(2, 2);
    const world = { ports: [port], clock: quickClock(), store: memoryStore() };
    await deadRun(port, { ...world, selection: { by: 'ids', ids: ['s1'] } });
    world.clock.advance(2 * HOUR);
    port.before = (call) => (call.serviceId === 's1' ? hang(call.signal) : undefined);
    const result = await sweep(settingsOf(world), { ...REQUEST, budgetMs: 600 });
    expect(result.findings.map(({ code }) => code)).toContain('recovery-failed');
    expect(result.counts).toMatchObject({ accepted: 2 });
    port.before = () => {};
    await sweep(settingsOf(world), REQUEST);
    expectSoundTrail(await runsIn(world.store));
  });
});

describe('sweep with a cache that fails', () => {
  test('ends as if nothing had happened when the cache cannot be written', async () => {
    const port = fakeServices([
      { service: serviceOf('s1'), connections: ['a1', 'h1'].map((id) => connectionOf(id, { domainId: id })) },
    ]);
    const store = memoryStore();
    store.replace = () => Promise.reject(new StoreError('full', 'no space left'));
    const settings = settingsOf({ ports: [port], store });
    expect(await sweep(settings, REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 1, held: 1 } });
    expect(await sweep(settings, REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 0, held: 1 } });
    const runs = await runsIn(store);
    // Losing the cache costs repetition, never truth.
    expect(
      recordsOf(runs, 'decision')
        .map(({ data }) => data.effect)
        .toSorted(),
    ).toEqual(['accept', 'hold', 'hold']);
    expectSoundTrail(runs);
  });

  test('goes on without the cache when it cannot be read', async () => {
    const port = fakeServices([{ service: serviceOf('s1'), connections: [connectionOf('a1', { domainId: 'a1' })] }]);
    const inner = memoryStore();
    const store: TrailStore = {
      ...inner,
      read: (key) =>
        key.startsWith('state/held') ? Promise.reject(new StoreError('denied', 'not yours')) : inner.read(key),
    };
    const result = await sweep(settingsOf({ ports: [port], store, policy: policyOf(ACCEPT_ALL) }), REQUEST);
    expect(result).toMatchObject({ isComplete: true, counts: { accepted: 1 } });
    expectSoundTrail(await runsIn(store));
  });
});
