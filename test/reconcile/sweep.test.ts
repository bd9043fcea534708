import { describe, expect, test } from 'vitest';
import { heldDigest, readHeld } from '../../lib/audit/held.ts';
import { systemClock } from '../../lib/clock.ts';
import { withholdWrites } from '../../lib/cloud/dry-run.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  callsOf,
  cloudError,
  connectionOf,
  fakeServices,
  hang,
  type FakeServices,
  lostAnswer,
  serviceOf,
} from '../support/fake-services.ts';
import { failFrom, memoryStore } from '../support/memory-store.ts';
import { quickClock, START } from '../support/quick-clock.ts';
import { ACCEPT_ALL, BY_DOMAIN, policyOf, REJECT_ALL, REQUEST, settingsOf } from '../support/run-settings.ts';
import { expectSoundTrail, namesOf, recordsIn, recordsOf, runsIn, endpointOf } from '../support/trail.ts';

/** One service per list of domains; connections are called `<service>-<index>`. */
function cloudOf(...services: readonly (readonly string[])[]): FakeServices {
  return fakeServices(
    services.map((domains, s) => ({
      service: serviceOf(`s${s + 1}`),
      connections: domains.map((domainId, i) => connectionOf(`s${s + 1}-${i}`, { domainId })),
    })),
  );
}

describe('sweep', () => {
  test('writes one segment with two records when there is nothing to do', async () => {
    const store = memoryStore();
    const result = await sweep(settingsOf({ ports: [cloudOf([], [])], store }), REQUEST);
    const [run] = await runsIn(store);
    expect(run?.segments).toHaveLength(1);
    expect(namesOf(run as never)).toEqual(['run.started', 'run.finished']);
    expect(result).toMatchObject({ isComplete: true, connections: [], findings: [] });
    expect([...store.objects.keys()].filter((key) => key.startsWith('trail/'))).toHaveLength(1);
  });

  test('says who asked, under which policy, by which build and over which targets', async () => {
    const store = memoryStore();
    const settings = settingsOf({ ports: [cloudOf([]), fakeServices([], { projectId: 'p2' })], store });
    await sweep(settings, { trigger: 'timer', requestId: 'platform-1', budgetMs: null });
    expect(recordsOf(await runsIn(store), 'run.started')[0]?.data).toEqual({
      trigger: 'timer',
      mode: 'enforce',
      policy: { name: 'test', digest: settings.policy.digest },
      build: { version: '0.0.0', digest: null },
      targets: [
        { kind: 'vpcep', region: 'eu-de', project_id: 'p1' },
        { kind: 'vpcep', region: 'eu-de', project_id: 'p2' },
      ],
      request_id: 'platform-1',
    });
  });

  test('accepts, rejects and holds by the policy, and counts what became of it', async () => {
    const store = memoryStore();
    const port = cloudOf(['a1', 'r1', 'h1'], ['x1', 'a1']);
    const result = await sweep(settingsOf({ ports: [port], store }), REQUEST);
    expect(result.counts).toEqual({
      listed: 5,
      accepted: 2,
      rejected: 1,
      held: 2,
      superseded: 0,
      failed: 0,
      submitted: 0,
    });
    expect(
      result.connections.map(({ ref, effect, cause, rules, outcome }) => [
        ref.endpointId,
        effect,
        cause,
        rules,
        outcome,
      ]),
    ).toEqual([
      ['s1-0', 'accept', 'rule', ['accept-a'], { status: 'applied', state: 'accepted' }],
      ['s1-1', 'reject', 'rule', ['reject-r'], { status: 'applied', state: 'rejected' }],
      ['s1-2', 'hold', 'rule', ['hold-h'], { status: 'withheld', by: 'hold', state: 'pending' }],
      ['s2-0', 'hold', 'no-match', [], { status: 'withheld', by: 'hold', state: 'pending' }],
      ['s2-1', 'accept', 'rule', ['accept-a'], { status: 'applied', state: 'accepted' }],
    ]);
    const runs = await runsIn(store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'run.finished')[0]?.data).toMatchObject({ counts: result.counts, complete: true });
  });

  test('records the facts that the rules read, and nothing else', async () => {
    const store = memoryStore();
    const policy = policyOf([
      { id: 'young', effect: 'accept', when: { age: { lt: '1h' }, 'service.tags.env': 'prod' } },
      { id: 'vpc', effect: 'hold', when: { 'endpoint.vpc_id': 'v1' } },
    ]);
    await sweep(settingsOf({ ports: [cloudOf(['a1'])], store, policy }), REQUEST);
    expect(recordsOf(await runsIn(store), 'decision')[0]).toMatchObject({
      subject: 'vpcep/eu-de/p1/s1/s1-0',
      data: {
        connection: { id: 's1-0', status: 'pending' },
        attributes: { age: '1800s', 'service.tags.env': null, 'endpoint.vpc_id': { unknown: true } },
        effect: 'hold',
        cause: 'indeterminate',
        rules: ['vpc'],
        unknown: ['endpoint.vpc_id'],
      },
    });
  });

  test('never acts on a connection in an unknown state, and says so', async () => {
    const port = fakeServices([
      {
        service: serviceOf('s1'),
        connections: [
          connectionOf('e1', { domainId: 'a1', state: 'unknown', record: { id: 'e1', status: 'suspended' } }),
          connectionOf('e2', { domainId: 'a1' }),
        ],
      },
    ]);
    const policy = policyOf([
      ...BY_DOMAIN,
      { id: 'crowd', effect: 'hold', when: { domain_id: 'z', 'domain.connections': { gt: 5 } } },
    ]);
    const { findings, connections } = await sweep(settingsOf({ ports: [port], policy }), REQUEST);
    expect(callsOf(port, 'accept', 'reject')).toEqual(['accept e2']);
    expect(connections).toHaveLength(1);
    expect(findings).toMatchObject([
      { code: 'unknown-state', details: { endpoints: ['e1'], statuses: ['suspended'] }, subject: { serviceId: 's1' } },
    ]);
  });

  test('judges and writes a connection once although two targets have its service', async () => {
    const store = memoryStore();
    const port = cloudOf(['a1', 'a1'], ['h1']);
    const settings = settingsOf({ ports: [port], store });
    const selection = { by: 'ids' as const, ids: ['s1', 's1'] };
    await sweep({ ...settings, targets: [...settings.targets, { port, selection }] }, REQUEST);
    const runs = await runsIn(store);
    expect(recordsOf(runs, 'decision').map(endpointOf).sort()).toEqual(['s1-0', 's1-1', 's2-0']);
    expectSoundTrail(runs);
    expect(callsOf(port, 'accept')).toHaveLength(2);
  });

  test('counts a domain’s accepts once over overlapping targets', async () => {
    const port = cloudOf(['d1', 'd1', 'd1', 'd1']);
    const policy = policyOf([{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 2 } } }]);
    const settings = settingsOf({ ports: [port], policy });
    await sweep({ ...settings, targets: [...settings.targets, ...settings.targets] }, REQUEST);
    expect(port.effects).toHaveLength(2);
  });

  describe('with a brake or a limit', () => {
    test('sends no reject beyond the brake, and goes on with accepts', async () => {
      const store = memoryStore();
      const port = cloudOf(['r1', 'a1', 'r2'], ['r3']);
      const result = await sweep(settingsOf({ ports: [port], store, limits: { rejectsPerRun: 2 } }), REQUEST);
      expect(callsOf(port, 'accept', 'reject')).toEqual(['accept s1-1']);
      expect(result.counts).toMatchObject({ accepted: 1, rejected: 0, held: 3 });
      expect(result.findings).toMatchObject([{ code: 'brake' }]);
      const runs = await runsIn(store);
      expect(recordsOf(runs, 'finding').map(({ data }) => data.code)).toEqual(['brake']);
      const braked = recordsOf(runs, 'decision').filter(({ data }) => data.cause === 'brake');
      expect(braked.map(({ data }) => [data.effect, data.rules])).toEqual(
        Array.from({ length: 3 }, () => ['hold', ['reject-r']]),
      );
    });

    test('accepts the rest of a domain in the next runs', async () => {
      const settings = settingsOf({
        ports: [cloudOf(['a1', 'a1', 'a1'], ['a1', 'a2'])],
        limits: { acceptsPerDomainPerRun: 2 },
      });
      const accepted: number[] = [];
      for (let run = 0; run < 3; run++) accepted.push((await sweep(settings, REQUEST)).counts.accepted);
      expect(accepted).toEqual([3, 2, 0]);
    });
  });

  describe('with holds', () => {
    test('does not write an unchanged hold again, and still covers it', async () => {
      const store = memoryStore();
      const settings = settingsOf({ ports: [cloudOf(['h1', 'x1', 'h2'])], store });
      const first = await sweep(settings, REQUEST);
      const second = await sweep(settings, REQUEST);
      const runs = await runsIn(store);
      expect(namesOf(runs[1] as never)).toEqual(['run.started', 'run.finished']);
      expect(second.counts).toEqual(first.counts);
      expect(second.connections).toEqual(first.connections);
      const ids = recordsOf(runs, 'decision').map(({ data }) => data.decision_id);
      expect(recordsOf(runs, 'run.finished').map(({ data }) => data.held_digest)).toEqual([
        heldDigest(ids),
        heldDigest(ids),
      ]);
      expect((await readHeld(store)).held).toEqual(new Set(ids));
      // An hour of `run_minutes` and ten minutes between two machines' clocks.
      expect((await readHeld(store)).closedBefore).toBe(START - 70 * 60_000);
    });

    test('writes a new hold alone', async () => {
      const store = memoryStore();
      const port = cloudOf(['h1']);
      const settings = settingsOf({ ports: [port], store });
      await sweep(settings, REQUEST);
      port.add('s1', connectionOf('new', { domainId: 'h9' }));
      await sweep(settings, REQUEST);
      const [, second] = await runsIn(store);
      expect(recordsOf(second as never, 'decision').map(endpointOf)).toEqual(['new']);
    });

    test('writes holds again under another policy', async () => {
      const store = memoryStore();
      const ports = [cloudOf(['h1', 'x1'])];
      await sweep(settingsOf({ ports, store }), REQUEST);
      await sweep(settingsOf({ ports, store, policy: policyOf([]) }), REQUEST);
      const [, second] = await runsIn(store);
      expect(recordsOf(second as never, 'decision')).toHaveLength(2);
    });

    test('writes holds again when the cache was lost or is damaged', async () => {
      const store = memoryStore();
      const settings = settingsOf({ ports: [cloudOf(['h1', 'x1'])], store });
      const { counts } = await sweep(settings, REQUEST);
      store.objects.delete('state/held.json');
      expect((await sweep(settings, REQUEST)).counts).toEqual(counts);
      store.objects.set('state/held.json', Buffer.from('{"v":1,"held":["x"'));
      expect((await sweep(settings, REQUEST)).counts).toEqual(counts);
      const runs = await runsIn(store);
      expect(runs.map((run) => recordsOf(run, 'decision').length)).toEqual([2, 2, 2]);
      expectSoundTrail(runs);
    });

    test('keeps what is known about a service that could not be listed', async () => {
      const store = memoryStore();
      const port = cloudOf(['h1'], ['h2']);
      const settings = settingsOf({ ports: [port], store });
      await sweep(settings, REQUEST);
      port.before = ({ method, serviceId }) => {
        if (method === 'listConnections' && serviceId === 's2') throw cloudError('EndPoint.0001', { httpStatus: 500 });
      };
      const broken = await sweep(settings, REQUEST);
      expect(broken.counts).toMatchObject({ listed: 1, held: 1 });
      port.before = () => {};
      await sweep(settings, REQUEST);
      const runs = await runsIn(store);
      expect(runs.map((run) => recordsOf(run, 'decision').length)).toEqual([2, 0, 0]);
    });

    test('keeps what is known, and is incomplete, when a list has holes', async () => {
      const store = memoryStore();
      const port = cloudOf(['h1', 'h2', 'h3']);
      const settings = settingsOf({ ports: [port], store });
      await sweep(settings, REQUEST);
      port.alterListing = (listing) => ({ ...listing, connections: listing.connections.slice(1), isComplete: false });
      const holey = await sweep(settings, REQUEST);
      expect(holey.isComplete).toBe(false);
      expect(holey.findings).toMatchObject([{ code: 'service-failed', subject: { serviceId: 's1' } }]);
      port.alterListing = (listing) => listing;
      await sweep(settings, REQUEST);
      const runs = await runsIn(store);
      expect(runs.map((run) => recordsOf(run, 'decision').length)).toEqual([3, 0, 0]);
    });

    test('forgets a hold that has gone', async () => {
      const store = memoryStore();
      const port = cloudOf(['h1', 'h2']);
      const settings = settingsOf({ ports: [port], store });
      await sweep(settings, REQUEST);
      port.remove('s1-0');
      await sweep(settings, REQUEST);
      expect((await readHeld(store)).held.size).toBe(1);
    });
  });

  describe('in dry-run', () => {
    test('decides and writes the same, and sends nothing', async () => {
      const stores = { enforce: memoryStore(), 'dry-run': memoryStore() };
      const ports = { enforce: cloudOf(['a1', 'r1', 'h1']), 'dry-run': cloudOf(['a1', 'r1', 'h1']) };
      for (const mode of ['enforce', 'dry-run'] as const) {
        ports[mode].setApproval('s1', false);
        const port = mode === 'dry-run' ? withholdWrites(ports[mode]) : ports[mode];
        await sweep(settingsOf({ ports: [port], store: stores[mode], mode, guard: 'enforce' }), REQUEST);
      }
      expect(callsOf(ports['dry-run'], 'accept', 'reject', 'enableApproval')).toEqual([]);
      expect(ports['dry-run'].effects).toEqual([]);
      const enforced = await runsIn(stores.enforce);
      const dry = await runsIn(stores['dry-run']);
      expectSoundTrail(dry);
      expect(recordsOf(dry, 'run.started')[0]?.data.mode).toBe('dry-run');
      expect(recordsOf(dry, 'decision').map(({ data }) => data)).toEqual(
        recordsOf(enforced, 'decision').map(({ data }) => data),
      );
      expect(recordsOf(dry, 'outcome').map(({ data }) => [data.status, data.by, data.attempts])).toEqual([
        ['withheld', 'dry-run', 0],
        ['withheld', 'dry-run', 0],
        ['withheld', 'hold', 0],
      ]);
      expect(recordsOf(dry, 'finding').map(({ data }) => data.code)).toEqual(['approval-disabled']);
      expect(recordsOf(dry, 'run.finished')[0]?.data.counts).toMatchObject({
        listed: 3,
        accepted: 0,
        rejected: 0,
        held: 1,
      });
    });

    test('leaves the cache of known holds alone, and does not use it', async () => {
      const store = memoryStore();
      const port = cloudOf(['h1']);
      const dry = settingsOf({ ports: [withholdWrites(port)], store, mode: 'dry-run' });
      await sweep(dry, REQUEST);
      expect(store.objects.has('state/held.json')).toBe(false);
      await sweep(settingsOf({ ports: [port], store }), REQUEST);
      const cache = store.objects.get('state/held.json');
      port.add('s1', connectionOf('new', { domainId: 'h2' }));
      await sweep(dry, REQUEST);
      expect(store.objects.get('state/held.json')).toBe(cache);
      const runs = await runsIn(store);
      expect(runs.map((run) => recordsOf(run, 'decision').length)).toEqual([1, 1, 2]);
    });

    test('is held back by the brake all the same', async () => {
      const { findings } = await sweep(
        settingsOf({ ports: [withholdWrites(cloudOf(['r1', 'r1']))], mode: 'dry-run', limits: { rejectsPerRun: 1 } }),
        REQUEST,
      );
      expect(findings).toMatchObject([{ code: 'brake' }]);
    });
  });

  describe('with a store that fails', () => {
    const domains = Array.from({ length: 1_100 }, (_, i) => (i % 2 === 0 ? 'a1' : 'r1'));

    test.each([
      [1, 'before', 0],
      [1, 'after', 0],
      [2, 'before', 500],
      [2, 'after', 500],
      [3, 'before', 1_000],
      [4, 'before', 1_100],
      [4, 'after', 1_100],
    ] as const)('at create %i (%s it is written) sends no more than the trail says', async (at, moment, sent) => {
      const store = memoryStore();
      failFrom(store, at, moment);
      const port = cloudOf(domains);
      await expect(sweep(settingsOf({ ports: [port], store }), REQUEST)).rejects.toMatchObject({
        name: 'StoreError',
        code: 'full',
      });
      expect(port.effects).toHaveLength(sent);
      const decided = new Set(recordsOf(await runsIn(store), 'decision').map(endpointOf));
      for (const { endpointId } of port.effects) expect(decided).toContain(endpointId);
      expect(store.objects.has('state/held.json')).toBe(false);
      expect(recordsOf(await runsIn(store), 'run.finished')).toHaveLength(at === 4 && moment === 'after' ? 1 : 0);
    });

    test('sends nothing when the trail cannot be read', async () => {
      const store = { ...memoryStore(), read: () => Promise.reject(new Error('gone')) };
      const port = cloudOf(['a1']);
      await expect(sweep(settingsOf({ ports: [port], store }), REQUEST)).rejects.toThrow('gone');
      expect(port.calls).toEqual([]);
    });
  });

  describe('in batches', () => {
    test('decides at most 500 connections before the first of them is acted on, and writes their outcomes before the next', async () => {
      const store = memoryStore();
      const port = cloudOf(Array.from({ length: 1_203 }, () => 'a1'));
      const durable = new Set<string>();
      const most: number[] = [];
      store.afterCreate = (_, bytes) => {
        for (const record of recordsIn(bytes)) {
          if (record.type === 'vpcep-approver.decision.v1') durable.add(endpointOf(record));
        }
      };
      port.before = ({ method, endpointId }) => {
        if (method !== 'accept') return;
        expect(durable).toContain(endpointId);
        most.push(durable.size - port.effects.length);
      };
      await sweep(settingsOf({ ports: [port], store }), REQUEST);
      expect(Math.max(...most)).toBe(500);
      expect(port.effects).toHaveLength(1_203);
      const [run] = await runsIn(store);
      const names = namesOf(run as never);
      const expected = [500, 500, 203].flatMap((size) => [
        ...Array.from({ length: size }, () => 'decision'),
        ...Array.from({ length: size }, () => 'outcome'),
      ]);
      expect(names).toEqual(['run.started', ...expected, 'run.finished']);
    });

    test('does not count known holds into a batch', async () => {
      const store = memoryStore();
      const port = cloudOf(Array.from({ length: 700 }, () => 'h1'));
      const settings = settingsOf({ ports: [port], store });
      await sweep(settings, REQUEST);
      for (let i = 0; i < 400; i++) port.add('s1', connectionOf(`new-${i}`, { domainId: 'a1' }));
      await sweep(settings, REQUEST);
      const [, second] = await runsIn(store);
      expect(second?.segments).toHaveLength(2);
      expect(recordsOf(second as never, 'decision')).toHaveLength(400);
    });
  });

  describe('against the clock', () => {
    test('ends by itself, incomplete, when a list hangs, and acts on the other services', async () => {
      const store = memoryStore();
      // As long as a write takes somewhere: what is left of the time has to suffice for it.
      store.beforeCreate = () => systemClock.sleep(20);
      const port = cloudOf(['a1'], ['a1']);
      port.before = async ({ method, serviceId, signal }) => {
        if (method === 'listConnections' && serviceId === 's2') await hang(signal);
      };
      const result = await sweep(settingsOf({ ports: [port], store }), { ...REQUEST, budgetMs: 400 });
      // A list that hangs takes its share of the time, not that of the other services.
      expect(result).toMatchObject({ isComplete: false, counts: { listed: 1, accepted: 1 } });
      expect(result.findings).toMatchObject([{ code: 'deadline', subject: { serviceId: 's2' } }]);
      const runs = await runsIn(store);
      expectSoundTrail(runs);
      expect(recordsOf(runs, 'run.finished')[0]?.data.complete).toBe(false);
    });

    test('ends by itself when the very first call hangs', async () => {
      const store = memoryStore();
      const port = cloudOf(['a1']);
      port.before = ({ signal }) => hang(signal);
      const result = await sweep(settingsOf({ ports: [port], store }), { ...REQUEST, budgetMs: 50 });
      expect(result).toMatchObject({ isComplete: false, connections: [] });
      expectSoundTrail(await runsIn(store));
    });

    test.each(['unknown', 'none'] as const)(
      'ends by itself, incomplete, when actions hang with effect %s',
      async (effect) => {
        const store = memoryStore();
        const port = cloudOf(['a1', 'a1', 'r1', 'h1']);
        port.before = async ({ method, signal }) => {
          if (method === 'accept') await hang(signal, effect);
        };
        const settings = settingsOf({ ports: [port], store, limits: { concurrency: 1 } });
        const result = await sweep(settings, { ...REQUEST, budgetMs: 80 });
        expect(result.isComplete).toBe(false);
        expect(result.connections.map(({ outcome }) => [outcome.status, outcome.by ?? outcome.error?.code])).toEqual([
          effect === 'unknown' ? ['failed', 'deadline'] : ['withheld', 'deadline'],
          ['withheld', 'deadline'],
          ['withheld', 'deadline'],
          ['withheld', 'hold'],
        ]);
        expectSoundTrail(await runsIn(store));
      },
    );

    test('is incomplete when the time for reading a lost answer’s state runs out', async () => {
      const port = cloudOf(['a1']);
      port.before = async ({ method, signal }) => {
        if (method === 'accept') throw lostAnswer();
        if (method === 'getConnection') await hang(signal);
      };
      const result = await sweep(settingsOf({ ports: [port] }), { ...REQUEST, budgetMs: 50 });
      expect(result).toMatchObject({ isComplete: false, counts: { failed: 1 } });
    });

    test('is complete when the time sufficed to read everything back', async () => {
      const result = await sweep(settingsOf({ ports: [cloudOf(['a1'])] }), { ...REQUEST, budgetMs: 60_000 });
      expect(result).toMatchObject({ isComplete: true, counts: { accepted: 1 } });
    });

    test('takes no new work once told to stop, settles what is under way, and finishes', async () => {
      const store = memoryStore();
      const port = cloudOf(Array.from({ length: 20 }, () => 'a1'));
      const stop = new AbortController();
      port.after = ({ method }) => {
        if (method === 'accept' && port.effects.length === 5) stop.abort();
      };
      const settings = settingsOf({ ports: [port], store, limits: { concurrency: 1 } });
      const result = await sweep(settings, { ...REQUEST, stop: stop.signal });
      expect(result).toMatchObject({ isComplete: false, counts: { listed: 20, accepted: 5 } });
      expect(port.effects).toHaveLength(5);
      expectSoundTrail(await runsIn(store));
    });

    test('goes on in the next sweep with what the deadline left', async () => {
      const port = cloudOf(['a1', 'r1']);
      const settings = settingsOf({ ports: [port] });
      const stop = AbortSignal.abort();
      expect(await sweep(settings, { ...REQUEST, stop })).toMatchObject({ isComplete: false });
      expect(await sweep(settings, REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 1, rejected: 1 } });
    });
  });

  describe('with parts that fail', () => {
    test.each([
      ['listConnections', 'EndPoint.0001', 500],
      ['listConnections', 'EndPoint.0004', 403],
      ['listServices', 'EndPoint.0001', 500],
      ['listServices', 'APIGW.0301', 401],
    ] as const)('goes on with the rest when %s answers %s', async (method, code, httpStatus) => {
      const store = memoryStore();
      const good = cloudOf(['a1']);
      const bad = fakeServices([{ service: serviceOf('bad'), connections: [connectionOf('b1', { domainId: 'a1' })] }], {
        projectId: 'p2',
      });
      bad.before = (call) => {
        if (call.method === method) throw cloudError(code, { httpStatus });
      };
      const result = await sweep(settingsOf({ ports: [bad, good], store }), REQUEST);
      expect(result).toMatchObject({ isComplete: false, counts: { listed: 1, accepted: 1 } });
      expect(result.findings).toMatchObject([
        {
          code: 'service-failed',
          severity: 'error',
          details: { code, http_status: httpStatus },
          subject: { projectId: 'p2', ...(method === 'listConnections' && { serviceId: 'bad' }) },
        },
      ]);
      const runs = await runsIn(store);
      expectSoundTrail(runs);
      expect(recordsOf(runs, 'finding')).toHaveLength(1);
    });

    test('goes on with other connections when one fails', async () => {
      const port = cloudOf(['a1', 'a1', 'a1']);
      port.before = ({ method, endpointId }) => {
        if (method === 'accept' && endpointId === 's1-1') throw cloudError('EndPoint.2015', { httpStatus: 400 });
      };
      const result = await sweep(settingsOf({ ports: [port] }), REQUEST);
      expect(result.counts).toMatchObject({ accepted: 2, failed: 1 });
    });
  });

  test('keeps two runs from undoing each other: the later one is superseded', async () => {
    const port = cloudOf(['a1', 'r1'], ['a1']);
    const store = memoryStore();
    const settings = settingsOf({ ports: [port], store });
    const results = await Promise.all([sweep(settings, REQUEST), sweep(settings, REQUEST)]);
    expect(port.effects).toHaveLength(3);
    const sum = (name: 'accepted' | 'rejected' | 'superseded' | 'failed') =>
      results.reduce((total, { counts }) => total + counts[name], 0);
    expect([sum('accepted') + sum('rejected'), sum('superseded'), sum('failed')]).toEqual([3, 3, 0]);
    for (const { connections } of results) {
      for (const { outcome, effect } of connections) expect(effect === null).toBe(outcome.status === 'superseded');
    }
    expectSoundTrail(await runsIn(store));
  });

  test('reports progress: what was listed and what is done', async () => {
    const events: unknown[] = [];
    await sweep(settingsOf({ ports: [cloudOf(['a1', 'h1'], [])] }), {
      ...REQUEST,
      observe: (event) => events.push(event),
    });
    expect(events).toEqual([
      { stage: 'listed', services: 2, pending: 2 },
      { stage: 'acting', done: 1, total: 1 },
    ]);
  });

  test('ends itself within `run_minutes` whatever the platform allows', async () => {
    const port = cloudOf(['a1']);
    port.before = ({ signal }) => hang(signal);
    const settings = settingsOf({ ports: [port], limits: { runMinutes: 0.001 } });
    expect(await sweep(settings, { ...REQUEST, budgetMs: 3_600_000 })).toMatchObject({ isComplete: false });
  });

  test('rejects what the policy rejects by its default', async () => {
    const port = cloudOf(['x1']);
    await sweep(
      settingsOf({
        ports: [port],
        policy: policyOf(
          ACCEPT_ALL.map((rule) => ({ ...rule, when: { domain_id: 'a' } })),
          { default: 'reject' },
        ),
      }),
      REQUEST,
    );
    expect(port.effects).toMatchObject([{ to: 'rejected' }]);
  });

  test('holds a connection whose domain cannot be read', async () => {
    const port = fakeServices([{ service: serviceOf('s1'), connections: [connectionOf('e1', { domainId: UNKNOWN })] }]);
    const { connections } = await sweep(
      settingsOf({ ports: [port], policy: policyOf(REJECT_ALL), clock: quickClock() }),
      REQUEST,
    );
    expect(connections).toMatchObject([{ effect: 'hold', cause: 'indeterminate' }]);
    expect(port.effects).toEqual([]);
  });
});
