import { describe, expect, test } from 'vitest';
import { Cloud, type CloudConnection } from '../../lib/emulator/cloud.ts';
import { ScenarioError } from '../../lib/emulator/scenario-reader.ts';
import { connection, scenarioOf, standingClock } from './local-client.ts';

const cloudOf = (services: Parameters<typeof scenarioOf>[0], seed = 1) =>
  new Cloud(scenarioOf(services), standingClock(), seed);
const generate = { connections: 1_000, domains: 20 };

function make(seed: number): readonly CloudConnection[] {
  return cloudOf([{ id: 's', service_name: 's', generate }], seed).connections({ serviceId: 's' });
}

describe('Cloud', () => {
  test('makes up the connections a generator asks for, the same under the same seed', () => {
    const made = make(1);
    expect(made).toHaveLength(1_000);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1_000);
    expect(new Set(made.map(({ domainId }) => domainId)).size).toBe(20);
    expect(
      made.every(
        ({ id, domainId, status }) =>
          /^[\da-f-]{36}$/.test(id) && /^[\da-f]{32}$/.test(domainId) && status === 'pendingAcceptance',
      ),
    ).toBe(true);
    expect(make(1)).toEqual(made);
    expect(make(2)).not.toEqual(made);
  });

  test('gives generated connections another status when asked or when nobody approves', () => {
    const cloud = cloudOf([
      { id: 'a', service_name: 'a', approval_enabled: false, generate },
      { id: 'b', service_name: 'b', generate: { connections: 5, status: 'rejected' } },
    ]);
    expect(cloud.count({ serviceId: 'a', status: 'accepted' })).toBe(1_000);
    expect(cloud.count({ status: 'rejected' })).toBe(5);
  });

  test('finds connections by service, status and domain', () => {
    const cloud = cloudOf([
      { id: 'a', service_name: 'a', connections: [connection('1'), connection('2', { status: 'accepted' })] },
      { id: 'b', service_name: 'b', connections: [connection('3', { domain_id: 'd' })] },
    ]);
    expect(cloud.connections({ domainId: 'd' }).map(({ id }) => id)).toEqual(['3']);
    expect(cloud.count({ status: 'pendingAcceptance' })).toBe(3);
    expect(cloud.count({ serviceId: 'nothing' })).toBe(0);
    expect(cloud.connection('nothing')).toBeUndefined();
  });

  test('takes connections that come, go and change by script', () => {
    const cloud = cloudOf([{ id: 'a', service_name: 'a', connections: [connection('1', { age: '1h' })] }]);
    cloud.addConnection('a', connection('2'));
    expect(cloud.connections({ serviceId: 'a' }).map(({ id }) => id)).toEqual(['2', '1']);
    cloud.setStatus('2', 'deleting');
    cloud.removeConnection('1');
    expect(cloud.connections({ serviceId: 'a' }).map(({ id, status }) => [id, status])).toEqual([['2', 'deleting']]);
    expect(cloud.changes).toEqual([
      expect.objectContaining({ endpointId: '2', to: 'deleting', requestId: null, accessKey: null }),
    ]);
  });

  test('refuses ids that exist, or do not', () => {
    const cloud = cloudOf([{ id: 'a', service_name: 'a', connections: [connection('1')] }]);
    expect(() => cloud.addConnection('a', connection('1'))).toThrow(ScenarioError);
    expect(() => cloud.addConnection('b', connection('2'))).toThrow(ScenarioError);
    expect(() => cloud.addConnection('a', { ...connection('2'), age: 'old' })).toThrow(ScenarioError);
    expect(() => cloud.setStatus('2', 'accepted')).toThrow(ScenarioError);
    expect(() => cloud.removeConnection('2')).toThrow(ScenarioError);
  });
});
