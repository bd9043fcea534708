import { describe, expect, test } from 'vitest';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  callsOf,
  cloudError,
  connectionOf,
  type FakeServices,
  fakeServices,
  type PortMethod,
  serviceOf,
} from '../support/fake-services.ts';
import { BY_DOMAIN, policyOf, REQUEST, type RuleDraft, settingsOf } from '../support/run-settings.ts';

const LISTS: readonly PortMethod[] = ['listServices', 'listConnections'];

/** One pending connection of a service whose listing did not carry its tags. */
function onePending(allowed: readonly PortMethod[] = [...LISTS, 'accept', 'getConnection']): FakeServices {
  const pending = [connectionOf('e1', { domainId: 'a1' })];
  return fakeServices([{ service: serviceOf('s1', { tags: UNKNOWN }), connections: pending }], { allowed });
}

function accepting(when: object): readonly RuleDraft[] {
  return [{ id: 'ok', effect: 'accept', when }];
}

const tagged = (id: string, tags: Readonly<Record<string, string | typeof UNKNOWN>> | typeof UNKNOWN) => ({
  service: serviceOf(id, { tags: tags === UNKNOWN ? UNKNOWN : new Map(Object.entries(tags)) }),
  connections: [connectionOf(`${id}-1`, { domainId: 'a1' })],
});

describe('gatherAll', () => {
  test('lists pending connections and nothing else when no rule reads more', async () => {
    const port = onePending();
    await sweep(
      settingsOf({ ports: [port], policy: policyOf(accepting({ domain_id: 'a1', age: { gt: '1s' } })) }),
      REQUEST,
    );
    expect(port.calls.map(({ method, state }) => [method, state])).toEqual([
      ['listServices', null],
      ['listConnections', 'pending'],
      ['accept', null],
      ['getConnection', null],
    ]);
  });

  test('lists connections in every state, once, when a rule reads `domain.connections`', async () => {
    const port = onePending();
    const policy = policyOf(accepting({ 'domain.connections': { lt: 5 } }));
    await sweep(settingsOf({ ports: [port], policy }), REQUEST);
    expect(port.calls.filter(({ method }) => method === 'listConnections').map(({ state }) => state)).toEqual([null]);
  });

  test('reads the endpoint of each pending connection when a rule reads it', async () => {
    const port = fakeServices(
      [
        {
          service: serviceOf('s1'),
          connections: [
            connectionOf('e1'),
            connectionOf('e2'),
            connectionOf('e3'),
            connectionOf('e4', { state: 'accepted' }),
          ],
        },
      ],
      { allowed: [...LISTS, 'getEndpoint', 'accept', 'getConnection'] },
    );
    port.endpoints.set('e1', { vpcId: 'v1', projectId: 'q1', tags: new Map([['env', 'prod']]) });
    port.endpoints.set('e2', { vpcId: 'v2', projectId: 'q1', tags: new Map() });
    const policy = policyOf(accepting({ 'endpoint.vpc_id': 'v1', 'endpoint.tags.env': 'prod' }));
    const { connections } = await sweep(settingsOf({ ports: [port], policy }), REQUEST);
    expect(callsOf(port, 'getEndpoint').toSorted()).toEqual(['getEndpoint e1', 'getEndpoint e2', 'getEndpoint e3']);
    // e3 belongs to another account: what is not readable is unknown, not absent.
    expect(connections.map(({ effect, cause }) => [effect, cause])).toEqual([
      ['accept', 'rule'],
      ['hold', 'no-match'],
      ['hold', 'indeterminate'],
    ]);
  });

  test('holds, and says so, when the endpoint’s detail fails', async () => {
    const port = onePending([...LISTS, 'getEndpoint']);
    port.before = ({ method }) => {
      if (method === 'getEndpoint') throw cloudError('EndPoint.0001', { httpStatus: 500 });
    };
    const policy = policyOf([
      ...BY_DOMAIN,
      { id: 'not-v1', effect: 'reject', when: { 'endpoint.vpc_id': { exists: false } } },
    ]);
    const { connections, findings, isComplete } = await sweep(settingsOf({ ports: [port], policy }), REQUEST);
    expect(connections).toMatchObject([{ effect: 'hold', cause: 'indeterminate', rules: ['not-v1'] }]);
    expect(isComplete).toBe(false);
    expect(findings).toMatchObject([
      { code: 'service-failed', severity: 'error', subject: { serviceId: 's1' }, details: { code: 'EndPoint.0001' } },
    ]);
  });

  test('asks for tags only when a rule reads them, the listing lacks them and something is pending', async () => {
    const services = (['known', 'unknown', 'idle'] as const).map((id) => ({
      service: serviceOf(id, { tags: id === 'known' ? new Map([['env', 'prod']]) : UNKNOWN }),
      connections: id === 'idle' ? [] : [connectionOf(`${id}-1`), connectionOf(`${id}-2`)],
    }));
    const port = fakeServices(services);
    port.tags.set('unknown', new Map([['env', 'prod']]));
    const policy = policyOf(accepting({ 'service.tags.env': 'prod' }));
    const { counts } = await sweep(settingsOf({ ports: [port], policy }), REQUEST);
    expect(callsOf(port, 'getServiceTags')).toEqual(['getServiceTags unknown']);
    expect(counts.accepted).toBe(4);
  });

  test('holds when the tags cannot be read', async () => {
    const port = fakeServices(
      [{ service: serviceOf('s1', { tags: UNKNOWN }), connections: [connectionOf('e1', { domainId: 'a1' })] }],
      { allowed: [...LISTS, 'getServiceTags'] },
    );
    port.before = ({ method }) => {
      if (method === 'getServiceTags') throw cloudError('EndPoint.0004', { httpStatus: 403 });
    };
    const policy = policyOf([...BY_DOMAIN, { id: 'frozen', effect: 'hold', when: { 'service.tags.freeze': 'yes' } }]);
    const { connections } = await sweep(settingsOf({ ports: [port], policy }), REQUEST);
    expect(connections).toMatchObject([{ effect: 'hold', cause: 'indeterminate', rules: ['frozen'] }]);
  });

  test('reads everything before the first action', async () => {
    const port = fakeServices(
      ['s1', 's2', 's3'].map((id) => ({
        service: serviceOf(id),
        connections: [connectionOf(`${id}-1`, { domainId: 'a1' }), connectionOf(`${id}-2`, { domainId: 'a1' })],
      })),
    );
    await sweep(settingsOf({ ports: [port] }), REQUEST);
    const methods = port.calls.map(({ method }) => method);
    expect(methods.slice(0, 4)).toEqual(['listServices', 'listConnections', 'listConnections', 'listConnections']);
    expect(methods.slice(4, 10)).toEqual(Array.from({ length: 6 }, () => 'accept'));
  });

  describe('with a list of ids', () => {
    test('governs those alone, and reports ids that the project has not', async () => {
      const port = fakeServices(
        ['s1', 's2'].map((id) => ({
          service: serviceOf(id),
          connections: [connectionOf(`${id}-1`, { domainId: 'a1' })],
        })),
      );
      const selection = { by: 'ids' as const, ids: ['s2', 'nowhere'] };
      const result = await sweep(settingsOf({ ports: [port], selection }), REQUEST);
      expect(port.effects).toMatchObject([{ serviceId: 's2' }]);
      expect(result.isComplete).toBe(false);
      expect(result.findings).toMatchObject([
        { code: 'service-failed', details: { code: 'not-found' }, subject: { serviceId: 'nowhere' } },
      ]);
    });
  });

  describe('with tags', () => {
    const selection = {
      by: 'tags' as const,
      tags: new Map([
        ['env', 'prod'],
        ['team', 'pay'],
      ]),
    };
    test('governs services that have them all', async () => {
      const port = fakeServices([
        tagged('both', { env: 'prod', team: 'pay', other: 'x' }),
        tagged('one', { env: 'prod' }),
        tagged('wrong', { env: 'test', team: 'pay' }),
        tagged('none', {}),
        tagged('asked', UNKNOWN),
      ]);
      port.tags.set('asked', new Map(selection.tags));
      const result = await sweep(settingsOf({ ports: [port], selection }), REQUEST);
      expect(port.effects.map(({ serviceId }) => serviceId).toSorted()).toEqual(['asked', 'both']);
      expect(result).toMatchObject({ isComplete: true, findings: [] });
    });

    test('leaves alone, and reports, a service whose tags cannot be read', async () => {
      const port = fakeServices([
        tagged('whole', UNKNOWN),
        tagged('part', { env: 'prod', team: UNKNOWN }),
        tagged('good', { env: 'prod', team: 'pay' }),
      ]);
      port.before = ({ method }) => {
        if (method === 'getServiceTags') throw cloudError('EndPoint.0001', { httpStatus: 500 });
      };
      const result = await sweep(settingsOf({ ports: [port], selection }), REQUEST);
      expect(port.effects).toMatchObject([{ serviceId: 'good' }]);
      expect(result.isComplete).toBe(false);
      expect(result.findings).toMatchObject([
        { code: 'service-failed', subject: { serviceId: 'whole' }, details: { code: 'EndPoint.0001' } },
        { code: 'service-failed', subject: { serviceId: 'whole' }, details: { code: 'unreadable' } },
        { code: 'service-failed', subject: { serviceId: 'part' } },
      ]);
    });
  });
});
