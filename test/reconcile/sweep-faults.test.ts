import { describe, expect, test } from 'vitest';
import { actedOn, approverFor, connections, service, startCloud } from '../support/emulated-cloud.ts';
import { REQUEST, type RuleDraft } from '../support/run-settings.ts';
import { expectSoundTrail, runsIn } from '../support/trail.ts';

/** Every fifth connection each is of one of these domains. */
const domains = (index: number) => ({ domain_id: ['a1', 'a2', 'r1', 'x1', 'a3'][index % 5] ?? '' });

/** Domain a1 gets 1,010 connections at most, everybody else called `a…` as many as they want. */
const RULES: readonly RuleDraft[] = [
  { id: 'full', effect: 'accept', when: { domain_id: 'a1', 'domain.connections': { lt: 1_010 } } },
  { id: 'free', effect: 'accept', when: { domain_id: ['a2', 'a3'] } },
  { id: 'no', effect: 'reject', when: { domain_id: { like: 'r*' } } },
];

const FAULTS = [
  'duplicate-item:0.4',
  'vanish-item:0.4',
  'throttle:0.03',
  'throttle-retry-after=2s:0.02',
  'throttle-400:0.02@POST',
  'error-500:0.04',
  'error-500=after:0.04@POST',
  'reset-after:0.06@POST',
  'reset-before:0.04@POST',
  'truncated:0.04',
  'html:0.03',
  'missing-field:0.2@GET',
  'missing-field=status:0.1@GET',
].join(',');

describe('sweep', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'comes to what the policy wants in five sweeps among faults of seed %i',
    async (seed) => {
      const cloud = await startCloud(
        [
          service('s1', [
            ...connections('old', 1_000, { domain_id: 'a1', status: 'accepted' }),
            ...connections('e', 150, domains),
          ]),
          service('s2', connections('f', 60, domains)),
          service('s3', []),
        ],
        { seed },
      );
      cloud.setFaults(FAULTS);
      const approver = await approverFor(cloud, { rules: RULES });
      let sweeps = 0;
      const isSettled = () => {
        const open = cloud.cloud.connections({ status: 'pendingAcceptance' });
        const room = 1_010 - cloud.cloud.count({ serviceId: 's1', status: 'accepted', domainId: 'a1' });
        return open.every(
          ({ domainId, serviceId }) => domainId === 'x1' || (domainId === 'a1' && serviceId === 's1' && room === 0),
        );
      };
      while (!isSettled() && sweeps < 5) {
        await approver.sweep(REQUEST);
        sweeps += 1;
      }
      expect(isSettled()).toBe(true);
      // The faults did come.
      const kinds = new Set(cloud.requests.map(({ fault }) => fault));
      expect(kinds.size).toBeGreaterThan(7);
      expect(cloud.cloud.count({ serviceId: 's1', status: 'accepted', domainId: 'a1' })).toBe(1_010);
      const statusesOf = (domainId: string) =>
        new Set(cloud.cloud.connections({ domainId }).map(({ status }) => status));
      expect(statusesOf('x1')).toEqual(new Set(['pendingAcceptance']));
      expect(statusesOf('r1')).toEqual(new Set(['rejected']));
      expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
      expectSoundTrail(await runsIn(approver.store));
    },
  );
});
