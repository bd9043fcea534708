import { describe, expect, test } from 'vitest';
import type { ScenarioService } from '../../lib/emulator/scenario.ts';
import {
  approverFor,
  cluster,
  connections,
  service,
  spyOn,
  startCloud,
  startCssCloud,
  targetOf,
  writesOf,
} from '../support/emulated-cloud.ts';
import { ACCEPT_ALL, REQUEST, type RuleDraft } from '../support/run-settings.ts';

const NAMED: readonly RuleDraft[] = [
  { id: 'partners', effect: 'accept', when: { domain_id: ['p1', 'p2'] } },
  { id: 'nobody', effect: 'reject', when: { domain_id: 'x1' } },
];

async function findingsOf(more: Partial<ScenarioService>, rules = NAMED, guard = 'report') {
  const cloud = await startCloud([service('s1', connections('e', 1, { domain_id: 'p1' }), more)]);
  const approver = await approverFor(cloud, { rules, config: { guard } });
  const result = await approver.sweep(REQUEST);
  return { cloud, result, codes: result.findings.map(({ code }) => code) };
}

describe('guardService, approval', () => {
  test('reports approval that is off and changes nothing under `report`', async () => {
    const { cloud, codes } = await findingsOf({ approval_enabled: false, permissions: ['iam:domain::p1'] });
    expect(codes).toEqual(['approval-disabled']);
    expect(writesOf(cloud).filter(({ method }) => method === 'PUT')).toEqual([]);
    expect(cloud.cloud.service('s1')?.approvalEnabled).toBe(false);
  });

  test('sends nothing but `approval_enabled` under `enforce`, and leaves the rest of the service as it was', async () => {
    const cloud = await startCloud([
      service('s1', [], { approval_enabled: false, description: 'ours', tags: { a: 'b' } }),
    ]);
    const before = { ...cloud.cloud.service('s1') };
    const seen = spyOn(cloud);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { guard: 'enforce' } });
    await approver.sweep(REQUEST);
    expect(seen.filter(({ method }) => method !== 'GET').map(({ method, json }) => [method, json])).toEqual([
      ['PUT', { approval_enabled: true }],
    ]);
    const after = { ...cloud.cloud.service('s1') };
    expect(after).toEqual({ ...before, approvalEnabled: true, updatedAt: after.updatedAt });
  });

  test('reads approval back after the change', async () => {
    const cloud = await startCloud([service('s1', [], { approval_enabled: false })]);
    await (await approverFor(cloud, { rules: ACCEPT_ALL, config: { guard: 'enforce' } })).sweep(REQUEST);
    const put = cloud.requests.findIndex(({ method }) => method === 'PUT');
    const read = cloud.requests.findIndex(({ path }, i) => i > put && path.endsWith('/vpc-endpoint-services/s1'));
    expect(read).toBeGreaterThan(put);
  });

  test.each(['reset-after', 'reset-before', 'error-500', 'throttle', 'hang'])(
    'has approval on in the end in spite of `%s`',
    async (kind) => {
      const cloud = await startCloud([service('s1', [], { approval_enabled: false })]);
      const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { guard: 'enforce' } });
      cloud.setFaults(`${kind}:1@PUT`);
      await approver.sweep({ ...REQUEST, budgetMs: kind === 'hang' ? 300 : null });
      await approver.sweep(REQUEST);
      expect(cloud.cloud.service('s1')?.approvalEnabled).toBe(true);
      expect((await approver.sweep(REQUEST)).findings).toEqual([]);
    },
  );
});

describe('guardService, whitelist', () => {
  test.each([
    { name: 'an entry for everybody', permissions: ['*'], rules: NAMED, code: 'whitelist-open' },
    { name: 'an entry for all domains', permissions: ['iam:domain::*'], rules: NAMED, code: 'whitelist-open' },
    {
      name: 'one that is open among others',
      permissions: ['iam:domain::p1', '*'],
      rules: NAMED,
      code: 'whitelist-open',
    },
    {
      name: 'no account that is accepted',
      permissions: ['iam:domain::x1', 'iam:domain::x2'],
      rules: NAMED,
      code: 'whitelist-without-accept',
    },
  ])('reports $name', async ({ permissions, rules, code }) => {
    const { result, codes } = await findingsOf({ permissions }, rules);
    expect(codes).toEqual([code]);
    expect(result).toMatchObject({ isComplete: true, counts: { accepted: 1 } });
    expect(result.findings[0]?.subject).toMatchObject({ serviceId: 's1' });
  });

  test.each([
    { name: 'an account that is accepted', permissions: ['iam:domain::x1', 'iam:domain::p2'], rules: NAMED },
    { name: 'an organization path', permissions: ['organizations:orgPath::o-1/r-1/ou-1'], rules: NAMED },
    { name: 'only accounts that a pattern may accept', permissions: ['iam:domain::x1'], rules: ACCEPT_ALL },
  ])('says nothing about $name', async ({ permissions, rules }) => {
    expect((await findingsOf({ permissions }, rules)).codes).toEqual([]);
  });

  test.each(['error-500@permissions', 'html@permissions', 'truncated@permissions', 'throttle-400@permissions'])(
    'says nothing about a whitelist that cannot be read: `%s`',
    async (faults) => {
      const cloud = await startCloud([service('s1', connections('e', 1, { domain_id: 'p1' }), { permissions: ['*'] })]);
      cloud.setFaults(faults);
      const approver = await approverFor(cloud, { rules: NAMED, config: { guard: 'report' } });
      expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, findings: [], counts: { accepted: 1 } });
    },
  );

  test('does not even read it when the guard is off', async () => {
    const { cloud, codes } = await findingsOf({ permissions: ['*'] }, NAMED, 'off');
    expect(codes).toEqual([]);
    expect(cloud.requests.filter(({ path }) => path.endsWith('/permissions'))).toEqual([]);
  });

  test.each([
    { name: 'an empty list, which means everybody', permissions: [], codes: ['whitelist-open'] },
    { name: 'an entry for everybody', permissions: ['*'], codes: ['whitelist-open'] },
    { name: 'an account that is accepted', permissions: ['p1'], codes: [] },
    { name: 'no account that is accepted', permissions: ['x1'], codes: ['whitelist-without-accept'] },
  ])('says of a CSS cluster with $name: $codes', async ({ permissions, codes }) => {
    const cloud = await startCssCloud([cluster('c1', [], { permissions })]);
    const approver = await approverFor(cloud, {
      rules: NAMED,
      config: { guard: 'report', targets: [targetOf(cloud, 'css')] },
    });
    expect((await approver.sweep(REQUEST)).findings.map(({ code }) => code)).toEqual(codes);
  });

  test('says nothing of a CSS cluster to which nobody can connect at all', async () => {
    const cloud = await startCssCloud([cluster('c1', [], { vpcep_enabled: false })]);
    const approver = await approverFor(cloud, {
      rules: NAMED,
      config: { guard: 'enforce', targets: [targetOf(cloud, 'css')] },
    });
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, findings: [], counts: { listed: 0 } });
    expect(writesOf(cloud)).toEqual([]);
  });
});
