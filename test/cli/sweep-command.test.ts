import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readScenario, type Scenario } from '../../lib/emulator/scenario.ts';
import { filesBelow, LOCAL_KEY, makeProject, PROJECT, recordsIn, run, start, startCloud } from './support/run.ts';

const OWN_DOMAIN = 'db9b76a0d9ae431f8e85e89da2ca867c';
const RUN_KEYS = ['run_id', 'mode', 'policy', 'counts', 'complete', 'connections', 'findings'];
const COUNT_KEYS = ['listed', 'accepted', 'rejected', 'held', 'superseded', 'failed', 'submitted'];
const CONNECTION_KEYS = [
  'kind',
  'region',
  'project_id',
  'service_id',
  'endpoint_id',
  'domain_id',
  'effect',
  'cause',
  'rules',
  'reason',
  'outcome',
];

interface RunDocument {
  readonly counts: Readonly<Record<string, number>>;
  readonly complete: boolean;
  readonly connections: readonly {
    readonly service_id: string;
    readonly endpoint_id: string;
    readonly effect: string | null;
    readonly outcome: { readonly status: string; readonly state: string };
  }[];
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly message: string }[];
}

/** A local cloud's scenario with one service that has these connections. */
function scenarioOf(connections: readonly object[], service: object = {}): Scenario {
  return readScenario({
    credentials: [
      { access_key: LOCAL_KEY.HUAWEICLOUD_SDK_AK, secret_key: LOCAL_KEY.HUAWEICLOUD_SDK_SK, domain_id: OWN_DOMAIN },
    ],
    projects: [
      {
        project_id: PROJECT,
        region: 'ap-southeast-1',
        domain_id: OWN_DOMAIN,
        services: [{ id: 's1', service_name: 'one', connections, ...service }],
      },
    ],
  });
}

const ACCEPT_ALL = {
  version: 1,
  name: 'accept-all',
  rules: [{ id: 'all', effect: 'accept', reason: 'everybody is welcome', when: { domain_id: { exists: true } } }],
};

describe('sweep --json', () => {
  test('prints one document with the keys of the contract, connections in order, and nothing else', async () => {
    const cloud = await startCloud();
    const { code, stdout, stderr } = await run(['sweep', '--json'], { folder: makeProject(cloud.url), env: LOCAL_KEY });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const document = JSON.parse(stdout) as RunDocument;
    expect(Object.keys(document)).toEqual(RUN_KEYS);
    expect(document).toMatchObject({ mode: 'enforce', complete: true, policy: { name: 'rehearsal' } });
    expect(Object.keys(document.counts)).toEqual(COUNT_KEYS);
    expect(document.connections).toHaveLength(document.counts['listed'] ?? 0);
    for (const connection of document.connections) expect(Object.keys(connection)).toEqual(CONNECTION_KEYS);
    const order = document.connections.map(({ service_id, endpoint_id }) => `${service_id}/${endpoint_id}`);
    expect(order).toEqual([...order].sort());
    const codes = document.findings.map(({ code }) => code);
    expect(codes).toEqual(['approval-disabled', 'whitelist-open', 'whitelist-open']);
  });

  test('says null for the effect on a connection that is no longer pending', async () => {
    const cloud = await startCloud({ scenario: scenarioOf([{ id: 'e1', domain_id: 'd1' }]) });
    cloud.setFaults(({ method }) => {
      // Its owner deletes it between our listing and our accept.
      if (method === 'POST') cloud.cloud.setStatus('e1', 'deleting');
      return undefined;
    });
    const folder = makeProject(cloud.url, {}, ACCEPT_ALL);
    for (const line of [['sweep'], ['reconcile', 's1', 'e1']]) {
      const { code, stdout } = await run([...line, '--json'], { folder, env: LOCAL_KEY });
      expect(code).toBe(0);
      const { connections } = JSON.parse(stdout) as RunDocument;
      expect(connections).toMatchObject([{ effect: null, outcome: { status: 'superseded', state: 'deleting' } }]);
    }
  });
});

describe('sweep', () => {
  test('sends no write with --dry-run, and none with APPROVER_MODE=dry-run', async () => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    for (const [words, env] of [
      [['--dry-run'], {}],
      [[], { APPROVER_MODE: 'dry-run' }],
      [['--dry-run'], { APPROVER_MODE: 'enforce' }],
    ] as const) {
      const { code, stdout } = await run(['sweep', '--json', ...words], { folder, env: { ...LOCAL_KEY, ...env } });
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ mode: 'dry-run', counts: { accepted: 0, rejected: 0 } });
    }
    expect(cloud.changes).toEqual([]);
    expect(cloud.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('exits with 1 on warnings only with --strict', async () => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    expect(await run(['sweep'], { folder, env: LOCAL_KEY })).toMatchObject({ code: 0 });
    expect(await run(['sweep', '--strict'], { folder, env: LOCAL_KEY })).toMatchObject({ code: 1 });
  });

  test('exits with 1, one line that names the variables, and at most a few requests when the key is wrong', async () => {
    const cloud = await startCloud();
    const targets = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((id) => ({
      kind: 'vpcep',
      region: 'ap-southeast-1',
      project_id: PROJECT,
      services: [id],
      endpoint: cloud.url,
    }));
    const folder = makeProject(cloud.url, { targets });
    const { code, stdout, stderr } = await run(['sweep', '--json'], {
      folder,
      env: { ...LOCAL_KEY, HUAWEICLOUD_SDK_SK: 'wrong' },
    });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ complete: false, connections: [] });
    expect(stderr).toMatch(/401 APIGW\.0301: .*; check `HUAWEICLOUD_SDK_AK`, `HUAWEICLOUD_SDK_SK`\n/);
    expect(cloud.requests.length).toBeLessThan(5);
  });

  test('exits with 1 and one line when nobody listens', async () => {
    const closed = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    const folder = makeProject(`http://127.0.0.1:${closed}`, {
      limits: { run_minutes: 1, confirm_seconds: 0, requests_per_second: null },
    });
    const { code, stdout, stderr } = await run(['sweep'], { folder, env: LOCAL_KEY });
    expect(code).toBe(1);
    expect(stdout).toContain('nothing pending was seen (incomplete');
    expect(stderr).toMatch(
      /^vpcep-approver: service-failed: GET .*: no connection: connect ECONNREFUSED 127\.0\.0\.1:\d+\n$/,
    );
    expect(recordsIn(folder).at(-1)).toMatchObject({
      type: 'vpcep-approver.run.finished.v1',
      data: { complete: false },
    });
  });

  test('lets no control or direction character of the cloud reach a terminal', async () => {
    const evil = '\u001B[2J\u202E\u009B31m\n\r';
    const cloud = await startCloud({
      scenario: scenarioOf(
        [
          { id: 'e1', domain_id: 'd1', description: evil },
          { id: 'e2', domain_id: 'd2' },
        ],
        { service_name: evil, tags: { [evil]: evil } },
      ),
    });
    const policy = {
      ...ACCEPT_ALL,
      rules: [
        { id: 'a', effect: 'reject', reason: evil, when: { description: evil } },
        {
          id: 'b',
          effect: 'hold',
          reason: 'r',
          when: { [`service.tags.${evil}`]: { like: '*' }, 'endpoint.vpc_id': evil },
        },
      ],
    };
    const folder = makeProject(cloud.url, {}, policy);
    cloud.setFaults(({ method }) => (method === 'POST' ? { kind: 'html' } : undefined));
    for (const words of [['--dry-run'], ['--dry-run', '--json'], []]) {
      const { stdout, stderr } = await run(['sweep', ...words], {
        folder,
        env: { ...LOCAL_KEY, NO_COLOR: '1' },
        columns: 100,
      });
      // oxlint-disable-next-line no-control-regex
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E]/);
      expect(words.includes('--json') ? JSON.parse(stdout) : {}).toBeTypeOf('object');
    }
  });

  test.each([40, 80, 100, 120, 200])('fits into %d columns', async (columns) => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    for (const line of [
      ['sweep'],
      ['sweep', '--help'],
      ['--help'],
      ['reconcile', 'nobody', 'nothing'],
      ['policy', 'check', 'gone.json'],
    ]) {
      const { stdout, stderr } = await run(line, { folder, env: { ...LOCAL_KEY, NO_COLOR: '1' }, columns });
      for (const shown of [...stdout.split('\n'), ...stderr.split('\n')])
        expect(Array.from(shown).length).toBeLessThanOrEqual(columns);
    }
  });

  test('uses colour on a terminal only, and not when NO_COLOR asks for none', async () => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    const shown = async (columns: number | undefined, env: Record<string, string>) =>
      (
        await run(['sweep', '--dry-run'], {
          folder,
          env: { ...LOCAL_KEY, ...env },
          ...(columns !== undefined && { columns }),
        })
      ).stdout;
    expect(await shown(100, {})).toContain('\u001B[32maccept');
    expect(await shown(100, { NO_COLOR: '1' })).not.toContain('\u001B');
    expect(await shown(100, { TERM: 'dumb' })).not.toContain('\u001B');
    expect(await shown(undefined, {})).not.toContain('\u001B');
    expect(await shown(undefined, { FORCE_COLOR: '1' })).not.toContain('\u001B');
  });
});

describe('a sweep that is told to stop', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('comes to an orderly end on %s, and its trail with it', async (signal) => {
    const cloud = await startCloud({
      scenario: scenarioOf([], { generate: { connections: 400, domains: 20, status: 'pendingAcceptance' } }),
      faults: 'slow=400ms@POST',
    });
    const folder = makeProject(cloud.url, { limits: { concurrency: 2, confirm_seconds: 1 } }, ACCEPT_ALL);
    const child = start(['sweep', '--json'], { folder, env: LOCAL_KEY });
    while (cloud.changes.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.process.kill(signal);
    const { code, stdout, stderr } = await child.ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const document = JSON.parse(stdout) as RunDocument;
    expect(document.complete).toBe(false);
    expect(document.connections).toHaveLength(400);
    const accepted = document.connections.filter(({ outcome }) => outcome.status === 'applied');
    expect(accepted.length).toBeGreaterThan(0);
    expect(accepted.length).toBeLessThan(400);
    const records = recordsIn(folder);
    expect(records.at(-1)?.type).toBe('vpcep-approver.run.finished.v1');
    expect(records.filter(({ type }) => type.includes('.outcome.'))).toHaveLength(
      records.filter(({ type }) => type.includes('.decision.')).length,
    );
  });

  test('has nothing left to do when it is told before it begins', async () => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    const { code } = await run(['sweep'], { folder, env: LOCAL_KEY, stop: AbortSignal.abort() });
    expect(code).toBe(1);
    expect(cloud.changes).toEqual([]);
    expect([...filesBelow(path.join(folder, 'audit/trail')).keys()]).toHaveLength(1);
  });
});
