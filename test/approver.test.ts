import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createApprover } from '../lib/approver.ts';
import { loadConfig } from '../lib/config.ts';
import {
  actedOn,
  approverFor,
  cluster,
  connections,
  ENV,
  type EmulatedCloud,
  OWN_DOMAIN,
  PROJECT,
  REGION,
  service,
  spyOn,
  startCloud,
  targetOf,
  temporaryFolder,
  writesOf,
} from './support/emulated-cloud.ts';
import { ACCEPT_ALL, BY_DOMAIN, policyDocument, REQUEST } from './support/run-settings.ts';
import { expectSoundTrail, recordsOf, runsIn } from './support/trail.ts';

const OTC = '6204a5bd270343b5885144cf9c8c158d';
const FOREIGN = 'ffffffffffffffffffffffffffffffff';
const WAITING = { status: 'pendingAcceptance' } as const;

/** Two projects of ours in two regions and profiles, with both kinds each, and one that is another account's. */
function startWorld(): Promise<EmulatedCloud> {
  return startCloud([], {
    projects: [
      {
        project_id: PROJECT,
        region: REGION,
        domain_id: OWN_DOMAIN,
        services: [service('s1', connections('a', 5))],
        clusters: [cluster('c1', connections('b', 5, WAITING))],
      },
      {
        project_id: OTC,
        region: 'eu-de',
        domain_id: OWN_DOMAIN,
        profile: 'otc',
        services: [service('s2', connections('c', 5))],
        clusters: [cluster('c2', connections('d', 5, WAITING))],
      },
      { project_id: FOREIGN, region: REGION, domain_id: 'somebody', services: [service('s3', connections('x', 5))] },
    ],
  });
}

function targetsOf(cloud: EmulatedCloud): readonly object[] {
  const otc = { profile: 'otc', region: 'eu-de', project_id: OTC };
  return [targetOf(cloud, 'vpcep'), targetOf(cloud, 'css'), targetOf(cloud, 'vpcep', otc), targetOf(cloud, 'css', otc)];
}

describe('createApprover', () => {
  test('sweeps several kinds, regions, projects and profiles at once, each in its own dialect', async () => {
    const cloud = await startWorld();
    const seen = spyOn(cloud);
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { targets: targetsOf(cloud) } });
    const result = await approver.sweep(REQUEST);
    expect(result).toMatchObject({ isComplete: true, findings: [], counts: { listed: 20, accepted: 20 } });
    const keys = seen
      .filter(({ json }) => json !== null)
      .map(({ path, json }) => [path.split('/')[4], ...Object.keys(json as object)].join(' '));
    expect(new Set(keys)).toEqual(
      new Set(['s1 action endpoints', 's2 action endpoints', 'c1 action endpoint_id_list', 'c2 action endpointIdList']),
    );
    const runs = await runsIn(approver.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'run.started')[0]?.data.targets).toEqual([
      { kind: 'vpcep', region: REGION, project_id: PROJECT },
      { kind: 'css', region: REGION, project_id: PROJECT },
      { kind: 'vpcep', region: 'eu-de', project_id: OTC },
      { kind: 'css', region: 'eu-de', project_id: OTC },
    ]);
  });

  test.each([
    { name: 'belongs to another account', broken: { project_id: FOREIGN }, faults: null },
    { name: 'cannot be reached', broken: { project_id: FOREIGN, endpoint: 'http://127.0.0.1:9' }, faults: null },
    { name: 'answers with HTML', broken: { project_id: FOREIGN }, faults: `html@${FOREIGN}` },
    { name: 'throttles for ever', broken: { project_id: FOREIGN }, faults: `throttle-400@${FOREIGN}` },
  ])('goes on with the other targets when one $name', async ({ broken, faults }) => {
    const cloud = await startWorld();
    cloud.setFaults(faults);
    const targets = [targetOf(cloud, 'vpcep', broken), ...targetsOf(cloud)];
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { targets } });
    const result = await approver.sweep(REQUEST);
    expect(result).toMatchObject({ isComplete: false, counts: { listed: 20, accepted: 20 } });
    expect(result.findings).toMatchObject([
      { code: 'service-failed', severity: 'error', subject: { kind: 'vpcep', projectId: FOREIGN } },
    ]);
    expect(new Set(actedOn(cloud).values())).toEqual(new Set([1]));
    const runs = await runsIn(approver.store);
    expectSoundTrail(runs);
    expect(recordsOf(runs, 'run.finished')[0]?.data.complete).toBe(false);
  });

  test('goes on with the other targets when one hangs', async () => {
    const cloud = await startWorld();
    cloud.setFaults(`hang@${FOREIGN}`);
    const targets = [...targetsOf(cloud), targetOf(cloud, 'vpcep', { project_id: FOREIGN })];
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { targets } });
    const result = await approver.sweep({ ...REQUEST, budgetMs: 1_000 });
    expect(result).toMatchObject({ isComplete: false, counts: { accepted: 20 } });
    expect(result.findings).toMatchObject([{ code: 'deadline', subject: { projectId: FOREIGN } }]);
    expectSoundTrail(await runsIn(approver.store));
  });

  test('holds the limit on requests in flight over all targets', async () => {
    const cloud = await startWorld();
    const approver = await approverFor(cloud, {
      rules: ACCEPT_ALL,
      config: { targets: targetsOf(cloud), limits: { concurrency: 2 } },
    });
    await approver.sweep(REQUEST);
    expect(cloud.maxInFlight()).toBeLessThanOrEqual(2);
  });

  test('brakes over all targets together', async () => {
    const cloud = await startWorld();
    const approver = await approverFor(cloud, {
      rules: [{ id: 'all', effect: 'reject', when: { domain_id: 'a1' } }],
      config: { targets: targetsOf(cloud), limits: { rejects_per_run: 19 } },
    });
    const result = await approver.sweep(REQUEST);
    expect(result.counts).toMatchObject({ rejected: 0, held: 20 });
    expect(result.findings.map(({ code }) => code)).toEqual(['brake']);
    expect(writesOf(cloud)).toEqual([]);
  });

  test('finds the service of a connection among several targets', async () => {
    const cloud = await startWorld();
    const approver = await approverFor(cloud, { rules: ACCEPT_ALL, config: { targets: targetsOf(cloud) } });
    const result = await approver.reconcile(REQUEST, { serviceId: 'c2', endpointId: 'd-00003' });
    expect(result.verdict).toBe('judged');
    expect([...actedOn(cloud).keys()]).toEqual(['d-00003']);
  });

  test('talks to nobody before it is told to', async () => {
    const cloud = await startWorld();
    await approverFor(cloud, { rules: BY_DOMAIN, config: { targets: targetsOf(cloud) } });
    expect(cloud.requests).toEqual([]);
  });

  async function create(change: { policy?: string; store?: string; env?: Record<string, string> }, mode?: 'dry-run') {
    const cloud = await startWorld();
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'policy.json'), change.policy ?? JSON.stringify(policyDocument(ACCEPT_ALL)));
    await writeFile(
      join(folder, 'approver.json'),
      JSON.stringify({
        policy: './policy.json',
        guard: 'off',
        targets: [targetOf(cloud, 'vpcep')],
        audit: { store: change.store ?? 'file:./audit' },
      }),
    );
    const approver = createApprover({
      config: loadConfig(join(folder, 'approver.json'), {}),
      env: change.env ?? ENV,
      build: { version: '1.2.3', digest: null },
      clock: cloud.clock,
      echoes: false,
      ...(mode && { mode }),
    });
    return { approver, cloud };
  }

  test('names the variables when there are no credentials', async () => {
    await expect(create({ env: {} })).rejects.toThrow(
      /HUAWEICLOUD_SDK_AK.*HUAWEICLOUD_SDK_TOKEN.*HUAWEICLOUD_SDK_USERNAME/,
    );
  });

  test('refuses a broken policy', async () => {
    await expect(create({ policy: '{"version":1}' })).rejects.toMatchObject({ name: 'DocumentError' });
  });

  test('lets the caller’s mode win over the configuration’s', async () => {
    const { approver, cloud } = await create({}, 'dry-run');
    expect(await approver.sweep(REQUEST)).toMatchObject({ mode: 'dry-run', counts: { listed: 5, accepted: 0 } });
    expect(writesOf(cloud)).toEqual([]);
  });
});
