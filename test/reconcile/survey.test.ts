/** Looking at the live services without touching them: what is read, what is never called, and what a policy says about it. */
import { describe, expect, test } from 'vitest';
import { decideLive, survey } from '../../lib/reconcile/survey.ts';
import { cloudError, connectionOf, fakeServices, type PortMethod, serviceOf } from '../support/fake-services.ts';
import { policyOf, settingsOf } from '../support/run-settings.ts';

const NOW = Date.UTC(2026, 10, 21, 12, 30);
const READS: readonly PortMethod[] = ['listServices', 'listConnections', 'getServiceTags', 'getEndpoint'];
const quota = policyOf([{ id: 'q', effect: 'accept', when: { 'domain.connections': { lt: 3 } } }]);
const own = policyOf([{ id: 'o', effect: 'accept', when: { 'endpoint.vpc_id': 'v' } }]);
const plain = policyOf([{ id: 'p', effect: 'accept', when: { domain_id: 'd1' } }]);

function services(states: readonly ('pending' | 'accepted' | 'rejected')[]) {
  const connections = states.map((state, i) => connectionOf(`e${i}`, { state }));
  return fakeServices([{ service: serviceOf('s1'), connections }], { allowed: READS });
}

describe('survey', () => {
  test('calls reads only, and no more than the policies together need', async () => {
    const port = services(['pending', 'accepted', 'rejected']);
    await survey(settingsOf({ ports: [port] }), [plain, plain], {});
    expect(port.calls.map(({ method }) => method)).toEqual(['listServices', 'listConnections']);
  });

  test('reads the endpoints of pending and accepted connections when either policy needs them', async () => {
    const port = services(['pending', 'accepted', 'rejected']);
    await survey(settingsOf({ ports: [port] }), [plain, own], {});
    const read = port.calls.filter(({ method }) => method === 'getEndpoint').map(({ endpointId }) => endpointId);
    expect(new Set(read)).toEqual(new Set(['e0', 'e1']));
    expect(read).toHaveLength(2);
  });

  test('writes no trail', async () => {
    const settings = settingsOf({ ports: [services(['pending'])] });
    settings.store.create = () => Promise.reject(new Error('must not write'));
    await expect(survey(settings, [plain, own], {})).resolves.toMatchObject({ isComplete: true, findings: [] });
  });

  test('goes on past a service that fails, and says so', async () => {
    const port = fakeServices([
      { service: serviceOf('s1'), connections: [] },
      { service: serviceOf('s2'), connections: [connectionOf('e1')] },
    ]);
    port.before = ({ method, serviceId }) => {
      if (method === 'listConnections' && serviceId === 's1') throw cloudError('broken');
    };
    const seen = await survey(settingsOf({ ports: [port] }), [plain, own], {});
    expect(seen.isComplete).toBe(false);
    expect(seen.services.map(({ ref }) => ref.serviceId)).toEqual(['s2']);
    expect(seen.findings.map(({ code }) => code)).toEqual(['service-failed']);
  });

  test('takes a service that two targets select once', async () => {
    const ports = [services(['pending']), services(['pending'])];
    const seen = await survey(settingsOf({ ports }), [plain, own], {});
    expect(seen.services).toHaveLength(1);
  });

  test('comes to its end when it is told to', async () => {
    const port = services(['pending']);
    const seen = await survey(settingsOf({ ports: [port] }), [plain, own], { stop: AbortSignal.abort() });
    expect(seen).toMatchObject({ services: [], isComplete: false });
  });
});

describe('decideLive', () => {
  test('lets the accepts of a policy count for its next decisions, and not for those of another', async () => {
    const seen = await survey(
      settingsOf({ ports: [services(['pending', 'pending', 'accepted', 'accepted'])] }),
      [quota, plain],
      {},
    );
    const effects = () =>
      decideLive(seen.services, quota, NOW).map(({ connection, decision }) => [connection.endpointId, decision.effect]);
    const expected = [
      ['e0', 'accept'],
      ['e1', 'hold'],
      // Each has one accepted beside itself.
      ['e2', 'accept'],
      ['e3', 'accept'],
    ];
    expect(effects()).toEqual(expected);
    expect(effects()).toEqual(expected);
  });

  test('leaves out connections in other states', async () => {
    const seen = await survey(settingsOf({ ports: [services(['rejected', 'pending'])] }), [plain, own], {});
    expect(decideLive(seen.services, plain, NOW).map(({ ref }) => ref.endpointId)).toEqual(['e1']);
  });
});
