import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type Config, configPath, loadConfig } from '../lib/config.ts';
import { DocumentError } from '../lib/document-error.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'config-'));
const file = path.join(folder, 'approver.json');
afterAll(() => rmSync(folder, { recursive: true }));

const TARGET = { kind: 'vpcep', region: 'ap-southeast-1', project_id: 'p1', services: 'all' };
const SMALLEST = { policy: 'policy.json', targets: [TARGET] };

function load(document: unknown, env: Record<string, string> = {}): Config {
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return loadConfig(file, env);
}

/** The lines of the error that a document earns, without the file's path; none when it is fine. */
function complaints(document: unknown, env: Record<string, string> = {}): readonly string[] {
  try {
    load(document, env);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    return error.lines.map((line) => line.replace(`${file}:`, '').trim());
  }
  return [];
}

/** What `act` throws, or `null`. */
function ending(act: () => unknown): unknown {
  try {
    act();
    return null;
  } catch (error) {
    return error;
  }
}

const limited = (limits: object) => ({ ...SMALLEST, limits });
const targeted = (target: object) => ({ ...SMALLEST, targets: [{ ...TARGET, ...target }] });

describe('loadConfig', () => {
  test('fills in every default', () => {
    expect(load(SMALLEST)).toEqual({
      path: file,
      folder,
      policyPath: path.join(folder, 'policy.json'),
      mode: 'enforce',
      guard: 'report',
      accepted: 'off',
      annotates: false,
      auditStore: 'file:./.approver/audit',
      targets: [
        {
          kind: 'vpcep',
          profile: 'huaweicloud',
          region: 'ap-southeast-1',
          projectId: 'p1',
          services: { by: 'all' },
          endpoint: undefined,
          ownDomainId: undefined,
        },
      ],
      limits: {
        concurrency: 8,
        requestsPerSecond: 20,
        rejectsPerRun: 50,
        acceptsPerDomainPerRun: null,
        confirmSeconds: 30,
        runMinutes: 60,
      },
    });
  });

  test('reads every key', () => {
    const config = load({
      $schema: './approver.schema.json',
      policy: '../elsewhere/policy.json',
      mode: 'dry-run',
      targets: [
        {
          ...TARGET,
          profile: 'otc',
          region: 'eu-de',
          services: ['s1', 's2'],
          endpoint: 'http://127.0.0.1:9080',
          own_domain_id: 'd1',
        },
        { ...TARGET, services: { tags: { env: 'prod' } } },
      ],
      audit: { store: 'file:/var/audit', signing_key: 'env:APPROVER_AUDIT_KEY' },
      guard: 'enforce',
      annotate: false,
      accepted: 'off',
      limits: {
        concurrency: 1_000,
        requests_per_second: null,
        rejects_per_run: null,
        accepts_per_domain_per_run: 0,
        confirm_seconds: 0,
        run_minutes: 1_440,
      },
    });
    expect(config).toMatchObject({
      policyPath: path.resolve(folder, '../elsewhere/policy.json'),
      mode: 'dry-run',
      auditStore: 'file:/var/audit',
      guard: 'enforce',
      targets: [
        {
          profile: 'otc',
          region: 'eu-de',
          services: { by: 'ids', ids: ['s1', 's2'] },
          endpoint: 'http://127.0.0.1:9080',
        },
        { services: { by: 'tags', tags: new Map([['env', 'prod']]) } },
      ],
      limits: {
        concurrency: 1_000,
        requestsPerSecond: null,
        rejectsPerRun: null,
        acceptsPerDomainPerRun: 0,
        confirmSeconds: 0,
        runMinutes: 1_440,
      },
    });
  });

  test.each<[string, unknown, string]>([
    ['concurrency 0', limited({ concurrency: 0 }), '/limits/concurrency: found `0`, expected a number from 1 up'],
    [
      'concurrency 1,001',
      limited({ concurrency: 1_001 }),
      '/limits/concurrency: found `1001`, expected a number up to 1000',
    ],
    ['concurrency 1.5', limited({ concurrency: 1.5 }), '/limits/concurrency: found `1.5`, expected a whole number'],
    ['concurrency null', limited({ concurrency: null }), '/limits/concurrency: found `null`, expected a whole number'],
    [
      'requests_per_second 0',
      limited({ requests_per_second: 0 }),
      '/limits/requests_per_second: found `0`, expected a number above 0',
    ],
    [
      'requests_per_second 100,001',
      limited({ requests_per_second: 100_001 }),
      '/limits/requests_per_second: found `100001`, expected a number up to 100000',
    ],
    [
      'requests_per_second as text',
      limited({ requests_per_second: '20' }),
      '/limits/requests_per_second: found `"20"`, expected a finite number or null',
    ],
    [
      'rejects_per_run -1',
      limited({ rejects_per_run: -1 }),
      '/limits/rejects_per_run: found `-1`, expected a number from 0 up',
    ],
    [
      'accepts_per_domain_per_run 0.5',
      limited({ accepts_per_domain_per_run: 0.5 }),
      '/limits/accepts_per_domain_per_run: found `0.5`, expected a whole number or null',
    ],
    [
      'confirm_seconds -1',
      limited({ confirm_seconds: -1 }),
      '/limits/confirm_seconds: found `-1`, expected a number from 0 up',
    ],
    [
      'confirm_seconds 601',
      limited({ confirm_seconds: 601 }),
      '/limits/confirm_seconds: found `601`, expected a number up to 600',
    ],
    [
      'confirm_seconds null',
      limited({ confirm_seconds: null }),
      '/limits/confirm_seconds: found `null`, expected a finite number',
    ],
    ['run_minutes 0', limited({ run_minutes: 0 }), '/limits/run_minutes: found `0`, expected a number from 1 up'],
    [
      'run_minutes 1,441',
      limited({ run_minutes: 1_441 }),
      '/limits/run_minutes: found `1441`, expected a number up to 1440',
    ],
    [
      'an unknown limit',
      limited({ concurency: 1 }),
      '/limits/concurency: found unknown key `concurency`, expected one of `concurrency`, `requests_per_second`, `rejects_per_run`, `accepts_per_domain_per_run`, `confirm_seconds`, `run_minutes` (did you mean `concurrency`?)',
    ],
    [
      'an unknown mode',
      { ...SMALLEST, mode: 'dryrun' },
      '/mode: found `"dryrun"`, expected one of `"enforce"`, `"dry-run"` (did you mean `dry-run`?)',
    ],
    [
      'an unknown guard',
      { ...SMALLEST, guard: 'on' },
      '/guard: found `"on"`, expected one of `"off"`, `"report"`, `"enforce"`',
    ],
    [
      'a kind that is none',
      targeted({ kind: 'rds' }),
      '/targets/0/kind: found `"rds"`, expected one of `"vpcep"`, `"css"`',
    ],
    [
      'an unknown profile',
      targeted({ profile: 'aws' }),
      '/targets/0/profile: found `"aws"`, expected one of `"huaweicloud"`, `"otc"`',
    ],
    [
      'an empty region',
      targeted({ region: '' }),
      '/targets/0/region: found `""`, expected a region like `ap-southeast-1`',
    ],
    [
      'a region that is a host',
      targeted({ region: 'evil.example/' }),
      '/targets/0/region: found `"evil.example/"`, expected a region like `ap-southeast-1`',
    ],
    [
      'a region that no host can have',
      targeted({ region: '-' }),
      '/targets/0/region: found `-`, expected a region like `ap-southeast-1`',
    ],
    [
      'a project id that is a path',
      targeted({ project_id: '../x' }),
      '/targets/0/project_id: found `"../x"`, expected a project id: 1 to 64 letters, digits, `-` and `_`',
    ],
    ['no target', { ...SMALLEST, targets: [] }, '/targets: found `[]`, expected at least 1 item'],
    [
      'services in other words',
      targeted({ services: 'any' }),
      '/targets/0/services: found `"any"`, expected `"all"`, an array of service ids, or `{"tags": {"key": "value"}}`',
    ],
    ['no services', targeted({ services: [] }), '/targets/0/services: found `[]`, expected at least 1 item'],
    [
      'an empty service id',
      targeted({ services: [''] }),
      '/targets/0/services/0: found `""`, expected a text that matches `^[A-Za-z0-9_-]{1,64}$`',
    ],
    ['no tags', targeted({ services: { tags: {} } }), '/targets/0/services/tags: found `{}`, expected at least 1 key'],
    [
      'services null',
      targeted({ services: null }),
      '/targets/0/services: found `null`, expected a text or an array or an object',
    ],
    [
      'an endpoint over ftp',
      targeted({ endpoint: 'ftp://host' }),
      '/targets/0/endpoint: found `"ftp://host"`, expected a base URL like `https://host:port`, without user, query or fragment',
    ],
    [
      'an endpoint with a query',
      targeted({ endpoint: 'https://host/?a=1' }),
      '/targets/0/endpoint: found `"https://host/?a=1"`, expected a base URL like `https://host:port`, without user, query or fragment',
    ],
    [
      'an endpoint without a host',
      targeted({ endpoint: 'https://' }),
      '/targets/0/endpoint: found `"https://"`, expected a base URL like `https://host:port`, without user, query or fragment',
    ],
    [
      'an endpoint with half a host',
      targeted({ endpoint: 'http://[' }),
      '/targets/0/endpoint: found `http://[`, expected a base URL like `https://host:port`, without user, query or fragment',
    ],
    [
      'an endpoint with a port that is none',
      targeted({ endpoint: 'http://host:99999' }),
      '/targets/0/endpoint: found `http://host:99999`, expected a base URL like `https://host:port`, without user, query or fragment',
    ],
    [
      'a signing key in plain sight',
      { ...SMALLEST, audit: { signing_key: 'abc' } },
      '/audit/signing_key: found `"abc"`, expected `env:NAME`, `file:PATH` or `aws-kms:KEY_ID`',
    ],
    [
      'an empty store',
      { ...SMALLEST, audit: { store: '' } },
      '/audit/store: found `""`, expected at least 1 character',
    ],
    ['an empty policy path', { ...SMALLEST, policy: '' }, '/policy: found `""`, expected at least 1 character'],
    ['an array', [], '/: found `[]`, expected an object'],
    ['null', null, '/: found `null`, expected an object'],
  ])('refuses %s', (_, document, complaint) => {
    const lines = complaints(document);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.replace(/^\d+:\d+: /, '')).toBe(complaint);
  });

  test.each([
    'http://user:canary-password@host',
    'https://canary-password@host/',
    `https://u:canary-password${'x'.repeat(200)}@host`,
    'u:canary-password@host',
  ])('never shows the password in the endpoint %s', (endpoint) => {
    const [line, ...more] = complaints(targeted({ endpoint }));
    expect(more).toEqual([]);
    expect(line).toContain('/targets/0/endpoint: found a text that is not shown');
    expect(line).not.toContain('canary');
  });

  test('lists all problems, each with line and column', () => {
    const text = '{\n  "polcy": "x",\n  "mode": 1,\n  "targets": [\n    {"kind": "vpcep"}\n  ]\n}\n';
    expect(complaints(text, { APPROVER_MODE: 'off' })).toEqual([
      'APPROVER_MODE: found `off`, expected `enforce` or `dry-run`',
      '1:1: /: found no key `policy`, expected `policy`, which is required',
      expect.stringMatching(/^2:12: \/polcy: found unknown key `polcy`, expected .* \(did you mean `policy`\?\)$/),
      '3:11: /mode: found `1`, expected one of `"enforce"`, `"dry-run"`',
      '5:5: /targets/0: found no key `region`, expected `region`, which is required',
      '5:5: /targets/0: found no key `project_id`, expected `project_id`, which is required',
      '5:5: /targets/0: found no key `services`, expected `services`, which is required',
    ]);
  });

  test.each([
    ['enforce', 'dry-run', 'dry-run'],
    ['dry-run', 'enforce', 'enforce'],
    ['dry-run', '', 'dry-run'],
  ])('takes mode %s under APPROVER_MODE=%s for %s', (mode, variable, expected) => {
    expect(load({ ...SMALLEST, mode }, { APPROVER_MODE: variable }).mode).toBe(expected);
  });

  test.each(['DRY-RUN', 'dry_run', 'dryrun', ' dry-run', 'off'])('refuses APPROVER_MODE=%s by name', (variable) => {
    expect(complaints(SMALLEST, { APPROVER_MODE: variable })).toEqual([
      `APPROVER_MODE: found \`${variable}\`, expected \`enforce\` or \`dry-run\``,
    ]);
  });

  test('says where a configuration is named when there is none', () => {
    const missing = path.join(folder, 'missing.json');
    expect(() => loadConfig(missing, {})).toThrow(
      `${missing}: there is no such file, expected a configuration (name one with \`--config\` or APPROVER_CONFIG)`,
    );
  });

  test('refuses a folder', () => {
    expect(() => loadConfig(folder, {})).toThrow(`${folder}: it is a folder, expected a configuration`);
  });

  // Root reads everything.
  test.skipIf(process.getuid?.() === 0)('refuses a file that it may not read', () => {
    const secret = path.join(folder, 'secret.json');
    writeFileSync(secret, '{}');
    chmodSync(secret, 0);
    expect(() => loadConfig(secret, {})).toThrow(`${secret}: it may not be read by this user`);
  });

  test('resolves paths from the file and not from the working directory', () => {
    mkdirSync(path.join(folder, 'deep'));
    const deep = path.join(folder, 'deep/approver.json');
    writeFileSync(deep, JSON.stringify({ ...SMALLEST, policy: '../policy.json' }));
    const config = loadConfig(deep, {});
    expect(config.policyPath).toBe(path.join(folder, 'policy.json'));
    expect(config.folder).toBe(path.join(folder, 'deep'));
  });

  test('reads or refuses a damaged configuration, and never fails otherwise', () => {
    const sound = new TextEncoder().encode(JSON.stringify({ ...SMALLEST, limits: { concurrency: 3 } }, null, 1));
    const flips = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 3 });
    fc.assert(
      fc.property(flips, fc.nat(sound.length), (changes, end) => {
        const bytes = sound.slice(0, end);
        for (const [at, mask] of changes) if (at < end) bytes[at] = (bytes[at] ?? 0) ^ mask;
        writeFileSync(file, bytes);
        const error = ending(() => loadConfig(file, {}));
        expect(error === null || error instanceof DocumentError).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('configPath', () => {
  test.each([
    ['the flag first', 'flag.json', 'variable.json', '/base/flag.json'],
    ['then the variable', undefined, 'variable.json', '/base/variable.json'],
    ['then the default', undefined, undefined, '/base/policies/approver.json'],
    ['the default for an empty variable', undefined, '', '/base/policies/approver.json'],
    ['absolute paths as they are', '/etc/approver.json', undefined, '/etc/approver.json'],
  ])('takes %s', (_, flag, variable, expected) => {
    expect(configPath(flag, { APPROVER_CONFIG: variable }, '/base')).toBe(expected);
  });
});
