import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../lib/cli/run-command-line.ts';
import { createTerminal } from '../../lib/cli/terminal.ts';
import { type Ended, makeFolder, run } from './support/run.ts';

const POLICY = {
  version: 1,
  name: 'p',
  lists: { partners: ['d1', 'd2'], nobody: ['x'] },
  rules: [
    {
      id: 'partners',
      effect: 'accept',
      reason: 'a contracted partner',
      when: [{ domain_id: { in: '@partners' }, 'domain.connections': { lt: 3 } }, { 'service.tags.env': 'dev' }],
      unless: { age: { lt: '5m' } },
      valid: { from: '2026-01-01T00:00:00Z', until: '2026-12-31T00:00:00Z' },
    },
    { id: 'frozen', effect: 'hold', reason: 'a person decides', when: { 'service.tags.freeze': { exists: true } } },
  ],
};
const NOW = '2026-11-21T12:00:00Z';
const CONNECTION = { domain_id: 'd1', 'domain.connections': 1, age: '90m' };

describe('policy check', () => {
  test('says that a policy is one, without credentials and without network', async () => {
    const folder = makeFolder({ 'p.json': { version: 1, name: 'p', rules: [] } });
    const { code, stdout, stderr } = await run(['policy', 'check', 'p.json'], { folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^p\.json: policy p, 0 rules, sha256:[0-9a-f]{64}\n$/);
  });

  test('writes all errors at once: many small writes to a slow pipe are lost', async () => {
    const folder = makeFolder({ 'p.json': { version: 1, name: 'p', lists: { a: [1, 2, 3] }, rules: [] } });
    const writes: string[] = [];
    const terminal = createTerminal({ write: () => true }, { write: (text) => writes.push(text) }, {});
    const code = await runCommandLine(['policy', 'check', 'p.json'], {
      terminal,
      env: {},
      folder,
      stop: new AbortController().signal,
    });
    expect(code).toBe(2);
    expect(writes.map((text) => text.trimEnd().split('\n').length)).toEqual([3]);
  });

  test('exits with 1 on warnings only with --strict', async () => {
    const folder = makeFolder({ 'p.json': POLICY });
    const lax = await run(['policy', 'check', 'p.json'], { folder });
    expect(lax).toMatchObject({ code: 0, stderr: '' });
    expect(lax.stdout).toMatch(/^p\.json:\d+:\d+: warning unused-list \/lists\/nobody: /m);
    expect(await run(['policy', 'check', 'p.json', '--strict'], { folder })).toEqual({ ...lax, code: 1 });
  });

  test('prints one document with --json, for sound and for broken policies', async () => {
    const folder = makeFolder({ 'p.json': POLICY, 'broken.json': { version: 1 } });
    const sound = await run(['policy', 'check', 'p.json', '--json'], { folder });
    expect(sound).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(sound.stdout)).toMatchObject({
      ok: true,
      policy: { name: 'p', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
      errors: [],
      warnings: expect.arrayContaining([expect.objectContaining({ code: 'unused-list', pointer: '/lists/nobody' })]),
    });
    const broken = await run(['policy', 'check', 'broken.json', '--json'], { folder });
    expect(broken.code).toBe(2);
    const lines = broken.stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(JSON.parse(broken.stdout)).toEqual({
      ok: false,
      policy: null,
      errors: lines.map(() => expect.objectContaining({ pointer: '', message: expect.any(String), line: 1 })),
      warnings: [],
    });
  });
});

async function explain(connection: unknown, ...more: string[]): Promise<Ended> {
  const folder = makeFolder({ 'p.json': POLICY, 'c.json': connection });
  return run(['policy', 'explain', 'p.json', '--connection', 'c.json', '--now', NOW, ...more], { folder });
}

describe('policy explain', () => {
  test('prints the document of the contract with --json', async () => {
    const { code, stdout, stderr } = await explain(
      { ...CONNECTION, 'domain.connections': { unknown: true } },
      '--json',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const document = JSON.parse(stdout) as object;
    expect(Object.keys(document)).toEqual(['effect', 'cause', 'rules', 'reason', 'unknown', 'policy', 'trace']);
    expect(document).toEqual({
      effect: 'hold',
      cause: 'indeterminate',
      rules: ['partners'],
      reason: 'could not be decided: `domain.connections` unknown',
      unknown: ['domain.connections'],
      policy: { name: 'p', digest: expect.stringMatching(/^sha256:/) },
      trace: [
        {
          rule: 'frozen',
          effect: 'hold',
          result: 'false',
          conditions: [{ attribute: 'service.tags.freeze', matcher: { exists: true }, actual: null, result: 'false' }],
        },
        {
          rule: 'partners',
          effect: 'accept',
          result: 'unknown',
          conditions: [
            {
              attribute: 'now',
              matcher: { from: '2026-01-01T00:00:00.000Z', until: '2026-12-31T00:00:00.000Z' },
              actual: '2026-11-21T12:00:00.000Z',
              result: 'true',
            },
            { attribute: 'domain_id', matcher: { in: '@partners' }, actual: 'd1', result: 'true' },
            { attribute: 'domain.connections', matcher: { lt: 3 }, actual: { unknown: true }, result: 'unknown' },
            { attribute: 'service.tags.env', matcher: 'dev', actual: null, result: 'false' },
            { attribute: 'age', matcher: { lt: '5m' }, actual: '5400s', result: 'false' },
          ],
        },
      ],
    });
  });

  test('prints a tree that begins with the decision and the rules behind it', async () => {
    const { code, stdout } = await explain(CONNECTION);
    expect(code).toBe(0);
    expect(stdout).toBe(`accept (rule): a contracted partner

> yes partners (accept)
    yes valid from 2026-01-01T00:00:00.000Z until 2026-12-31T00:00:00.000Z
    yes when
        yes domain_id  expected {"in":"@partners"}, found "d1"
        yes domain.connections  expected {"lt":3}, found 1
    no  or
        no  service.tags.env  expected "dev", found it absent
    no  unless
        no  age  expected {"lt":"5m"}, found "5400s"

  no  frozen (hold)
    no  when
        no  service.tags.freeze  expected {"exists":true}, found it absent
`);
  });

  test('evaluates at --now, with exit code 0 whatever the decision', async () => {
    const folder = makeFolder({ 'p.json': POLICY, 'c.json': CONNECTION });
    const at = async (now: string) =>
      run(['policy', 'explain', 'p.json', '--connection', 'c.json', '--now', now, '--json'], { folder });
    for (const [now, effect] of [
      ['2025-12-31T23:59:59Z', 'hold'],
      ['2026-01-01T01:00:00+01:00', 'accept'],
      ['2026-12-31T00:00:00Z', 'hold'],
    ] as const) {
      const { code, stdout } = await at(now);
      expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({ code: 0, effect });
    }
  });

  test('needs no `--now`', async () => {
    const folder = makeFolder({ 'p.json': POLICY, 'c.json': {} });
    expect(await run(['policy', 'explain', 'p.json', '--connection', 'c.json'], { folder })).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  test('shows the nearest attribute for one that is misspelt, with exit code 2', async () => {
    const { code, stderr } = await explain({ domain_ld: 'x' });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /c\.json:1:14: \/domain_ld: found unknown attribute `domain_ld`, expected one of .* \(did you mean `domain_id`\?\)\n$/,
    );
  });

  test.each([40, 80, 120, 200])(
    'fits into %d columns, also with wide characters and words without end',
    async (columns) => {
      const wide = '日本語'.repeat(30);
      const policy = {
        ...POLICY,
        rules: [
          {
            id: 'r'.repeat(64),
            effect: 'hold',
            reason: `${wide} ${'x'.repeat(150)}`,
            when: { description: wide, [`service.tags.${'k'.repeat(200)}`]: 'y'.repeat(300) },
          },
        ],
      };
      const folder = makeFolder({ 'p.json': policy, 'c.json': { description: wide } });
      const { code, stdout } = await run(['policy', 'explain', 'p.json', '--connection', 'c.json'], {
        folder,
        columns,
        env: { NO_COLOR: '1' },
      });
      expect(code).toBe(0);
      for (const line of stdout.split('\n')) {
        const width = Array.from(line).reduce((sum, char) => sum + (/[\u3000-\u9fff]/.test(char) ? 2 : 1), 0);
        expect(width).toBeLessThanOrEqual(columns);
      }
    },
  );

  test('prints the same document on a narrow terminal', async () => {
    const folder = makeFolder({ 'p.json': POLICY, 'c.json': { description: 'x '.repeat(200) } });
    const line = ['policy', 'explain', 'p.json', '--connection', path.join(folder, 'c.json'), '--now', NOW, '--json'];
    const { stdout } = await run(line, { folder });
    expect((await run(line, { folder, columns: 40 })).stdout).toBe(stdout);
  });
});
