import { describe, expect, test } from 'vitest';
import type { ScenarioCluster, ScenarioProject } from '../../lib/emulator/scenario.ts';
import {
  actedOn,
  approverFor,
  type ApproverDraft,
  cluster,
  connections,
  type EmulatedCloud,
  type RealApprover,
  spyOn,
  startCssCloud,
  targetOf,
  writesOf,
} from '../support/emulated-cloud.ts';
import { ACCEPT_ALL, BY_DOMAIN, REJECT_ALL, REQUEST } from '../support/run-settings.ts';
import { endpointOf, expectSoundTrail, recordsOf, runsIn } from '../support/trail.ts';

const WAITING = { status: 'pendingAcceptance' } as const;

function waiting(prefix: string, count: number, domainId = 'a1') {
  return connections(prefix, count, { ...WAITING, domain_id: domainId });
}

async function sceneOf(
  clusters: readonly ScenarioCluster[],
  draft: Partial<ApproverDraft> & { readonly project?: Partial<ScenarioProject>; readonly target?: object } = {},
): Promise<{ readonly cloud: EmulatedCloud; readonly approver: RealApprover }> {
  const { project, target, config, ...rest } = draft;
  const cloud = await startCssCloud(clusters, project);
  const targets = [targetOf(cloud, 'css', { ...target })];
  const approver = await approverFor(cloud, { rules: BY_DOMAIN, ...rest, config: { targets, ...config } });
  return { cloud, approver };
}

async function outcomesOf({ store }: RealApprover) {
  const runs = await runsIn(store);
  expectSoundTrail(runs);
  return Object.fromEntries(recordsOf(runs, 'outcome').map((record) => [endpointOf(record), record.data]));
}

describe('sweep over HTTP, CSS', () => {
  test('accepts and rejects several connections a call, and reads the states back', async () => {
    const { cloud, approver } = await sceneOf([cluster('c1', [...waiting('e', 70), ...waiting('f', 30, 'r1')])]);
    const seen = spyOn(cloud);
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ listed: 100, accepted: 70, rejected: 30 });
    const sent = seen.filter(({ method }) => method === 'POST').map(({ json }) => json as Record<string, unknown[]>);
    expect(sent.map((body) => [body['action'], body['endpoint_id_list']?.length])).toEqual([
      ['receive', 50],
      ['receive', 20],
      ['reject', 30],
    ]);
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
    const last = seen.findLastIndex(({ method }) => method === 'POST');
    expect(seen.slice(last + 1).some(({ method }) => method === 'GET')).toBe(true);
    await outcomesOf(approver);
  });

  test('judges every cluster for itself', async () => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 3)), cluster('c2', waiting('f', 3, 'r1'))]);
    await approver.sweep(REQUEST);
    expect(new Set(cloud.cloud.connections({ serviceId: 'c1' }).map(({ status }) => status))).toEqual(
      new Set(['accepted']),
    );
    expect(new Set(cloud.cloud.connections({ serviceId: 'c2' }).map(({ status }) => status))).toEqual(
      new Set(['rejected']),
    );
  });

  test('does not let one frozen connection sink the others of its call', async () => {
    const frozen = { id: 'frozen', domain_id: 'a1', frozen: true, ...WAITING };
    const { cloud, approver } = await sceneOf([cluster('c1', [...waiting('e', 9), frozen])]);
    const result = await approver.sweep(REQUEST);
    expect(result.counts).toMatchObject({ accepted: 9, failed: 1 });
    expect((await outcomesOf(approver))['frozen']).toMatchObject({ status: 'failed', error: { code: 'CSS.5301' } });
    expect(actedOn(cloud).size).toBe(9);
    expect(writesOf(cloud)).toHaveLength(1 + 10);
  });

  test('does not let one connection that went away sink the others of its call', async () => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 10))]);
    let isGone = false;
    cloud.setFaults(({ method }) => {
      if (method === 'POST' && !isGone) {
        isGone = true;
        cloud.cloud.removeConnection('e-00004');
      }
      return undefined;
    });
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 9, superseded: 1, failed: 0 });
    expect((await outcomesOf(approver))['e-00004']).toMatchObject({ status: 'superseded' });
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
  });

  test('does not take 202 with CSS.0011 for success', async () => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 3), { busy: true })], { rules: ACCEPT_ALL });
    const result = await approver.sweep(REQUEST);
    expect(result.counts).toMatchObject({ accepted: 0, submitted: 0, failed: 3 });
    expect((await outcomesOf(approver))['e-00000']).toMatchObject({
      status: 'failed',
      state: 'pending',
      error: { code: 'CSS.0011', http_status: 202, retryable: true },
    });
    expect(actedOn(cloud).size).toBe(0);
    const { isBusy } = Object.assign(cloud.cloud.cluster('c1') as { isBusy: boolean }, { isBusy: false });
    expect(isBusy).toBe(false);
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 3 });
  });

  test.each([
    { kind: 'conflict', status: 409 },
    { kind: 'precondition', status: 412 },
  ])('reads the state again after $status, and sends the same decision once more', async ({ kind }) => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 3))]);
    cloud.setFaults(`${kind}:1@POST`);
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 3, failed: 0 });
    const calls = cloud.requests.filter(({ path }) => path.endsWith('/connections')).map(({ method }) => method);
    const first = calls.indexOf('POST');
    expect(calls[first + 1]).toBe('GET');
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
  });

  test.each([
    { kind: 'conflict', status: 409 },
    { kind: 'precondition', status: 412 },
  ])('is superseded when the state has moved at $status', async ({ kind }) => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 2, 'r1'))]);
    cloud.setFaults(({ method }) => {
      if (method !== 'POST') return undefined;
      for (const { id } of cloud.cloud.connections({ status: 'pendingAcceptance' }))
        cloud.cloud.setStatus(id, 'accepted');
      return { kind: kind as 'conflict' };
    });
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ superseded: 2, rejected: 0, failed: 0 });
    expect(cloud.cloud.count({ status: 'accepted' })).toBe(2);
    expect(writesOf(cloud)).toHaveLength(1);
  });

  test('gives up when 409 stays, without having done anything', async () => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 1))]);
    cloud.setFaults('conflict@POST');
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ failed: 1, accepted: 0 });
    expect(writesOf(cloud).length).toBeLessThanOrEqual(3);
    cloud.setFaults(null);
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ accepted: 1 });
    await outcomesOf(approver);
  });

  test.each([
    { profile: 'huaweicloud', ids_key: 'endpointIdList' },
    { profile: 'otc', ids_key: 'endpoint_id_list' },
  ] as const)(
    'uses the other key where profile $profile is wrong, and says that $ids_key worked',
    async ({ profile, ids_key }) => {
      const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 120))], {
        rules: ACCEPT_ALL,
        project: { profile, css: { ids_key } },
        target: { profile },
      });
      const result = await approver.sweep(REQUEST);
      expect(result.counts).toMatchObject({ accepted: 120, failed: 0 });
      expect(result.findings).toMatchObject([
        { code: 'css-dialect', severity: 'info', details: { profile, worked: ids_key } },
      ]);
      expect(result.findings[0]?.message).toContain(ids_key);
      expect(recordsOf(await runsIn(approver.store), 'finding').map(({ data }) => data.code)).toEqual(['css-dialect']);
      expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
      await outcomesOf(approver);
    },
  );

  test.each(['huaweicloud', 'otc'] as const)('sends no other key where profile %s is right', async (profile) => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 3))], {
      project: { profile },
      target: { profile },
    });
    expect(await approver.sweep(REQUEST)).toMatchObject({ findings: [], counts: { accepted: 3 } });
    expect(writesOf(cloud)).toHaveLength(1);
  });

  test.each([
    { page_parameter: 'offset', first_item: 0 },
    { page_parameter: 'offset', first_item: 1 },
    { page_parameter: 'start', first_item: 0 },
    { page_parameter: 'start', first_item: 1 },
  ] as const)('judges every connection once with pages by $page_parameter from $first_item', async (css) => {
    const { cloud, approver } = await sceneOf([cluster('c1', waiting('e', 2_050))], { project: { css } });
    expect((await approver.sweep(REQUEST)).counts).toMatchObject({ listed: 2_050, accepted: 2_050 });
    expect(actedOn(cloud).size).toBe(2_050);
    const decided = recordsOf(await runsIn(approver.store), 'decision').map(endpointOf);
    expect(decided).toHaveLength(2_050);
    expect(new Set(decided).size).toBe(2_050);
  });

  test('takes a cluster without endpoint service for one without connections', async () => {
    const { approver } = await sceneOf([cluster('c1', [], { vpcep_enabled: false }), cluster('c2', waiting('e', 2))]);
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, findings: [], counts: { accepted: 2 } });
  });

  test('governs the clusters with the tags that the target names', async () => {
    const { cloud, approver } = await sceneOf(
      [cluster('c1', waiting('e', 2), { tags: { env: 'prod' } }), cluster('c2', waiting('f', 2))],
      { rules: REJECT_ALL, target: { services: { tags: { env: 'prod' } } } },
    );
    await approver.sweep(REQUEST);
    expect([...actedOn(cloud).keys()].toSorted()).toEqual(['e-00000', 'e-00001']);
  });
});
