import { describe, expect, test } from 'vitest';
import type { ScenarioConnection } from '../../lib/emulator/scenario.ts';
import type { AcceptedReview } from '../../lib/reconcile/run.ts';
import { sweep } from '../../lib/reconcile/sweep.ts';
import {
  approverFor,
  type ApproverDraft,
  cluster,
  connections,
  type EmulatedCloud,
  OWN_DOMAIN,
  type RealApprover,
  service,
  startCloud,
  startCssCloud,
  targetOf,
  writesOf,
} from '../support/emulated-cloud.ts';
import { connectionOf, type FakeServices, fakeServices, lostAnswer, serviceOf } from '../support/fake-services.ts';
import { type MemoryStore, memoryStore } from '../support/memory-store.ts';
import { type QuickClock, quickClock } from '../support/quick-clock.ts';
import { BY_DOMAIN, REJECT_ALL, REQUEST, type SettingsDraft, settingsOf } from '../support/run-settings.ts';
import { endpointOf, expectSoundTrail, recordsIn, recordsOf, runsIn } from '../support/trail.ts';

type Kind = 'vpcep' | 'css';
const KINDS: readonly Kind[] = ['vpcep', 'css'];

interface Scene {
  readonly cloud: EmulatedCloud;
  readonly approver: RealApprover;
}

/** A service or a cluster `s1` with these connections and an approver in front of it. */
async function sceneOf(
  kind: Kind,
  all: readonly ScenarioConnection[],
  accepted: AcceptedReview,
  draft: Partial<ApproverDraft> & { readonly target?: object } = {},
): Promise<Scene> {
  const cloud = kind === 'vpcep' ? await startCloud([service('s1', all)]) : await startCssCloud([cluster('s1', all)]);
  const { target, config, ...rest } = draft;
  const targets = [targetOf(cloud, kind, { ...target })];
  const approver = await approverFor(cloud, { rules: BY_DOMAIN, ...rest, config: { accepted, targets, ...config } });
  return { cloud, approver };
}

/** One accepted connection each of a domain that is rejected, accepted, held, and that no rule knows. */
const ACCEPTED = ['r1', 'a1', 'h1', 'x1'].map((domain_id) => ({
  id: `old-${domain_id}`,
  domain_id,
  status: 'accepted' as const,
}));

function statusesOf({ cloud }: Scene): Readonly<Record<string, string>> {
  return Object.fromEntries(cloud.cloud.connections().map(({ id, status }) => [id, status]));
}

function codesOf({ findings }: { readonly findings: readonly { readonly code: string }[] }): readonly string[] {
  return findings.map(({ code }) => code);
}

/** The accepts and rejects that were sent. */
function actionsOf({ cloud }: Scene): number {
  return writesOf(cloud).filter(({ method }) => method === 'POST').length;
}

describe('reviewable', () => {
  test.each(KINDS)('leaves accepted connections alone under `off`, on %s', async (kind) => {
    const scene = await sceneOf(kind, ACCEPTED, 'off');
    const result = await scene.approver.sweep(REQUEST);
    expect(result).toMatchObject({ counts: { listed: 0 }, findings: [], isComplete: true });
    expect(writesOf(scene.cloud)).toEqual([]);
    expect(scene.cloud.requests.filter(({ path }) => path.startsWith('/v3/'))).toEqual([]);
  });

  test.each(KINDS)('reports what a reject rule matches, and sends nothing, under `report`, on %s', async (kind) => {
    const scene = await sceneOf(kind, ACCEPTED, 'report');
    for (let sweeps = 0; sweeps < 2; sweeps++) {
      const result = await scene.approver.sweep(REQUEST);
      expect(result.findings).toMatchObject([
        { code: 'accepted-against-policy', subject: { endpointId: 'old-r1' }, details: { rules: ['reject-r'] } },
      ]);
      expect(result).toMatchObject({ counts: { listed: 0 }, connections: [], isComplete: true });
    }
    expect(writesOf(scene.cloud)).toEqual([]);
    const runs = await runsIn(scene.approver.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'decision')).toEqual([]);
    expect(recordsOf(runs, 'finding').map(endpointOf)).toEqual(['old-r1', 'old-r1']);
  });

  test.each(KINDS)('rejects what a reject rule matches, and nothing else, under `revoke`, on %s', async (kind) => {
    const scene = await sceneOf(kind, ACCEPTED, 'revoke');
    const result = await scene.approver.sweep(REQUEST);
    expect(statusesOf(scene)).toEqual({
      'old-r1': 'rejected',
      'old-a1': 'accepted',
      'old-h1': 'accepted',
      'old-x1': 'accepted',
    });
    expect(codesOf(result)).toEqual(['revoked']);
    expect(result.counts).toMatchObject({ listed: 1, rejected: 1, held: 0 });
    const again = await scene.approver.sweep(REQUEST);
    expect(again).toMatchObject({ counts: { listed: 0 }, findings: [] });
    expect(actionsOf(scene)).toBe(1);
    expectSoundTrail(await runsIn(scene.approver.store));
  });

  test.each(KINDS)('revokes nothing by the default effect `reject`, on %s', async (kind) => {
    const scene = await sceneOf(kind, ACCEPTED, 'revoke', { rules: [], policy: { default: 'reject' } });
    expect(await scene.approver.sweep(REQUEST)).toMatchObject({ counts: { listed: 0 }, findings: [] });
    expect(writesOf(scene.cloud)).toEqual([]);
  });

  test.each(KINDS)('revokes nothing by a reject rule that cannot be decided, on %s', async (kind) => {
    // Another account's endpoint cannot be read.
    const rules = [{ id: 'no-vpc', effect: 'reject', when: { 'endpoint.vpc_id': { not: 'v1' } } }] as const;
    const scene = await sceneOf(kind, ACCEPTED, 'revoke', { rules });
    expect(await scene.approver.sweep(REQUEST)).toMatchObject({ counts: { listed: 0 }, findings: [] });
    expect(writesOf(scene.cloud)).toEqual([]);
  });

  test.each(KINDS)('does not count the connection itself for `domain.connections`, on %s', async (kind) => {
    const all = [
      { id: 'only', domain_id: 'd1', status: 'accepted' as const },
      { id: 'one', domain_id: 'd2', status: 'accepted' as const },
      { id: 'two', domain_id: 'd2', status: 'accepted' as const },
    ];
    const rules = [{ id: 'many', effect: 'reject', when: { 'domain.connections': { gte: 1 } } }] as const;
    const scene = await sceneOf(kind, all, 'report', { rules });
    const { findings } = await scene.approver.sweep(REQUEST);
    expect(findings.map(({ subject }) => subject)).toMatchObject([{ endpointId: 'one' }, { endpointId: 'two' }]);
  });

  test.each(KINDS)('brakes rejects and revokes together, and holds all of them, on %s', async (kind) => {
    const all = [
      ...connections('new', 2, { domain_id: 'r1', status: 'pendingAcceptance' }),
      ...connections('old', 2, { domain_id: 'r2', status: 'accepted' }),
      ...connections('in', 1, { domain_id: 'a1', status: 'pendingAcceptance' }),
    ];
    const scene = await sceneOf(kind, all, 'revoke', { config: { limits: { rejects_per_run: 3 } } });
    const result = await scene.approver.sweep(REQUEST);
    expect(result.counts).toMatchObject({ listed: 5, accepted: 1, rejected: 0, held: 4 });
    const held = result.connections.filter(({ effect }) => effect === 'hold');
    expect(held.map(({ cause, rules }) => [cause, rules])).toEqual(
      Array.from({ length: 4 }, () => ['brake', ['reject-r']]),
    );
    expect(codesOf(result).filter((code) => code === 'brake')).toHaveLength(1);
    expect(codesOf(result)).not.toContain('revoked');
    expect(actionsOf(scene)).toBe(1);
    expectSoundTrail(await runsIn(scene.approver.store));
  });

  test('sends as many rejects and revokes as the brake allows', async () => {
    const all = [
      ...connections('new', 2, { domain_id: 'r1' }),
      ...connections('old', 2, { domain_id: 'r2', status: 'accepted' }),
    ];
    const scene = await sceneOf('vpcep', all, 'revoke', { config: { limits: { rejects_per_run: 4 } } });
    expect((await scene.approver.sweep(REQUEST)).counts).toMatchObject({ rejected: 4 });
  });

  test('reports what the brake keeps from being revoked in every sweep, not only in the first', async () => {
    const scene = await sceneOf('vpcep', ACCEPTED, 'revoke', { config: { limits: { rejects_per_run: 0 } } });
    expect(codesOf(await scene.approver.sweep(REQUEST))).toEqual(['brake', 'accepted-against-policy']);
    expect(codesOf(await scene.approver.sweep(REQUEST))).toEqual(['brake', 'accepted-against-policy']);
  });

  test.each(KINDS)('sends nothing in dry-run, on %s', async (kind) => {
    const scene = await sceneOf(kind, ACCEPTED, 'revoke', { config: { mode: 'dry-run' } });
    const result = await scene.approver.sweep(REQUEST);
    expect(codesOf(result)).toEqual(['accepted-against-policy']);
    expect(result.connections).toMatchObject([{ effect: 'reject', outcome: { status: 'withheld', by: 'dry-run' } }]);
    expect(writesOf(scene.cloud)).toEqual([]);
    expectSoundTrail(await runsIn(scene.approver.store));
  });

  describe('on a CSS cluster', () => {
    const OWNERS = [
      { id: 'own', domain_id: OWN_DOMAIN, status: 'accepted' as const },
      { id: 'stranger', domain_id: 'x1', status: 'accepted' as const },
    ];

    test.each([{}, { own_domain_id: OWN_DOMAIN }])(
      'never revokes the access of the own account, with %j',
      async (target) => {
        const scene = await sceneOf('css', OWNERS, 'revoke', { rules: REJECT_ALL, target });
        const result = await scene.approver.sweep(REQUEST);
        expect(statusesOf(scene)).toEqual({ own: 'accepted', stranger: 'rejected' });
        expect(codesOf(result)).toEqual(['revoked']);
        const asked = scene.cloud.requests.filter(({ path }) => path.startsWith('/v3/projects'));
        expect(asked).toHaveLength('own_domain_id' in target ? 0 : 1);
      },
    );

    test.each(['report', 'revoke'] as const)(
      'reviews nothing under `%s` while the own account is unknown',
      async (accepted) => {
        const scene = await sceneOf('css', OWNERS, accepted, { rules: REJECT_ALL });
        scene.cloud.setFaults('error-500@/v3/projects');
        const result = await scene.approver.sweep(REQUEST);
        expect(codesOf(result)).toEqual(['own-account-unknown']);
        expect(writesOf(scene.cloud)).toEqual([]);
        expect(statusesOf(scene)).toEqual({ own: 'accepted', stranger: 'accepted' });
        scene.cloud.setFaults(null);
        expect(codesOf(await scene.approver.sweep(REQUEST))).toEqual([
          accepted === 'revoke' ? 'revoked' : 'accepted-against-policy',
        ]);
      },
    );

    test('still judges what is pending while the own account is unknown', async () => {
      const all = [...OWNERS, { id: 'new', domain_id: 'x1', status: 'pendingAcceptance' as const }];
      const scene = await sceneOf('css', all, 'revoke', { rules: REJECT_ALL });
      scene.cloud.setFaults('error-500@/v3/projects');
      expect((await scene.approver.sweep(REQUEST)).counts).toMatchObject({ listed: 1, rejected: 1 });
      expect(statusesOf(scene)).toMatchObject({ own: 'accepted', stranger: 'accepted', new: 'rejected' });
    });

    test('revokes nothing whose account cannot be read', async () => {
      const rules = [{ id: 'all', effect: 'reject', when: { 'service.id': 's1' } }] as const;
      const scene = await sceneOf('css', OWNERS, 'revoke', { rules });
      scene.cloud.setFaults('missing-field=domain_id@vpcepservice');
      await scene.approver.sweep(REQUEST);
      expect(writesOf(scene.cloud)).toEqual([]);
    });
  });

  test('asks for no accepted connection’s owner when one connection is reconciled', async () => {
    const all = [
      { id: 'new', domain_id: 'a1', status: 'pendingAcceptance' as const },
      { id: 'old', domain_id: 'r1', status: 'accepted' as const },
    ];
    const rules = [
      { id: 'few', effect: 'accept', when: { 'domain.connections': { lt: 9 }, domain_id: { like: 'a*' } } },
      { id: 'no', effect: 'reject', when: { domain_id: { like: 'r*' } } },
    ] as const;
    const scene = await sceneOf('css', all, 'revoke', { rules });
    scene.cloud.setFaults('error-500@/v3/projects');
    const result = await scene.approver.reconcile(REQUEST, { serviceId: 's1', endpointId: 'new' });
    expect(result).toMatchObject({ verdict: 'judged', findings: [], counts: { accepted: 1 } });
    expect(statusesOf(scene)).toEqual({ new: 'accepted', old: 'accepted' });
  });
});

interface World {
  readonly port: FakeServices;
  readonly store: MemoryStore;
  readonly clock: QuickClock;
}

function worldOf(): World {
  const old = connectionOf('e1', { domainId: 'r1', state: 'accepted', record: { id: 'e1', status: 'accepted' } });
  return {
    port: fakeServices([{ service: serviceOf('s1'), connections: [old] }]),
    store: memoryStore(),
    clock: quickClock(),
  };
}

function revoke({ port, ...world }: World, change: Partial<SettingsDraft> = {}) {
  return sweep(settingsOf({ ports: [port], ...world, accepted: 'revoke', ...change }), REQUEST);
}

/** Leaves a dead run behind: killed before or after the reject, or, held by the brake, before its outcome is written. */
async function kill(world: World, moment: 'before' | 'after'): Promise<void> {
  world.port[moment] = ({ method }) => {
    if (method === 'reject') throw new RangeError('killed');
  };
  await expect(revoke(world)).rejects.toThrow('killed');
  world.port[moment] = () => {};
  world.clock.advance(61 * 60_000);
}

describe('revokedFinding', () => {
  test('is written only once the reject was read back', async () => {
    const world = worldOf();
    world.port.after = ({ method }) => {
      if (method === 'reject') world.port.setState('e1', 'accepted');
    };
    const result = await revoke(world);
    expect(result.connections).toMatchObject([{ outcome: { status: 'submitted', state: 'accepted' } }]);
    expect(codesOf(result)).not.toContain('revoked');
  });

  test('is written when the answer was lost and the reject is read back', async () => {
    const world = worldOf();
    let lost = 0;
    world.port.after = ({ method }) => {
      if (method === 'reject' && lost++ === 0) throw lostAnswer();
    };
    const result = await revoke(world);
    expect(codesOf(result)).toEqual(['revoked']);
    const runs = await runsIn(world.store);
    expect(recordsOf(runs, 'finding').map(({ data }) => data.code)).toEqual(['revoked']);
    expect(recordsOf(runs, 'outcome')).toMatchObject([{ data: { status: 'applied', state: 'rejected' } }]);
  });

  test('is not written, and no drift reported, for what was gone when its turn came', async () => {
    const world = worldOf();
    world.port.after = ({ method }) => {
      if (method === 'listConnections') world.port.setState('e1', 'rejected');
    };
    const result = await revoke(world);
    expect(result.connections).toMatchObject([{ outcome: { status: 'superseded', state: 'rejected' } }]);
    expect(codesOf(result)).toEqual([]);
  });

  test('follows a decision that was durable before the reject was sent', async () => {
    const world = worldOf();
    const durable: string[] = [];
    world.store.afterCreate = (_, bytes) => void durable.push(...recordsIn(bytes).map(({ type }) => type));
    let seen: readonly string[] = [];
    world.port.before = ({ method }) => {
      if (method === 'reject') seen = [...durable];
    };
    await revoke(world);
    expect(seen).toContain('vpcep-approver.decision.v1');
  });
});

describe('recoverDeadRuns of a revoke', () => {
  test('closes as applied what the dead run had rejected', async () => {
    const world = worldOf();
    await kill(world, 'after');
    await revoke(world);
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'outcome')).toMatchObject([
      { data: { status: 'applied', state: 'rejected', recovered: true } },
    ]);
    expect(world.port.effects).toHaveLength(1);
  });

  test('closes as failed what the dead run had not sent, and revokes it now', async () => {
    const world = worldOf();
    await kill(world, 'before');
    const result = await revoke(world);
    const runs = await runsIn(world.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'outcome')).toMatchObject([
      { data: { status: 'failed', state: 'accepted', error: { code: 'run-died' }, recovered: true } },
      { data: { status: 'applied', state: 'rejected' } },
    ]);
    expect(codesOf(result)).toEqual(['revoked']);
  });

  test('withholds in the state it had what the brake of the dead run held', async () => {
    const world = worldOf();
    world.port.add('s1', connectionOf('e2', { domainId: 'a1' }));
    world.port.after = ({ method }) => {
      if (method === 'accept') throw new RangeError('killed');
    };
    await expect(revoke(world, { limits: { rejectsPerRun: 0 } })).rejects.toThrow('killed');
    world.port.after = () => {};
    world.clock.advance(61 * 60_000);
    await revoke(world, { limits: { rejectsPerRun: 0 } });
    const recovered = recordsOf(await runsIn(world.store), 'outcome').filter(({ data }) => data.recovered === true);
    expect(recovered.find((record) => endpointOf(record) === 'e1')).toMatchObject({
      data: { status: 'withheld', by: 'hold', state: 'accepted' },
    });
  });
});
