import { EventEmitter, once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { reconcile } from '../../lib/reconcile/reconcile.ts';
import {
  callsOf,
  cloudError,
  connectionOf,
  type FakeServices,
  fakeServices,
  hang,
  serviceOf,
} from '../support/fake-services.ts';
import { memoryStore } from '../support/memory-store.ts';
import { policyOf, REQUEST, settingsOf } from '../support/run-settings.ts';
import { endpointOf, expectSoundTrail, namesOf, recordsOf, runsIn } from '../support/trail.ts';

const E1 = { serviceId: 's1', endpointId: 'e1' };

function cloudOf(...connections: readonly ReturnType<typeof connectionOf>[]): FakeServices {
  return fakeServices([{ service: serviceOf('s1'), connections }]);
}

const cloudWith = (tags: ReturnType<typeof serviceOf>['tags']) =>
  fakeServices([{ service: serviceOf('s1', { tags }), connections: [connectionOf('e1', { domainId: 'a1' })] }]);

const others = (count: number) =>
  Array.from({ length: count }, (_, i) => connectionOf(`x${i}`, { state: 'accepted', domainId: 'd1' }));

describe('reconcile', () => {
  test('judges one pending connection and touches no other', async () => {
    const store = memoryStore();
    const port = cloudOf(connectionOf('e1', { domainId: 'a1' }), connectionOf('e2', { domainId: 'a1' }));
    const result = await reconcile(settingsOf({ ports: [port], store }), { ...REQUEST, trigger: 'webhook' }, E1);
    expect(result).toMatchObject({
      verdict: 'judged',
      isComplete: true,
      counts: { listed: 1, accepted: 1 },
      connections: [{ ref: E1, effect: 'accept', outcome: { status: 'applied', state: 'accepted' } }],
    });
    expect(port.effects).toMatchObject([{ endpointId: 'e1' }]);
    const runs = await runsIn(store);
    expectSoundTrail(runs);
    expect(runs.map(namesOf)).toEqual([['run.started', 'decision', 'outcome', 'run.finished']]);
    expect(recordsOf(runs, 'run.started')[0]?.data.trigger).toBe('webhook');
  });

  test.each(['accepted', 'rejected', 'creating', 'failed', 'deleting'] as const)(
    'leaves a connection alone that is `%s` already',
    async (state) => {
      const store = memoryStore();
      const port = cloudOf(connectionOf('e1', { domainId: 'r1', state }));
      const result = await reconcile(settingsOf({ ports: [port], store }), REQUEST, E1);
      expect(result).toMatchObject({
        verdict: 'superseded',
        connections: [{ effect: null, outcome: { status: 'superseded', state } }],
      });
      expect(callsOf(port, 'accept', 'reject')).toEqual([]);
      expect((await runsIn(store)).map(namesOf)).toEqual([['run.started', 'run.finished']]);
    },
  );

  test('leaves a connection alone whose state it does not know, and says so', async () => {
    const port = cloudOf(connectionOf('e1', { domainId: 'a1', state: 'unknown' }));
    const result = await reconcile(settingsOf({ ports: [port] }), REQUEST, E1);
    expect(result.findings).toMatchObject([{ code: 'unknown-state', details: { endpoints: ['e1'] } }]);
    expect(callsOf(port, 'accept', 'reject')).toEqual([]);
  });

  test('says when the service has no such connection', async () => {
    const result = await reconcile(settingsOf({ ports: [cloudOf()] }), REQUEST, E1);
    expect(result).toMatchObject({ verdict: 'no-connection', connections: [], findings: [] });
  });

  test.each([
    ['no target has it', { by: 'all' as const }, 's9'],
    ['it is not among the ids', { by: 'ids' as const, ids: ['s2'] }, 's1'],
    ['it lacks the tags', { by: 'tags' as const, tags: new Map([['env', 'prod']]) }, 's1'],
  ])('says that the service is not governed when %s', async (_, selection, serviceId) => {
    const port = cloudOf(connectionOf('e1', { domainId: 'a1' }));
    const result = await reconcile(settingsOf({ ports: [port], selection }), REQUEST, { serviceId, endpointId: 'e1' });
    expect(result).toMatchObject({ verdict: 'not-governed', connections: [], isComplete: true });
    expect(callsOf(port, 'accept', 'getConnection')).toEqual([]);
  });

  test('does not ask a target whose ids do not name the service', async () => {
    const port = fakeServices([], { allowed: [] });
    const selection = { by: 'ids' as const, ids: ['s2'] };
    expect(await reconcile(settingsOf({ ports: [port], selection }), REQUEST, E1)).toMatchObject({
      verdict: 'not-governed',
    });
  });

  test.each(['getService', 'getConnection'] as const)('says that it could not tell when %s fails', async (method) => {
    const port = cloudOf(connectionOf('e1', { domainId: 'a1' }));
    port.before = (call) => {
      if (call.method === method) throw cloudError('EndPoint.0001', { httpStatus: 500 });
    };
    const result = await reconcile(settingsOf({ ports: [port] }), REQUEST, E1);
    expect(result).toMatchObject({ verdict: 'unreachable', isComplete: false });
    expect(result.findings).toMatchObject([{ code: 'service-failed', details: { code: 'EndPoint.0001' } }]);
  });

  test('finds the service in another target when one cannot be asked', async () => {
    const broken = fakeServices([], { projectId: 'p0' });
    broken.before = () => {
      throw cloudError('EndPoint.0004', { httpStatus: 403 });
    };
    const port = cloudOf(connectionOf('e1', { domainId: 'a1' }));
    const result = await reconcile(settingsOf({ ports: [broken, port] }), REQUEST, E1);
    expect(result).toMatchObject({ verdict: 'judged', isComplete: false, counts: { accepted: 1 } });
  });

  describe('with tags', () => {
    const selection = { by: 'tags' as const, tags: new Map([['env', 'prod']]) };
    test('judges a connection of a service that has them', async () => {
      const known = cloudWith(new Map([['env', 'prod']]));
      expect(await reconcile(settingsOf({ ports: [known], selection }), REQUEST, E1)).toMatchObject({
        verdict: 'judged',
      });
      const asked = cloudWith(UNKNOWN);
      asked.tags.set('s1', new Map([['env', 'prod']]));
      expect(await reconcile(settingsOf({ ports: [asked], selection }), REQUEST, E1)).toMatchObject({
        verdict: 'judged',
      });
    });

    test.each([
      ['as a whole', UNKNOWN],
      ['in the one that counts', new Map([['env', UNKNOWN]])],
    ])('does not call a service ungoverned whose tags cannot be read %s', async (_, tags) => {
      const port = cloudWith(tags);
      const result = await reconcile(settingsOf({ ports: [port], selection }), REQUEST, E1);
      expect(result).toMatchObject({ verdict: 'unreachable', isComplete: false });
      expect(result.findings).toMatchObject([{ code: 'service-failed', subject: { serviceId: 's1' } }]);
      expect(port.effects).toEqual([]);
    });
  });

  test('counts the domain’s other connections when a rule reads `domain.connections`', async () => {
    const policy = policyOf([{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 3 } } }]);
    const settings = (count: number) =>
      settingsOf({ ports: [cloudOf(connectionOf('e1'), connectionOf('e2'), ...others(count))], policy });
    expect(await reconcile(settings(2), REQUEST, E1)).toMatchObject({ counts: { listed: 1, accepted: 1 } });
    expect(await reconcile(settings(3), REQUEST, E1)).toMatchObject({ counts: { listed: 1, held: 1 } });
  });

  test('holds on `domain.connections` when the list has holes', async () => {
    const port = cloudOf(connectionOf('e1'), connectionOf('e2'));
    port.alterListing = (listing) => ({ ...listing, isComplete: false });
    const policy = policyOf([{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 3 } } }]);
    const result = await reconcile(settingsOf({ ports: [port], policy }), REQUEST, E1);
    expect(result.connections).toMatchObject([{ effect: 'hold', cause: 'indeterminate' }]);
  });

  test('is superseded when somebody settles the connection between its reads', async () => {
    const port = cloudOf(connectionOf('e1'));
    port.after = ({ method }) => {
      if (method === 'getConnection') port.setState('e1', 'rejected');
    };
    const policy = policyOf([{ id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 3 } } }]);
    expect(await reconcile(settingsOf({ ports: [port], policy }), REQUEST, E1)).toMatchObject({
      verdict: 'superseded',
    });
    expect(callsOf(port, 'accept')).toEqual([]);
  });

  test('acts once when fifty runs are given the same connection', async () => {
    const store = memoryStore();
    const port = cloudOf(connectionOf('e1', { domainId: 'a1' }));
    // All fifty have read it as pending before the first one acts.
    let waiting = 0;
    const gate = new EventEmitter().setMaxListeners(100);
    port.before = async ({ method }) => {
      if (method !== 'accept') return;
      waiting += 1;
      if (waiting === 50) setImmediate(() => gate.emit('open'));
      await once(gate, 'open');
    };
    const settings = settingsOf({ ports: [port], store });
    const results = await Promise.all(Array.from({ length: 50 }, () => reconcile(settings, REQUEST, E1)));
    expect(port.effects).toHaveLength(1);
    const statuses = results.flatMap(({ connections }) => connections.map(({ outcome }) => outcome.status));
    expect(statuses.filter((status) => status === 'applied')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'superseded')).toHaveLength(49);
    const runs = await runsIn(store);
    expect(runs).toHaveLength(50);
    expectSoundTrail(runs);
  });

  test('writes a hold although a sweep has written it before', async () => {
    const store = memoryStore();
    const settings = settingsOf({ ports: [cloudOf(connectionOf('e1', { domainId: 'h1' }))], store });
    await reconcile(settings, REQUEST, E1);
    await reconcile(settings, REQUEST, E1);
    expect(recordsOf(await runsIn(store), 'decision').map(endpointOf)).toEqual(['e1', 'e1']);
    expect(store.objects.has('state/held.json')).toBe(false);
  });

  test.each(['getService', 'getConnection', 'accept'] as const)('ends by itself when %s hangs', async (method) => {
    const store = memoryStore();
    const port = cloudOf(connectionOf('e1', { domainId: 'a1' }));
    port.before = async (call) => {
      if (call.method === method) await hang(call.signal, method === 'accept' ? 'unknown' : 'none');
    };
    const result = await reconcile(settingsOf({ ports: [port], store }), { ...REQUEST, budgetMs: 50 }, E1);
    expect(result.isComplete).toBe(false);
    expectSoundTrail(await runsIn(store));
  });
});
