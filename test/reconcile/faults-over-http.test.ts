import { describe, expect, test } from 'vitest';
import {
  actedOn,
  approverFor,
  cluster,
  connections,
  OWN_DOMAIN,
  type EmulatedCloud,
  type RealApprover,
  service,
  startCloud,
  startCssCloud,
  targetOf,
} from '../support/emulated-cloud.ts';
import { BY_DOMAIN, REQUEST } from '../support/run-settings.ts';
import { endpointOf, expectSoundTrail, recordsOf, runsIn } from '../support/trail.ts';

const DOMAINS = ['a1', 'r1', 'x1', 'h1', 'a2'];

function waiting(prefix: string, count: number) {
  return connections(prefix, count, (i) => ({ domain_id: DOMAINS[i % 5] ?? '', status: 'pendingAcceptance' }));
}

async function startBoth(kind: 'vpcep' | 'css', count: number): Promise<EmulatedCloud> {
  const [first, second] = [waiting('e', count), waiting('f', 10)];
  return kind === 'vpcep'
    ? startCloud([service('s1', first), service('s2', second)])
    : startCssCloud([cluster('s1', first), cluster('s2', second)]);
}

/** What must hold after every sweep, whatever went wrong. */
async function expectNothingTwiceNothingLost(cloud: EmulatedCloud, { store }: RealApprover): Promise<void> {
  expect([...actedOn(cloud).values()].every((times) => times === 1)).toBe(true);
  const runs = await runsIn(store);
  expectSoundTrail(runs);
  const wanted = new Map(
    recordsOf(runs, 'decision').map((record) => [`${endpointOf(record)} ${record.data.effect}`, record]),
  );
  for (const { endpointId, to } of cloud.changes) {
    const effect = to === 'rejected' ? 'reject' : 'accept';
    expect(wanted.has(`${endpointId} ${effect}`)).toBe(true);
  }
  // Whoever is not named by an accept or reject rule is never touched.
  const touched = new Set(cloud.changes.map(({ endpointId }) => cloud.cloud.connection(endpointId)?.domainId.at(0)));
  expect([...touched].every((first) => first === 'a' || first === 'r')).toBe(true);
}

function statusesOf({ cloud }: EmulatedCloud): Readonly<Record<string, readonly string[]>> {
  const statuses = DOMAINS.map((domainId) => {
    return [domainId, [...new Set(cloud.connections({ domainId }).map(({ status }) => status))]] as const;
  });
  return Object.fromEntries(statuses);
}

const FAULTS = [
  'throttle:0.3',
  'throttle-retry-after=2s:0.3',
  'throttle-400:0.3',
  'error-500:0.3',
  'error-500=after:0.3@POST',
  'error-502:0.3',
  'error-502=after:0.3@POST',
  'error-503:0.3',
  'error-503=after:0.3@POST',
  'html:0.3',
  'html=after:0.3@POST',
  'busy:0.3@POST',
  'conflict:0.3@POST',
  'precondition:0.3@POST',
  'reset-before:0.3',
  'reset-after:0.3',
  'slow:0.3',
  'truncated:0.3',
  'missing-field=id:0.3',
  'missing-field=status:0.3',
  'missing-field=domain_id:0.3',
  'missing-field=created_at:0.3',
  'missing-field=connections:0.3',
  'unknown-state:0.3',
  'unknown-state=accepted_maybe:0.5@connections',
  'clock-skew:0.3',
];
const HANGS = ['hang:2@POST', 'hang:1@connections'];
const PAGES = ['duplicate-item', 'vanish-item', 'truncated:1@1000'];

const KINDS = ['vpcep', 'css'] as const;

function rowsOf(faults: readonly string[]) {
  return KINDS.flatMap((kind) => faults.map((fault) => ({ kind, fault })));
}

describe('sweep over HTTP among faults', () => {
  test.each(rowsOf(FAULTS))(
    'acts on nothing twice, loses nothing, and comes to its end after `$fault`, on $kind',
    async ({ kind, fault }) => {
      const cloud = await startBoth(kind, 30);
      const approver = await approverFor(cloud, { rules: BY_DOMAIN, config: { targets: [targetOf(cloud, kind)] } });
      cloud.setFaults(fault);
      await approver.sweep(REQUEST);
      await expectNothingTwiceNothingLost(cloud, approver);
      cloud.setFaults(null);
      const result = await approver.sweep(REQUEST);
      expect(result).toMatchObject({ isComplete: true, counts: { failed: 0, submitted: 0 } });
      expect(statusesOf(cloud)).toEqual({
        a1: ['accepted'],
        a2: ['accepted'],
        r1: ['rejected'],
        x1: ['pendingAcceptance'],
        h1: ['pendingAcceptance'],
      });
      await expectNothingTwiceNothingLost(cloud, approver);
    },
  );

  test.each(rowsOf([...FAULTS, 'missing-field=project:0.5@v3', 'html:0.5@v3']))(
    'never cuts the owner or a stranger off among `$fault`, and revokes in the end, with everything switched on, on $kind',
    async ({ kind, fault }) => {
      const old = ['a1', 'r1', 'x1', 'own'].map((domain_id) => ({
        id: `old-${domain_id}`,
        domain_id: domain_id === 'own' ? OWN_DOMAIN : domain_id,
        status: 'accepted' as const,
      }));
      const all = [...waiting('e', 10), ...old];
      const cloud =
        kind === 'vpcep'
          ? await startCloud([service('s1', all, { approval_enabled: false })])
          : await startCssCloud([cluster('s1', all)]);
      const rules = [
        ...BY_DOMAIN,
        ...(kind === 'css' ? [{ id: 'own', effect: 'reject' as const, when: { domain_id: OWN_DOMAIN } }] : []),
      ];
      const approver = await approverFor(cloud, {
        rules,
        config: { targets: [targetOf(cloud, kind)], accepted: 'revoke', annotate: true, guard: 'enforce' },
      });
      cloud.setFaults(fault);
      await approver.sweep(REQUEST);
      await expectNothingTwiceNothingLost(cloud, approver);
      cloud.setFaults(null);
      expect((await approver.sweep(REQUEST)).isComplete).toBe(true);
      await expectNothingTwiceNothingLost(cloud, approver);
      const states = Object.fromEntries(old.map(({ id }) => [id, cloud.cloud.connection(id)?.status]));
      expect(states).toEqual({
        'old-a1': 'accepted',
        'old-r1': 'rejected',
        'old-x1': 'accepted',
        'old-own': 'accepted',
      });
      // CSS has no such switch.
      expect(cloud.cloud.service('s1')?.approvalEnabled).toBe(kind === 'vpcep' ? true : undefined);
    },
  );

  test.each(rowsOf(HANGS))(
    'ends by itself and goes on in the next sweep after `$fault`, on $kind',
    async ({ kind, fault }) => {
      const cloud = await startBoth(kind, 30);
      const approver = await approverFor(cloud, { rules: BY_DOMAIN, config: { targets: [targetOf(cloud, kind)] } });
      cloud.setFaults(fault);
      expect((await approver.sweep({ ...REQUEST, budgetMs: 400 })).isComplete).toBe(false);
      await expectNothingTwiceNothingLost(cloud, approver);
      cloud.setFaults(null);
      expect((await approver.sweep(REQUEST)).isComplete).toBe(true);
      expect(statusesOf(cloud)).toMatchObject({ a1: ['accepted'], a2: ['accepted'], r1: ['rejected'] });
      await expectNothingTwiceNothingLost(cloud, approver);
    },
  );

  test.each(rowsOf(PAGES))(
    'acts on nothing twice and loses nothing in lists of several pages after `$fault`, on $kind',
    async ({ kind, fault }) => {
      const cloud = await startBoth(kind, 1_020);
      const approver = await approverFor(cloud, { rules: BY_DOMAIN, config: { targets: [targetOf(cloud, kind)] } });
      cloud.setFaults(fault);
      await approver.sweep(REQUEST);
      await expectNothingTwiceNothingLost(cloud, approver);
      cloud.setFaults(null);
      expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { failed: 0 } });
      expect(statusesOf(cloud)).toMatchObject({ a1: ['accepted'], a2: ['accepted'], r1: ['rejected'] });
      await expectNothingTwiceNothingLost(cloud, approver);
    },
  );
});
