import { describe, expect, test } from 'vitest';
import { readStates } from '../../lib/reconcile/read-states.ts';
import {
  callsOf,
  cloudError,
  connectionOf,
  type FakeServices,
  fakeServices,
  serviceOf,
} from '../support/fake-services.ts';

const NEVER = new AbortController().signal;

function worldOf(count: number): FakeServices {
  const all = Array.from({ length: count }, (_, i) => connectionOf(`e${i}`));
  return fakeServices([{ service: serviceOf('s1'), connections: all }]);
}

function read(port: FakeServices, ids: readonly string[], expected?: 'accepted' | 'rejected') {
  const ref = { kind: port.kind, region: port.region, projectId: port.projectId, serviceId: 's1' } as const;
  return readStates({ port, ref }, ids, NEVER, expected);
}

function ids(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `e${i}`);
}

describe('readStates', () => {
  test('asks for nothing when there is nothing to read', async () => {
    const port = worldOf(3);
    expect((await read(port, [])).size).toBe(0);
    expect(port.calls).toEqual([]);
  });

  test('reads two one by one', async () => {
    const port = worldOf(9);
    expect([...(await read(port, ids(2))).keys()]).toEqual(['e0', 'e1']);
    expect(callsOf(port, 'getConnection', 'listConnections')).toEqual(['getConnection e0', 'getConnection e1']);
  });

  test('reads many with one listing', async () => {
    const port = worldOf(400);
    const states = await read(port, ids(400));
    expect(states.size).toBe(400);
    expect(port.calls).toHaveLength(1);
  });

  test('reads the list of the expected state first, and asks for the few that are not in it', async () => {
    const port = worldOf(10);
    for (const id of ids(8)) port.setState(id, 'accepted');
    const states = await read(port, ids(10), 'accepted');
    expect(states.get('e9')).toMatchObject({ state: 'pending' });
    expect(port.calls.map(({ method, state }) => `${method} ${state}`)).toEqual([
      'listConnections accepted',
      'getConnection null',
      'getConnection null',
    ]);
  });

  test('reads the whole list when many are not in the expected state', async () => {
    const port = worldOf(100);
    const states = await read(port, ids(100), 'rejected');
    expect(states.size).toBe(100);
    expect(port.calls.map(({ state }) => state)).toEqual(['rejected', null]);
  });

  test('calls gone what a whole list of every state does not show', async () => {
    const port = worldOf(50);
    port.remove('e7');
    const states = await read(port, ids(50));
    expect(states.get('e7')).toBeNull();
    expect(states.get('e8')).toMatchObject({ endpointId: 'e8' });
  });

  test('says nothing about what a list with holes does not show, when there are many', async () => {
    const port = worldOf(50);
    port.alterListing = (listing) => ({ ...listing, connections: listing.connections.slice(20), isComplete: false });
    const states = await read(port, ids(50));
    expect(states.size).toBe(30);
    expect(states.get('e0')).toBeUndefined();
  });

  test('asks for each of the few that a list with holes does not show', async () => {
    const port = worldOf(50);
    port.remove('e1');
    port.alterListing = (listing) => ({ ...listing, connections: listing.connections.slice(5), isComplete: false });
    const states = await read(port, ids(50));
    expect(states.size).toBe(50);
    expect(states.get('e0')).toMatchObject({ state: 'pending' });
    expect(states.get('e1')).toBeNull();
    expect(callsOf(port, 'getConnection').length).toBeLessThanOrEqual(16);
  });

  test('does not take for gone what a list of one state does not show', async () => {
    const port = worldOf(100);
    port.before = ({ method, state }) => {
      if (method === 'listConnections' && state === null) throw cloudError('EndPoint.0001', { httpStatus: 500 });
    };
    await expect(read(port, ids(100), 'accepted')).rejects.toMatchObject({ code: 'EndPoint.0001' });
  });

  test('reads an id that is named twice once', async () => {
    const port = worldOf(3);
    expect((await read(port, ['e1', 'e1', 'e1'])).size).toBe(1);
    expect(port.calls).toHaveLength(1);
  });
});
