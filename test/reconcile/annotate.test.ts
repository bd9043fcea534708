import { describe, expect, test } from 'vitest';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  approverFor,
  connections,
  type EmulatedCloud,
  cluster,
  OWN_DOMAIN,
  PROJECT,
  REGION,
  type SeenRequest,
  service,
  spyOn,
  startCloud,
  startCssCloud,
  targetOf,
  writesOf,
} from '../support/emulated-cloud.ts';
import { callsOf, connectionOf, fakeServices, serviceOf } from '../support/fake-services.ts';
import { memoryStore } from '../support/memory-store.ts';
import { quickClock } from '../support/quick-clock.ts';
import { ACCEPT_ALL, BY_DOMAIN, REQUEST, type RuleDraft, settingsOf } from '../support/run-settings.ts';
import { endpointOf, expectSoundTrail, recordsIn, recordsOf, runsIn } from '../support/trail.ts';

const MIXED = ['a1', 'r1', 'h1', 'x1'].map((domain_id) => ({ id: `e-${domain_id}`, domain_id }));

function describing({ requests }: EmulatedCloud) {
  return requests.filter(({ path }) => path.endsWith('/description'));
}

/** The ids and texts of one call. */
function writtenBy({ json }: SeenRequest): readonly { readonly id: string; readonly description: string }[] {
  return (json as { connections: { id: string; description: string }[] }).connections;
}

function descriptionOf(cloud: EmulatedCloud, id: string): string {
  return cloud.cloud.connection(id)?.description ?? '';
}

function ruleWith(reason: string, id = 'accept-all'): RuleDraft {
  return { id, effect: 'accept', when: { domain_id: { exists: true } }, reason };
}

async function annotating(cloud: EmulatedCloud, rules = BY_DOMAIN, config: object = {}) {
  return approverFor(cloud, { rules, config: { annotate: true, ...config } });
}

describe('annotate', () => {
  test('writes effect, reason and rules of accepts, rejects and holds', async () => {
    const cloud = await startCloud([service('s1', MIXED)]);
    const approver = await annotating(cloud);
    expect((await approver.sweep(REQUEST)).findings).toEqual([]);
    expect(descriptionOf(cloud, 'e-a1')).toMatch(/accepted.*because of accept-a.*accept-a/);
    expect(descriptionOf(cloud, 'e-r1')).toMatch(/rejected.*because of reject-r/);
    expect(descriptionOf(cloud, 'e-h1')).toMatch(/held.*because of hold-h/);
    expect(descriptionOf(cloud, 'e-x1')).toMatch(/held/);
  });

  test('writes nothing when it is not asked to', async () => {
    const cloud = await startCloud([service('s1', MIXED)]);
    await (await approverFor(cloud, { rules: BY_DOMAIN })).sweep(REQUEST);
    expect(describing(cloud)).toEqual([]);
  });

  test('writes once, and not again while nothing changes', async () => {
    const cloud = await startCloud([service('s1', MIXED)]);
    const approver = await annotating(cloud);
    await approver.sweep(REQUEST);
    expect(describing(cloud)).toHaveLength(1);
    await approver.sweep(REQUEST);
    expect(describing(cloud)).toHaveLength(1);
  });

  test('writes again what somebody changed on a hold that is in the trail already', async () => {
    const cloud = await startCloud([service('s1', MIXED)]);
    const approver = await annotating(cloud);
    await approver.sweep(REQUEST);
    const before = descriptionOf(cloud, 'e-h1');
    cloud.cloud.describe('e-h1', 'let me in');
    const seen = spyOn(cloud);
    await approver.sweep(REQUEST);
    expect(descriptionOf(cloud, 'e-h1')).toBe(before);
    const calls = seen.filter(({ path }) => path.endsWith('/description'));
    expect(calls.flatMap(writtenBy).map(({ id }) => id)).toEqual(['e-h1']);
    // The hold itself is not written to the trail a second time.
    expect(recordsOf(await runsIn(approver.store), 'decision').filter((it) => endpointOf(it) === 'e-h1')).toHaveLength(
      1,
    );
  });

  test.each([
    ['a long one', 'ä'.repeat(256)],
    ['one of characters that take two units', `x${'🙂'.repeat(255)}`],
    ['one with what the API refuses', '<script>alert(1)</script> <<>>'],
    ['one with control characters', 'one\u0007two\u202ethree\nfour'],
  ])('keeps to what the API takes for a reason that is %s', async (_, reason) => {
    const cloud = await startCloud([service('s1', connections('e', 1))]);
    const ids = Array.from({ length: 12 }, (_, i) => `${'r'.repeat(40)}-${i}`);
    const approver = await annotating(
      cloud,
      ids.map((id) => ruleWith(reason, id)),
    );
    expect((await approver.sweep(REQUEST)).findings).toEqual([]);
    const text = descriptionOf(cloud, 'e-00000');
    expect(text.length).toBeGreaterThan(20);
    expect(text.length).toBeLessThanOrEqual(512);
    expect(text).not.toMatch(/[<>\p{Cc}\u202e]/u);
    expect(text.isWellFormed()).toBe(true);
    await approver.sweep(REQUEST);
    expect(describing(cloud)).toHaveLength(1);
  });

  test('writes many descriptions a call', async () => {
    const cloud = await startCloud([service('s1', connections('e', 120)), service('s2', connections('f', 3))]);
    await (await annotating(cloud, ACCEPT_ALL)).sweep(REQUEST);
    expect(describing(cloud)).toHaveLength(4);
    expect(cloud.cloud.connections().every(({ description }) => description !== '')).toBe(true);
  });

  test('writes nothing before the decision is durable', async () => {
    const clock = quickClock();
    const store = memoryStore();
    const durable = new Set<string>();
    store.afterCreate = (_, bytes) => {
      for (const record of recordsIn(bytes))
        if (record.type === 'vpcep-approver.decision.v1') durable.add(endpointOf(record));
    };
    const domains = ['a1', 'r1', 'h1', 'x1'];
    const port = fakeServices([
      { service: serviceOf('s1'), connections: domains.map((domainId) => connectionOf(`e-${domainId}`, { domainId })) },
    ]);
    const early: string[] = [];
    port.before = ({ method, endpointId }) => {
      if (method !== 'describeConnections') return;
      early.push(...(endpointId ?? '').split(',').filter((id) => !durable.has(id)));
    };
    await sweep(settingsOf({ ports: [port], store, clock, annotates: true }), REQUEST);
    expect([...port.descriptions.keys()].toSorted()).toEqual(['e-a1', 'e-h1', 'e-r1', 'e-x1']);
    expect(early).toEqual([]);
  });

  test('writes nothing for what was superseded, failed or withheld by the deadline', async () => {
    const domains = ['a1', 'a2', 'a3'];
    const port = fakeServices([
      { service: serviceOf('s1'), connections: domains.map((domainId) => connectionOf(domainId, { domainId })) },
    ]);
    port.acceptedState = 'failed';
    port.before = ({ method, endpointId }) => {
      if (method === 'accept' && endpointId === 'a2') port.remove('a2');
    };
    const stop = new AbortController();
    port.after = ({ method, endpointId }) => {
      if (method === 'accept' && endpointId === 'a1') stop.abort();
    };
    const settings = settingsOf({ ports: [port], annotates: true, limits: { concurrency: 1 } });
    const { connections: results } = await sweep(settings, { ...REQUEST, stop: stop.signal });
    expect(results.map(({ outcome }) => outcome.status)).toEqual(['failed', 'withheld', 'withheld']);
    expect(callsOf(port, 'describeConnections')).toEqual([]);
    const second = fakeServices([{ service: serviceOf('s1'), connections: [connectionOf('a2', { domainId: 'a2' })] }]);
    second.before = ({ method }) => {
      if (method === 'accept') second.setState('a2', 'rejected');
    };
    second.after = ({ method }) => {
      if (method === 'accept') second.setState('a2', 'rejected');
    };
    await sweep(settingsOf({ ports: [second], annotates: true }), REQUEST);
    expect(callsOf(second, 'describeConnections')).toEqual([]);
  });

  test('writes nothing in dry-run', async () => {
    const cloud = await startCloud([service('s1', MIXED)]);
    const approver = await annotating(cloud, BY_DOMAIN, { mode: 'dry-run' });
    expect((await approver.sweep(REQUEST)).findings).toEqual([]);
    expect(writesOf(cloud)).toEqual([]);
  });

  test('writes nothing on CSS, which has no such call', async () => {
    const cloud = await startCssCloud([cluster('s1', connections('e', 2, { status: 'pendingAcceptance' }))]);
    const approver = await annotating(cloud, ACCEPT_ALL, { targets: [targetOf(cloud, 'css')] });
    expect(await approver.sweep(REQUEST)).toMatchObject({ counts: { accepted: 2 }, findings: [] });
    expect(writesOf(cloud).map(({ method }) => method)).toEqual(['POST']);
  });

  test('writes nothing on Open Telekom Cloud, which has no such call', async () => {
    const project = { project_id: PROJECT, region: REGION, domain_id: OWN_DOMAIN, profile: 'otc' as const };
    const cloud = await startCloud([], { projects: [{ ...project, services: [service('s1', MIXED)] }] });
    const approver = await annotating(cloud, BY_DOMAIN, { targets: [targetOf(cloud, 'vpcep', { profile: 'otc' })] });
    expect((await approver.sweep(REQUEST)).findings).toEqual([]);
    expect(describing(cloud)).toEqual([]);
  });

  test('becomes one finding for each service when it fails, and nothing else fails', async () => {
    const cloud = await startCloud([service('s1', connections('e', 120)), service('s2', connections('f', 2))]);
    cloud.setFaults('error-500@services/s1/connections/description');
    const approver = await annotating(cloud, ACCEPT_ALL);
    const result = await approver.sweep(REQUEST);
    expect(result).toMatchObject({ isComplete: true, counts: { accepted: 122, failed: 0 } });
    expect(result.findings).toMatchObject([
      { code: 'annotation-failed', severity: 'warning', subject: { serviceId: 's1' } },
    ]);
    expect(descriptionOf(cloud, 'f-00000')).toMatch(/accepted/);
    expectSoundTrail(await runsIn(approver.store));
  });

  test('is tried again for a hold in the next sweep after it failed', async () => {
    const cloud = await startCloud([service('s1', [{ id: 'e1', domain_id: 'h1' }])]);
    cloud.setFaults('error-500@PUT');
    const approver = await annotating(cloud);
    await approver.sweep(REQUEST);
    cloud.setFaults(null);
    expect((await approver.sweep(REQUEST)).findings).toEqual([]);
    expect(descriptionOf(cloud, 'e1')).toMatch(/held/);
  });

  test('leaves a description alone that cannot be read', async () => {
    const cloud = await startCloud([service('s1', MIXED)]);
    cloud.setFaults('missing-field=description@GET');
    await (await annotating(cloud)).sweep(REQUEST);
    expect(describing(cloud).length).toBeLessThanOrEqual(1);
  });

  test.each(['new', 'known'])(
    'writes nothing for %s decisions once the run is older than `run_minutes`',
    async (which) => {
      const clock = quickClock();
      const store = memoryStore();
      const port = fakeServices([{ service: serviceOf('s1'), connections: [connectionOf('e1', { domainId: 'h1' })] }]);
      const settings = settingsOf({ ports: [port], store, clock, annotates: true });
      if (which === 'known') await sweep({ ...settings, annotates: false }, REQUEST);
      port.after = ({ method }) => {
        if (method === 'listConnections') clock.advance(61 * 60_000);
      };
      await expect(sweep(settings, REQUEST)).rejects.toMatchObject({ code: 'expired' });
      expect(callsOf(port, 'describeConnections')).toEqual([]);
    },
  );

  test('says in the description of a revoked connection that it was rejected', async () => {
    const cloud = await startCloud([service('s1', [{ id: 'old', domain_id: 'r1', status: 'accepted' }])]);
    await (await annotating(cloud, BY_DOMAIN, { accepted: 'revoke' })).sweep(REQUEST);
    expect(cloud.cloud.connection('old')).toMatchObject({
      status: 'rejected',
      description: expect.stringMatching(/rejected/),
    });
  });
});
