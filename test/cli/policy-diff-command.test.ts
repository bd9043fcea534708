/** `policy diff` over a file, a trail that a sweep wrote, and the local cloud: what it prints, what it sends, and the exit code. */
import { describe, expect, test } from 'vitest';
import type { ScenarioService } from '../../lib/emulator/scenario.ts';
import { policyDocument } from '../support/run-settings.ts';
import { filesBelow, LOCAL_KEY, makeFolder, makeProject, PROJECT, run, startCloud } from './support/run.ts';

const OLD = policyDocument([
  { id: 'friends', effect: 'accept', when: { domain_id: { like: 'f*' } } },
  { id: 'foes', effect: 'reject', when: { domain_id: 'foe' } },
  { id: 'later', effect: 'hold', when: { domain_id: 'later' } },
]);
const NEW = policyDocument(
  [
    { id: 'friends', effect: 'accept', when: { domain_id: ['friend', 'foe2'] } },
    { id: 'everybody-in-prod', effect: 'accept', reason: 'open house', when: { 'service.tags.env': 'prod' } },
    { id: 'later', effect: 'reject', when: { domain_id: 'later' } },
  ],
  { name: 'next' },
);
const CONNECTIONS = [
  { domain_id: 'friend', endpoint_id: 'e-0' },
  { domain_id: 'fellow', endpoint_id: 'e-1' },
  { domain_id: 'foe', 'service.tags.env': 'prod', endpoint_id: 'e-2' },
  { domain_id: 'later' },
  { domain_id: 'stranger', 'service.tags.env': 'prod', endpoint_id: 'e-4' },
  { domain_id: 'stranger2', 'service.tags.env': 'prod' },
  { domain_id: 'friend', 'service.tags.env': 'prod' },
];
const SCENARIO_CONNECTIONS = ['friend', 'fellow', 'foe', 'later', 'stranger'].map((domain_id, i) => ({
  id: `endpoint-${i}`,
  domain_id,
  age: `${10 - i}m`,
}));

function cloudOf(services: readonly ScenarioService[]) {
  const [access_key, secret_key] = [LOCAL_KEY.HUAWEICLOUD_SDK_AK, LOCAL_KEY.HUAWEICLOUD_SDK_SK];
  return startCloud({
    scenario: {
      credentials: [{ access_key, secret_key, domain_id: 'own' }],
      projects: [{ project_id: PROJECT, region: 'ap-southeast-1', domain_id: 'own', services }],
    },
  });
}

const PAYMENTS: ScenarioService = {
  id: 'service-1',
  service_name: 'payments',
  tags: { env: 'prod' },
  connections: SCENARIO_CONNECTIONS,
};

/** A project folder whose policy is OLD, with NEW beside it. */
function projectFor(url: string, more: object = {}): string {
  return makeProject(url, { ...more }, OLD);
}

interface DiffJson {
  readonly evaluated: number;
  readonly changed: number;
  readonly groups: readonly {
    readonly from: string;
    readonly to: string;
    readonly widening: boolean;
    readonly connections: readonly { readonly id?: string; readonly state?: string }[];
  }[];
}

function summaryOf(stdout: string): object {
  const { evaluated, changed, groups } = JSON.parse(stdout) as DiffJson;
  return {
    evaluated,
    changed,
    groups: groups.map(({ from, to, connections }) => [from, to, connections.map(({ id }) => id?.split('/').at(-1))]),
  };
}

async function swept() {
  const cloud = await cloudOf([PAYMENTS]);
  const folder = projectFor(cloud.url);
  await run(['sweep'], { folder, env: LOCAL_KEY });
  return { cloud, folder, next: makeFolder({ 'new.json': NEW }) };
}

describe('policyDiffCommand', () => {
  const files = { 'old.json': OLD, 'new.json': NEW, 'c.json': CONNECTIONS };

  test('prints the changes over a file of connections, widening first', async () => {
    const folder = makeFolder(files);
    const { code, stdout, stderr } = await run(['policy', 'diff', 'old.json', 'new.json', '--connections', 'c.json'], {
      folder,
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout.replaceAll(/sha256:[0-9a-f]{64}/g, 'sha256:…')).toMatchInlineSnapshot(`
      "old  test  sha256:…
      new  next  sha256:…

      WIDENING  reject → accept: 1 connection
        old  reject (rule) by foes: because of foes
        new  accept (rule) by everybody-in-prod: open house
             - e-2  (/2)  domain foe

      WIDENING  hold → accept: 2 connections
        old  hold (no-match): no rule matched
        new  accept (rule) by everybody-in-prod: open house
             - /5  domain stranger2
             - e-4  (/4)  domain stranger

      narrowing  accept → hold: 1 connection
        old  accept (rule) by friends: because of friends
        new  hold (no-match): no rule matched
             - e-1  (/1)  domain fellow

      other  hold → reject: 1 connection
        old  hold (rule) by later: because of later
        new  reject (rule) by later: because of later
             - /3  domain later

      7 connections of \`c.json\`: 5 decisions change, 3 of them to accept
      same effect, other rules or cause: 1 connection
      "
    `);
  });

  test('prints one document with --json', async () => {
    const folder = makeFolder(files);
    const { code, stdout, stderr } = await run(
      ['policy', 'diff', 'old.json', 'new.json', '--connections', 'c.json', '--json'],
      { folder },
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const document = JSON.parse(stdout) as DiffJson;
    expect(document).toMatchObject({
      old: { name: 'test', digest: expect.stringMatching(/^sha256:/) },
      new: { name: 'next', digest: expect.stringMatching(/^sha256:/) },
      evaluated: 7,
      changed: 5,
      same_effect_other_rules: 1,
      undecidable: { old: 0, new: 0 },
      complete: true,
      problems: [],
    });
    expect(document.groups[0]).toEqual({
      from: 'reject',
      to: 'accept',
      widening: true,
      connections: [
        {
          id: 'e-2',
          pointer: '/2',
          domain_id: 'foe',
          from: { effect: 'reject', cause: 'rule', rules: ['foes'], reason: 'because of foes' },
          to: { effect: 'accept', cause: 'rule', rules: ['everybody-in-prod'], reason: 'open house' },
        },
      ],
    });
  });

  test('exits with 0 when nothing changes', async () => {
    const folder = makeFolder(files);
    const { code, stdout } = await run(['policy', 'diff', 'old.json', 'old.json', '--connections', 'c.json'], {
      folder,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('the same policy twice');
    expect(stdout).toContain('7 connections of `c.json`: no decision changes');
  });

  test('evaluates at the time it is given', async () => {
    const rule = {
      id: 'soon',
      effect: 'accept',
      when: { domain_id: 'friend' },
      valid: { from: '2030-01-01T00:00:00Z' },
    } as const;
    const folder = makeFolder({
      'old.json': policyDocument([]),
      'new.json': policyDocument([rule]),
      'c.json': CONNECTIONS,
    });
    const codes = ['2029-12-31T23:59:59Z', '2030-01-01T00:00:00Z'].map(async (now) => {
      const words = ['policy', 'diff', 'old.json', 'new.json', '--connections', 'c.json', '--now', now];
      return (await run(words, { folder })).code;
    });
    expect(await Promise.all(codes)).toEqual([0, 1]);
  });

  test('cuts long lists for people and keeps them for programs', async () => {
    const many = Array.from({ length: 2_000 }, (_, i) => ({ domain_id: `x${i}`, 'service.tags.env': 'prod' }));
    const folder = makeFolder({ ...files, 'c.json': many });
    const words = ['policy', 'diff', 'old.json', 'new.json', '--connections', 'c.json'];
    const text = await run(words, { folder });
    expect(text.stdout).toContain('and 1990 more (--json lists all)');
    const json = await run([...words, '--json'], { folder });
    expect((JSON.parse(json.stdout) as DiffJson).groups[0]?.connections).toHaveLength(2_000);
  });

  test.each([
    {
      name: 'no source',
      words: ['old.json', 'new.json'],
      says: 'found none, expected one of --connections, --audit, --live',
    },
    {
      name: 'two sources',
      words: ['old.json', 'new.json', '--live', '--connections', 'c.json'],
      says: 'found --connections and --live',
    },
    {
      name: 'a bare --audit beside another',
      words: ['old.json', 'new.json', '--audit', '--live'],
      says: 'found --audit and --live',
    },
    {
      name: '--audit twice',
      words: ['old.json', 'new.json', '--audit', 'x', '--audit'],
      says: 'found `--audit` twice',
    },
    {
      name: '--now with --audit',
      words: ['old.json', 'new.json', '--audit', 'x', '--now', '2026-11-21T12:00:00Z'],
      says: 'each record has its own time',
    },
    { name: 'one policy', words: ['old.json', '--live'], says: 'expected OLD NEW' },
    { name: 'a trail that is not there', words: ['old.json', 'new.json', '--audit', 'gone'], says: 'found no run in' },
    { name: 'a bucket', words: ['old.json', 'new.json', '--audit', 's3://b/p'], says: 'not available in this version' },
    {
      name: 'a bare --audit without a configuration',
      words: ['old.json', 'new.json', '--audit'],
      says: 'there is no such file',
    },
    {
      name: '--live without a configuration',
      words: ['old.json', 'new.json', '--live'],
      says: 'there is no such file',
    },
    {
      name: 'no array',
      words: ['old.json', 'new.json', '--connections', 'old.json'],
      says: 'expected an array of connections',
    },
    {
      name: 'a file that is not there',
      words: ['old.json', 'new.json', '--connections', 'gone.json'],
      says: 'there is no such file',
    },
    {
      name: 'a bad time',
      words: ['old.json', 'new.json', '--connections', 'c.json', '--now', 'noon'],
      says: '--now: found `noon`',
    },
  ])('refuses $name with one line and exit code 2', async ({ words, says }) => {
    const { code, stdout, stderr } = await run(['policy', 'diff', ...words], { folder: makeFolder(files) });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  test('names the problems of both policies, and every problem of the connections', async () => {
    const bad: unknown[] = [{ domain_id: 5 }, 7, { domian_id: 'x', constructor: 'y' }];
    const folder = makeFolder({ ...files, 'bad.json': '{', 'worse.json': '{}', 'c.json': bad });
    const policies = await run(['policy', 'diff', 'bad.json', 'worse.json', '--connections', 'c.json'], { folder });
    expect(policies.code).toBe(2);
    expect(policies.stderr).toMatch(/bad\.json:1:2: [^]*worse\.json:1:1: /);
    const connections = await run(['policy', 'diff', 'old.json', 'new.json', '--connections', 'c.json'], { folder });
    expect(connections.code).toBe(2);
    expect(connections.stderr.match(/c\.json:1:\d+: \/\S+: found .*, expected /g)).toHaveLength(4);
    expect(connections.stderr).toContain('(did you mean `domain_id`?)');
  });

  test('shows nothing of what hostile connections would do to a terminal', async () => {
    const hostile = 'x\u001b[2J\u202e\u0007';
    const connection = {
      domain_id: hostile,
      endpoint_id: hostile,
      'service.tags.env': 'prod',
      'service.tags.__proto__': hostile,
    };
    const folder = makeFolder({
      ...files,
      'c.json': [connection, { ...connection, endpoint_id: 'e'.repeat(1_000_000) }],
    });
    for (const words of [[], ['--json']]) {
      const { code, stdout } = await run(
        ['policy', 'diff', 'old.json', 'new.json', '--connections', 'c.json', ...words],
        { folder },
      );
      expect(code).toBe(1);
      expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    }
  });

  describe('over a trail that a sweep wrote', () => {
    test('backtests, holds what the records lack for unknown, and leaves the trail and the cloud alone', async () => {
      const { cloud, folder, next } = await swept();
      const [requests, trail] = [cloud.requests.length, filesBelow(`${folder}/audit`)];
      const words = ['policy', 'diff', 'policies/policy.json', `${next}/new.json`, '--audit', 'audit'];
      const { code, stdout, stderr } = await run(words, { folder });
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      const stable = stdout
        .replaceAll(/sha256:[0-9a-f]{64}/g, 'sha256:…')
        .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>');
      expect(stable).toMatchInlineSnapshot(`
        "old  test  sha256:…
        new  next  sha256:…

        narrowing  accept → hold: 1 connection
          old  accept (rule) by friends: because of friends
          new  hold (indeterminate) by everybody-in-prod: could not be decided: \`service.tags.env\` unknown (not in the record)
               - vpcep/ap-southeast-1/6e9dfd51d1124e8d8498dce894923a0d/service-1/endpoint-1  domain fellow  decided <time>

        other  hold → reject: 1 connection
          old  hold (rule) by later: because of later
          new  reject (rule) by later: because of later
               - vpcep/ap-southeast-1/6e9dfd51d1124e8d8498dce894923a0d/service-1/endpoint-3  domain later  decided <time>

        other  reject → hold: 1 connection
          old  reject (rule) by foes: because of foes
          new  hold (indeterminate) by everybody-in-prod: could not be decided: \`service.tags.env\` unknown (not in the record)
               - vpcep/ap-southeast-1/6e9dfd51d1124e8d8498dce894923a0d/service-1/endpoint-2  domain foe  decided <time>

        5 connections of 5 decision records: 3 decisions change
        same effect, other rules or cause: 1 connection
        3 decisions of the new policy cannot be told: the records lack \`service.tags.env\`, which nobody had read then
        "
      `);
      expect(cloud.requests).toHaveLength(requests);
      expect(filesBelow(`${folder}/audit`)).toEqual(trail);
    });

    test("finds the configuration's own trail, wherever --audit stands", async () => {
      const { folder, next } = await swept();
      const [old, changed] = ['policies/policy.json', `${next}/new.json`];
      const named = await run(['policy', 'diff', old, changed, '--audit', 'file:audit', '--json'], { folder });
      const lines = [
        ['policy', 'diff', old, changed, '--json', '--audit'],
        ['policy', 'diff', old, changed, '--audit', '--json'],
        ['policy', 'diff', '--config', 'policies/approver.json', '--audit', '--json', old, changed],
      ];
      for (const words of lines) expect(await run(words, { folder })).toEqual(named);
    });

    test('counts each connection once, however often it was decided', async () => {
      const { folder, next } = await swept();
      // A dry-run writes all holds again.
      await run(['sweep', '--dry-run'], { folder, env: LOCAL_KEY });
      const words = ['policy', 'diff', 'policies/policy.json', `${next}/new.json`, '--audit', 'audit', '--json'];
      expect(summaryOf((await run(words, { folder })).stdout)).toMatchObject({ evaluated: 5 });
    });

    test('changes nothing between a policy and itself', async () => {
      const { folder } = await swept();
      const words = ['policy', 'diff', 'policies/policy.json', 'policies/policy.json', '--audit', 'audit'];
      expect(await run(words, { folder })).toMatchObject({ code: 0, stderr: '' });
    });
  });

  describe('over the live services', () => {
    test('sends reads only, writes no trail, and sees pending and accepted connections', async () => {
      const accepted = { id: 'endpoint-9', domain_id: 'fellow', status: 'accepted', age: '1h' } as const;
      const cloud = await cloudOf([{ ...PAYMENTS, connections: [...SCENARIO_CONNECTIONS, accepted] }]);
      const folder = projectFor(cloud.url);
      const next = makeFolder({ 'new.json': NEW });
      const words = ['policy', 'diff', 'policies/policy.json', `${next}/new.json`, '--live', '--json'];
      const { code, stdout, stderr } = await run(words, { folder, env: LOCAL_KEY });
      expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
      expect(summaryOf(stdout)).toEqual({
        evaluated: 6,
        changed: 3,
        groups: [
          ['reject', 'accept', ['endpoint-2']],
          ['hold', 'accept', ['endpoint-4']],
          ['hold', 'reject', ['endpoint-3']],
        ],
      });
      expect(new Set(cloud.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
      expect(cloud.changes).toEqual([]);
      expect(filesBelow(`${folder}/audit`).size).toBe(0);
    });

    test("does not need the configuration's own policy", async () => {
      const cloud = await cloudOf([PAYMENTS]);
      const folder = makeProject(cloud.url, {}, '{ broken');
      const next = makeFolder({ 'old.json': OLD });
      const words = ['policy', 'diff', `${next}/old.json`, `${next}/old.json`, '--live'];
      expect(await run(words, { folder, env: LOCAL_KEY })).toMatchObject({ code: 0, stderr: '' });
    });

    test('fetches the facts that either policy reads', async () => {
      const endpoint = {
        id: 'endpoint-1',
        domain_id: 'own',
        age: '1h',
        endpoint: { vpc_id: 'vpc-1', project_id: PROJECT },
      };
      const cloud = await cloudOf([{ ...PAYMENTS, connections: [endpoint] }]);
      const folder = projectFor(cloud.url);
      const own = policyDocument([{ id: 'own', effect: 'accept', when: { 'endpoint.project_id': PROJECT } }]);
      const next = makeFolder({ 'own.json': own });
      const words = ['policy', 'diff', 'policies/policy.json', `${next}/own.json`, '--live', '--json'];
      expect(summaryOf((await run(words, { folder, env: LOCAL_KEY })).stdout)).toMatchObject({
        groups: [['hold', 'accept', ['endpoint-1']]],
      });
    });

    test('says what could not be read and exits with 1', async () => {
      const cloud = await cloudOf([PAYMENTS]);
      const folder = projectFor(cloud.url, {
        targets: [
          {
            kind: 'vpcep',
            region: 'ap-southeast-1',
            project_id: PROJECT,
            services: ['service-1', 'gone'],
            endpoint: cloud.url,
          },
        ],
      });
      const words = ['policy', 'diff', 'policies/policy.json', 'policies/policy.json', '--live', '--json'];
      const { code, stdout, stderr } = await run(words, { folder, env: LOCAL_KEY });
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ evaluated: 5, changed: 0, complete: false });
      expect(stderr).toContain('service-failed: the project has no service with this id');
    });

    test('names the missing credentials', async () => {
      const cloud = await cloudOf([PAYMENTS]);
      const words = ['policy', 'diff', 'policies/policy.json', 'policies/policy.json', '--live'];
      const { code, stderr } = await run(words, { folder: projectFor(cloud.url) });
      expect(code).toBe(2);
      expect(stderr).toContain('HUAWEICLOUD_SDK_AK');
      expect(cloud.requests).toEqual([]);
    });
  });
});
