import { describe, expect, test } from 'vitest';
import { actedOn, approverFor, connections, service, startCloud, writesOf } from '../support/emulated-cloud.ts';
import { ACCEPT_ALL, REQUEST } from '../support/run-settings.ts';
import { expectSoundTrail, runsIn } from '../support/trail.ts';

describe('reconcile over HTTP', () => {
  test('judges the one connection among many', async () => {
    const cloud = await startCloud([service('s1', connections('e', 30))]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    const result = await approver.reconcile(REQUEST, { serviceId: 's1', endpointId: 'e-00007' });
    expect(result).toMatchObject({ verdict: 'judged', counts: { listed: 1, accepted: 1 } });
    expect(actedOn(cloud)).toEqual(new Map([['e-00007', 1]]));
    expect(cloud.requests.length).toBeLessThanOrEqual(5);
  });

  test.each([
    ['s1', 'nowhere', 'no-connection'],
    ['nowhere', 'e-00000', 'not-governed'],
    ['s1', 'old-00000', 'superseded'],
  ])('sends nothing for %s %s: %s', async (serviceId, endpointId, verdict) => {
    const cloud = await startCloud([
      service('s1', [...connections('e', 1), ...connections('old', 1, { status: 'accepted' })]),
    ]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    expect(await approver.reconcile(REQUEST, { serviceId, endpointId })).toMatchObject({ verdict, isComplete: true });
    expect(writesOf(cloud)).toEqual([]);
    expectSoundTrail(await runsIn(approver.store));
  });

  test('acts once in effect when fifty runs are given the same connection at once', async () => {
    const cloud = await startCloud([service('s1', connections('e', 2))]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { limits: { concurrency: 50 } } });
    const results = await Promise.all(
      Array.from({ length: 50 }, () => approver.reconcile(REQUEST, { serviceId: 's1', endpointId: 'e-00000' })),
    );
    expect(actedOn(cloud)).toEqual(new Map([['e-00000', 1]]));
    const statuses = results.map(({ connections: [only] }) => only?.outcome.status);
    expect(statuses.filter((status) => status === 'applied')).toHaveLength(1);
    expect(statuses.filter((status) => status === 'superseded')).toHaveLength(49);
    expectSoundTrail(await runsIn(approver.store));
  });

  test('ends by itself when the cloud hangs', async () => {
    const cloud = await startCloud([service('s1', connections('e', 1))]);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL });
    cloud.setFaults('hang@POST');
    const result = await approver.reconcile({ ...REQUEST, budgetMs: 300 }, { serviceId: 's1', endpointId: 'e-00000' });
    expect(result).toMatchObject({ verdict: 'judged', isComplete: false });
    expectSoundTrail(await runsIn(approver.store));
  });
});
