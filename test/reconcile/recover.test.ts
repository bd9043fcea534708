import { describe, expect, test } from 'vitest';
import { withholdWrites } from '../../lib/cloud/dry-run.ts';
import type { ConnectionState } from '../../lib/core/connection.ts';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  cloudError,
  connectionOf,
  type FakeServices,
  fakeServices,
  hang,
  serviceOf,
} from '../support/fake-services.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { type QuickClock, quickClock } from '../support/quick-clock.ts';
import { REQUEST, type SettingsDraft, settingsOf } from '../support/run-settings.ts';
import { endpointOf, expectSoundTrail, openIn, recordsIn, recordsOf, runsIn } from '../support/trail.ts';

const HOUR = 3_600_000;

class Crash extends Error {
  override readonly name = 'Crash';
}

interface World {
  readonly store: MemoryStore;
  readonly port: FakeServices;
  readonly clock: QuickClock;
  /** Endpoints with a durable decision, at the moment of each effect. */
  readonly undecided: string[];
}

/** Two services: accepts, rejects and holds, with accepts in two batches when `count` is over 500. */
function worldOf(domains: readonly string[] = ['a1', 'r1', 'h1', 'a2']): World {
  const store = memoryStore();
  const durable = new Set<string>();
  const undecided: string[] = [];
  store.afterCreate = (_, bytes) => {
    for (const record of recordsIn(bytes)) {
      if (record.type === 'vpcep-approver.decision.v1') durable.add(endpointOf(record));
    }
  };
  const connections = domains.map((domainId, i) => connectionOf(`e${i}`, { domainId }));
  const port = fakeServices([{ service: serviceOf('s1'), connections }]);
  const push = port.effects.push.bind(port.effects);
  port.effects.push = (...effects) => {
    undecided.push(...effects.map(({ endpointId }) => endpointId).filter((id) => !durable.has(id)));
    return push(...effects);
  };
  return { store, port, clock: quickClock(), undecided };
}

/** Runs a sweep that the test kills. A killed process runs nothing more: later calls of port and store fail too. */
async function killed(world: World, change: Partial<SettingsDraft> = {}): Promise<boolean> {
  try {
    await sweep(settingsOf({ ports: [world.port], ...world, limits: { concurrency: 1 }, ...change }), REQUEST);
    return false;
  } catch (error) {
    if (error instanceof Crash) return true;
    throw error;
  }
}

/** Kills the process at the `at`-th call (from 1) of port or store, before or after the work of that call. */
function killAt(world: World, at: number, moment: 'before' | 'after'): () => void {
  const { port, store } = world;
  const remember = store.afterCreate;
  let count = 0;
  const enter = () => {
    count += 1;
    if (count > at || (count === at && moment === 'before')) throw new Crash('killed');
  };
  const leave = () => {
    if (count >= at) throw new Crash('killed');
  };
  port.before = enter;
  port.after = leave;
  store.beforeCreate = enter;
  store.afterCreate = (key, bytes) => {
    void remember(key, bytes);
    leave();
  };
  return () => {
    port.before = () => {};
    port.after = () => {};
    store.beforeCreate = () => {};
    store.afterCreate = remember;
  };
}

/** Leaves a dead run with the decisions of `world` durable and nothing sent. */
async function deadRun(world: World, change: Partial<SettingsDraft> = {}): Promise<void> {
  const { port } = world;
  port.before = ({ method }) => {
    if (method === 'accept' || method === 'reject') throw new Crash('killed');
  };
  expect(await killed(world, change)).toBe(true);
  port.before = () => {};
}

function later(world: World, change: Partial<SettingsDraft> = {}) {
  return sweep(settingsOf({ ports: [world.port], ...world, ...change }), REQUEST);
}

describe('recoverDeadRuns', () => {
  const moments = (['before', 'after'] as const).flatMap((moment) =>
    Array.from({ length: 12 }, (_, i) => ({ at: i + 1, moment })),
  );

  test.each(moments)('closes a run that was killed $moment its call number $at', async ({ at, moment }) => {
    const world = worldOf();
    const revive = killAt(world, at, moment);
    const wasKilled = await killed(world);
    revive();
    world.clock.advance(2 * HOUR);
    const result = await later(world);
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    // A run that died before its first write left nothing to recover.
    const died = wasKilled && runs.length === 2 && recordsOf(runs[0] as never, 'run.finished').length === 0;
    expect(recordsOf(runs, 'run.recovered')).toHaveLength(died ? 1 : 0);
    expect(world.undecided).toEqual([]);
    expect(world.port.effects.map(({ endpointId, to }) => `${endpointId} ${to}`).toSorted()).toEqual([
      'e0 accepted',
      'e1 rejected',
      'e3 accepted',
    ]);
    expect(result.isComplete).toBe(true);
    expect(['e0', 'e1', 'e2', 'e3'].map((id) => world.port.stateOf(id))).toEqual([
      'accepted',
      'rejected',
      'pending',
      'accepted',
    ]);
  });

  test('closes a run that was killed at its last write or between batches', async () => {
    for (const at of [1, 2, 3]) {
      for (const moment of ['before', 'after'] as const) {
        const world = worldOf(Array.from({ length: 600 }, () => 'a1'));
        const remember = world.store.afterCreate;
        let creates = 0;
        world.store.beforeCreate = () => {
          creates += 1;
          if (creates === at && moment === 'before') throw new Crash('killed');
        };
        world.store.afterCreate = (key, bytes) => {
          void remember(key, bytes);
          if (creates === at) throw new Crash('killed');
        };
        expect(await killed(world, { limits: {} })).toBe(true);
        world.store.beforeCreate = () => {};
        world.store.afterCreate = remember;
        world.clock.advance(2 * HOUR);
        await later(world);
        expectSoundTrail(await runsIn(world.store));
        expect(world.undecided).toEqual([]);
        expect(world.port.effects).toHaveLength(600);
      }
    }
  });

  const states: readonly { state: ConnectionState | null; domainId: string; status: string }[] = [
    { state: 'accepted', domainId: 'a1', status: 'applied' },
    { state: 'creating', domainId: 'a1', status: 'submitted' },
    { state: 'pending', domainId: 'a1', status: 'failed' },
    { state: 'unknown', domainId: 'a1', status: 'failed' },
    { state: 'rejected', domainId: 'a1', status: 'superseded' },
    { state: 'deleting', domainId: 'a1', status: 'superseded' },
    { state: null, domainId: 'a1', status: 'superseded' },
    { state: 'rejected', domainId: 'r1', status: 'applied' },
    { state: 'accepted', domainId: 'r1', status: 'superseded' },
    { state: 'creating', domainId: 'r1', status: 'superseded' },
    { state: 'pending', domainId: 'r1', status: 'failed' },
  ];
  test.each(states)('writes `$status` for a dead decision of $domainId when the state is `$state`', async (row) => {
    const world = worldOf([row.domainId]);
    await deadRun(world);
    if (row.state === null) world.port.remove('e0');
    else world.port.setState('e0', row.state);
    world.clock.advance(2 * HOUR);
    await later(world);
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    const recovered = recordsOf(runs, 'outcome').filter(({ data }) => data.recovered === true);
    // Of one that has gone, the last state seen is that of the decision.
    expect(recovered.map(({ data }) => [data.status, data.state, data.attempts])).toEqual([
      [row.status, row.state ?? 'pending', 0],
    ]);
  });

  test('has the recovery durable, in one segment, before it does anything else', async () => {
    const world = worldOf(['a1', 'r1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    const segments: (readonly string[])[] = [];
    const remember = world.store.afterCreate;
    world.store.afterCreate = (key, bytes) => {
      if (key.startsWith('trail/'))
        segments.push(recordsIn(bytes).map(({ type }) => type.split('.').slice(1, -1).join('.')));
      return remember(key, bytes);
    };
    let before: readonly (readonly string[])[] = [];
    world.port.before = ({ method }) => {
      if (method === 'listServices') before = [...segments];
    };
    await later(world);
    expect(before).toEqual([['run.started', 'run.recovered', 'outcome', 'outcome']]);
  });

  test('withholds what a dead run only held', async () => {
    const world = worldOf(['h1', 'a1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    await later(world);
    const runs = await runsIn(world.store);
    const recovered = recordsOf(runs, 'outcome').filter(({ data }) => data.recovered === true);
    expect(recovered.map(({ data }) => [data.status, data.by])).toEqual([
      ['withheld', 'hold'],
      ['failed', undefined],
    ]);
    expectSoundTrail(runs);
  });

  test('withholds what a dead dry-run decided, and asks nobody about it', async () => {
    const world = worldOf(['a1', 'r1']);
    // Its second write is that of the end.
    let creates = 0;
    world.store.beforeCreate = () => {
      creates += 1;
      if (creates === 2) throw new Crash('killed');
    };
    const mode = { ports: [withholdWrites(world.port)], mode: 'dry-run' as const };
    expect(await killed(world, mode)).toBe(true);
    world.store.beforeCreate = () => {};
    world.clock.advance(2 * HOUR);
    world.port.before = ({ method }) => {
      if (method === 'getConnection') throw new TypeError('getConnection must not be called');
    };
    await later(world, mode);
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    const recovered = recordsOf(runs, 'outcome').filter(({ data }) => data.recovered === true);
    expect(recovered.map(({ data }) => [data.status, data.by])).toEqual([
      ['withheld', 'dry-run'],
      ['withheld', 'dry-run'],
    ]);
  });

  test('fails what was decided for a target that is not governed any more', async () => {
    const world = worldOf(['a1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    await later(world, { ports: [fakeServices([], { projectId: 'other' })] });
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'outcome')[0]?.data).toMatchObject({ status: 'failed', state: 'unknown', recovered: true });
  });

  test('calls what was decided for a service that is gone superseded', async () => {
    const world = worldOf(['a1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    await later(world, { ports: [fakeServices([])] });
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'outcome')[0]?.data).toMatchObject({ status: 'superseded', recovered: true });
  });

  test('leaves a run open while the cloud cannot be asked, and closes it in a later sweep', async () => {
    const world = worldOf(['a1', 'a1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    world.port.before = ({ method }) => {
      if (method !== 'accept') throw cloudError('network', { retryable: true });
    };
    const { findings, isComplete } = await later(world);
    expect(isComplete).toBe(false);
    expect(findings.map(({ code }) => code)).toContain('recovery-failed');
    expect(openIn(await runsIn(world.store))).toHaveLength(2);
    world.port.before = () => {};
    await later(world);
    const runs = await runsIn(world.store);
    expect(recordsOf(runs, 'run.recovered')).toHaveLength(1);
    expectSoundTrail(runs);
  });

  test('writes nothing of a recovery that only some decisions could be read for', async () => {
    const world = worldOf(['a1', 'a1', 'a1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    world.port.before = ({ method, endpointId }) => {
      if (method === 'getConnection' && endpointId === 'e2') throw cloudError('EndPoint.0001', { httpStatus: 500 });
      if (method === 'listConnections') throw cloudError('EndPoint.0001', { httpStatus: 500 });
    };
    await later(world);
    const runs = await runsIn(world.store);
    expect(recordsOf(runs, 'run.recovered')).toEqual([]);
    expect(openIn(runs)).toHaveLength(3);
  });

  test('leaves a run open when the time is up, and says so', async () => {
    const world = worldOf(['a1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    world.port.before = ({ signal }) => hang(signal);
    const settings = settingsOf({ ports: [world.port], ...world });
    const result = await sweep(settings, { ...REQUEST, budgetMs: 50 });
    expect(result.isComplete).toBe(false);
    expect(result.findings).toMatchObject([
      { code: 'recovery-failed', details: { code: 'deadline' } },
      { code: 'deadline' },
    ]);
    world.port.before = () => {};
    await later(world);
    expectSoundTrail(await runsIn(world.store));
  });

  test('leaves a run alone that may still be at work', async () => {
    const world = worldOf(['a1']);
    await deadRun(world);
    world.clock.advance(HOUR - 60_000);
    await later(world);
    const runs = await runsIn(world.store);
    expect(recordsOf(runs, 'run.recovered')).toEqual([]);
    expect(openIn(runs)).toHaveLength(1);
  });

  test('recovers a dead run once although two sweeps find it', async () => {
    const world = worldOf(['a1', 'r1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    await Promise.all([later(world), later(world), later(world)]);
    const runs = await runsIn(world.store);
    expect(recordsOf(runs, 'run.recovered')).toHaveLength(1);
    expectSoundTrail(runs);
  });

  test('recovers the recoverer that died, and what it had left', async () => {
    const world = worldOf(['a1', 'r1']);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    await deadRun(world);
    world.clock.advance(2 * HOUR);
    await later(world);
    const runs = await runsIn(world.store);
    expect(recordsOf(runs, 'run.recovered')).toHaveLength(2);
    expectSoundTrail(runs);
    expect(world.port.effects).toHaveLength(2);
  });

  test('reports a damaged trail, and goes on with its own work', async () => {
    const world = worldOf(['a1']);
    await deadRun(world);
    const key = [...world.store.objects.keys()].find((name) => name.startsWith('trail/')) ?? '';
    world.store.objects.set(key, Buffer.from('{"broken'));
    world.clock.advance(2 * HOUR);
    const result = await later(world);
    expect(result.findings).toMatchObject([{ code: 'trail-damaged', severity: 'error' }]);
    expect(world.port.stateOf('e0')).toBe('accepted');
  });
});
