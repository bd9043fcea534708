import { describe, expect, test } from 'vitest';
import type { Scenario, ScenarioProject } from '../../lib/emulator/scenario.ts';
import {
  actedOn,
  approverFor,
  cluster,
  connections,
  type EmulatedCloud,
  OWN_DOMAIN,
  PROJECT,
  REGION,
  service,
  startCloud,
  targetOf,
  writesOf,
} from '../support/emulated-cloud.ts';
import { ACCEPT_ALL, REQUEST } from '../support/run-settings.ts';
import { expectSoundTrail, recordsOf, runsIn } from '../support/trail.ts';

const USER = { name: 'robot', password: 'correct horse', domain_name: 'us', domain_id: OWN_DOMAIN };
const PASSWORD_ENV = {
  HUAWEICLOUD_SDK_USERNAME: USER.name,
  HUAWEICLOUD_SDK_PASSWORD: USER.password,
  HUAWEICLOUD_SDK_DOMAIN_NAME: USER.domain_name,
};

function start(more: Partial<Scenario> = {}, project: Partial<ScenarioProject> = {}): Promise<EmulatedCloud> {
  const base = { project_id: PROJECT, region: REGION, domain_id: OWN_DOMAIN };
  const services = [service('s1', connections('e', 60))];
  return startCloud([], { users: [USER], projects: [{ ...base, services, ...project }], ...more });
}

function signingIn(cloud: EmulatedCloud, change: Readonly<Record<string, string>> = {}, config: object = {}) {
  return approverFor(cloud, { rules: ACCEPT_ALL, env: { ...PASSWORD_ENV, ...change }, config: { ...config } });
}

function logIns({ requests }: EmulatedCloud) {
  return requests.filter(({ path }) => path === '/v3/auth/tokens');
}

function actions(cloud: EmulatedCloud) {
  return writesOf(cloud).filter(({ path }) => path !== '/v3/auth/tokens');
}

describe('sweep over HTTP, sign-in', () => {
  test('signs in once with user and password, and keeps the token for the next sweep', async () => {
    const cloud = await start();
    const approver = await signingIn(cloud);
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 60 } });
    cloud.cloud.addConnection('s1', { id: 'later', domain_id: 'a1' });
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 1 } });
    expect(logIns(cloud)).toHaveLength(1);
    expect(cloud.requests.filter(({ accessKey }) => accessKey !== null)).toEqual([]);
    expectSoundTrail(await runsIn(approver.store));
  });

  test('goes on with a new token when the first expires in the middle of a run', async () => {
    const cloud = await start({ token_lifetime: '10m' });
    const approver = await signingIn(cloud);
    let posts = 0;
    cloud.setFaults(({ method, path }) => {
      if (method === 'POST' && path.endsWith('/action') && ++posts === 20) cloud.clock.advance(11 * 60_000);
      return undefined;
    });
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 60, failed: 0 } });
    expect(logIns(cloud)).toHaveLength(2);
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
  });

  test('goes on with a new token after 401 for one that was revoked in the middle of a run', async () => {
    const cloud = await start();
    const approver = await signingIn(cloud, {}, { limits: { concurrency: 1 } });
    let posts = 0;
    cloud.setFaults(({ method, path }) => {
      if (method === 'POST' && path.endsWith('/action') && ++posts === 20) {
        for (const { token } of cloud.cloud.tokens()) cloud.cloud.revokeToken(token);
      }
      return undefined;
    });
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 60, failed: 0 } });
    expect(cloud.requests.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(logIns(cloud)).toHaveLength(2);
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
  });

  test('sends a wrong password once, and nothing else', async () => {
    const cloud = await start();
    const approver = await signingIn(
      cloud,
      { HUAWEICLOUD_SDK_PASSWORD: 'wrong' },
      {
        targets: [targetOf(cloud, 'vpcep'), targetOf(cloud, 'css')],
      },
    );
    for (let sweeps = 0; sweeps < 2; sweeps++) {
      const result = await approver.sweep(REQUEST);
      expect(result).toMatchObject({ isComplete: false, counts: { listed: 0 } });
      expect(result.findings.map(({ code, severity }) => [code, severity])).toEqual([
        ['service-failed', 'error'],
        ['service-failed', 'error'],
      ]);
      expect(result.findings[0]?.message).toContain('HUAWEICLOUD_SDK_PASSWORD');
    }
    expect(cloud.requests.map(({ path, status }) => [path, status])).toEqual([['/v3/auth/tokens', 401]]);
    const runs = await runsIn(approver.store);
    expectSoundTrail(runs);
    expect(JSON.stringify(runs)).not.toContain('wrong"');
  });

  test.each(['throttle:1', 'error-500:1', 'reset-before:1', 'truncated:1', 'html:1'])(
    'signs in in spite of `%s` at IAM',
    async (faults) => {
      const cloud = await start();
      cloud.setFaults(`${faults}@/v3/auth/tokens`);
      expect(await (await signingIn(cloud)).sweep(REQUEST)).toMatchObject({
        isComplete: true,
        counts: { accepted: 60 },
      });
    },
  );

  test('takes on an agency, and acts in the account that created it', async () => {
    const agency = {
      name: 'approvals',
      domain_name: 'them',
      domain_id: 'their-account',
      delegated_domain_id: OWN_DOMAIN,
    };
    const cloud = await start({ agencies: [agency] }, { domain_id: 'their-account' });
    const approver = await signingIn(cloud, {
      HUAWEICLOUD_SDK_AGENCY_NAME: agency.name,
      HUAWEICLOUD_SDK_AGENCY_DOMAIN_NAME: agency.domain_name,
    });
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 60 } });
  });

  test('signs in for each project of its own', async () => {
    const other = '6204a5bd270343b5885144cf9c8c158d';
    const base = { region: REGION, domain_id: OWN_DOMAIN };
    const cloud = await start({
      projects: [
        { ...base, project_id: PROJECT, services: [service('s1', connections('e', 2))] },
        { ...base, project_id: other, clusters: [cluster('c1', connections('f', 2, { status: 'pendingAcceptance' }))] },
      ],
    });
    const approver = await signingIn(
      cloud,
      {},
      {
        targets: [targetOf(cloud, 'vpcep'), targetOf(cloud, 'css', { project_id: other })],
      },
    );
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 4 } });
    expect(logIns(cloud)).toHaveLength(2);
  });

  test('uses a given token', async () => {
    const cloud = await start({ tokens: [{ token: 'GIVEN', domain_id: OWN_DOMAIN }] });
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, env: { HUAWEICLOUD_SDK_TOKEN: 'GIVEN' } });
    expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 60 } });
    expect(logIns(cloud)).toEqual([]);
  });

  test('stops at the first 401 of a given token that has expired', async () => {
    const cloud = await start({
      tokens: [{ token: 'GIVEN', domain_id: OWN_DOMAIN, expires_at: '2026-11-21T00:00:00Z' }],
    });
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, env: { HUAWEICLOUD_SDK_TOKEN: 'GIVEN' } });
    const { findings } = await approver.sweep(REQUEST);
    expect(findings).toMatchObject([{ code: 'service-failed', severity: 'error' }]);
    expect(cloud.requests).toHaveLength(1);
  });

  describe('with a temporary access key', () => {
    const KEY = {
      access_key: 'TEMPKEY',
      secret_key: 'temporary-secret',
      security_token: 'SECURITY',
      domain_id: OWN_DOMAIN,
    };
    const ENV = { CLOUD_SDK_AK: KEY.access_key, CLOUD_SDK_SK: KEY.secret_key };

    test('sends and signs the security token', async () => {
      const cloud = await start({ credentials: [KEY] });
      const env = { ...ENV, HUAWEICLOUD_SDK_SECURITY_TOKEN: KEY.security_token };
      const approver = await approverFor(cloud, { rules: ACCEPT_ALL, env });
      expect(await approver.sweep(REQUEST)).toMatchObject({ isComplete: true, counts: { accepted: 60 } });
      expect(JSON.stringify(await runsIn(approver.store))).not.toMatch(/SECURITY|temporary-secret/);
    });

    test.each([{}, { HUAWEICLOUD_SDK_SECURITY_TOKEN: 'ANOTHER' }])(
      'asks once, and sends nothing else, with %j',
      async (token) => {
        const cloud = await start({ credentials: [KEY] });
        const approver = await approverFor(cloud, { rules: ACCEPT_ALL, env: { ...ENV, ...token } });
        const result = await approver.sweep(REQUEST);
        expect(result).toMatchObject({ isComplete: false, counts: { listed: 0 } });
        expect(cloud.requests).toHaveLength(1);
        expect(actions(cloud)).toEqual([]);
        expect(recordsOf(await runsIn(approver.store), 'run.finished')[0]?.data.complete).toBe(false);
      },
    );
  });
});
