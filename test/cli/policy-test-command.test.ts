/** `policy test` as a person and as a program meet it: what it prints, where, and the exit code. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { BY_DOMAIN, policyDocument } from '../support/run-settings.ts';
import { makeFolder, run } from './support/run.ts';

const NOW = '2026-11-21T12:00:00Z';

function caseOf(name: string, domain: string, expected: object): object {
  return { name, now: NOW, connection: { domain_id: domain }, expect: expected };
}

const ACCEPTS = caseOf('a is let in', 'a1', { effect: 'accept', rules: ['accept-a'] });
const REJECTS = caseOf('r is turned away', 'r1', { effect: 'reject', cause: 'rule' });
const HOLDS = caseOf('h waits', 'h1', { effect: 'hold', rules: ['hold-h'] });
const FAILS = caseOf('r is let in', 'r1', { effect: 'accept' });

function folderOf(cases: Readonly<Record<string, readonly object[]>>): string {
  const files = Object.entries(cases).map(([name, all]): [string, unknown] => [
    name,
    // Indented, so that places in it can be read.
    JSON.stringify({ policy: 'p.json', cases: all }, null, 1),
  ]);
  return makeFolder({ 'p.json': policyDocument(BY_DOMAIN), ...Object.fromEntries(files) });
}

describe('policyTestCommand', () => {
  test('passes the case files of the decisions, several at once', async () => {
    const folder = path.join(import.meta.dirname, '../cases/decisions');
    const files = readdirSync(folder).filter((name) => name.endsWith('.cases.json'));
    const { code, stdout, stderr } = await run(['policy', 'test', ...files], { folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.match(/ cases pass /g)).toHaveLength(files.length);
  });

  test('prints counts and coverage when all pass', async () => {
    const folder = folderOf({ 'x.cases.json': [ACCEPTS, REJECTS] });
    const { code, stdout } = await run(['policy', 'test', 'x.cases.json'], { folder });
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "x.cases.json: 2 of 2 cases pass (policy test)

      coverage of test: 3 rules, 2 seen true, 3 seen false
        never true   hold-h
      "
    `);
  });

  test('prints for each failed case where it stands, both decisions and the rules that tell why', async () => {
    const folder = folderOf({
      'x.cases.json': [ACCEPTS, FAILS, { ...HOLDS, expect: { effect: 'hold', cause: 'no-match' } }],
    });
    const { code, stdout, stderr } = await run(['policy', 'test', 'x.cases.json'], { folder });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatchInlineSnapshot(`
      "FAIL x.cases.json:17:3  r is let in
        expected  accept
        found     reject (rule) by reject-r: because of reject-r
        > yes reject-r (reject)
            yes when
                yes domain_id  expected {"like":"r*"}, found "r1"
          no  accept-a (accept)
            no  when
                no  domain_id  expected {"like":"a*"}, found "r1"

      FAIL x.cases.json:27:3  h waits
        expected  hold (no-match)
        found     hold (rule) by hold-h: because of hold-h
        > yes hold-h (hold)
            yes when
                yes domain_id  expected {"like":"h*"}, found "h1"

      x.cases.json: 1 of 3 cases pass (policy test)

      coverage of test: 3 rules, 3 seen true, 3 seen false
      "
    `);
  });

  test('demands coverage only when asked to, over all files about one policy together', async () => {
    const folder = folderOf({ 'x.cases.json': [ACCEPTS, REJECTS], 'y.cases.json': [HOLDS] });
    const codes = await Promise.all(
      [
        ['x.cases.json'],
        ['x.cases.json', '--require-coverage'],
        ['x.cases.json', 'y.cases.json', '--require-coverage'],
      ].map(async (words) => (await run(['policy', 'test', ...words], { folder })).code),
    );
    expect(codes).toEqual([0, 1, 0]);
  });

  test('prints one document with --json', async () => {
    const folder = folderOf({ 'x.cases.json': [ACCEPTS, FAILS] });
    const { code, stdout, stderr } = await run(['policy', 'test', 'x.cases.json', '--json'], { folder });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      files: [
        {
          file: 'x.cases.json',
          policy: { name: 'test', digest: expect.stringMatching(/^sha256:/) },
          cases: 2,
          passed: 1,
          failed: [
            {
              name: 'r is let in',
              pointer: '/cases/1',
              line: 17,
              column: 3,
              expected: { effect: 'accept' },
              actual: {
                effect: 'reject',
                cause: 'rule',
                rules: ['reject-r'],
                reason: 'because of reject-r',
                unknown: [],
              },
              trace: [
                expect.objectContaining({ rule: 'reject-r', result: 'true' }),
                expect.objectContaining({ rule: 'accept-a', result: 'false' }),
              ],
            },
          ],
        },
      ],
      coverage: [
        {
          policy: { name: 'test', digest: expect.stringMatching(/^sha256:/) },
          files: ['x.cases.json'],
          rules: 3,
          never_true: ['hold-h'],
          never_false: [],
        },
      ],
    });
  });

  test('counts a file that is named twice once', async () => {
    const folder = folderOf({ 'x.cases.json': [ACCEPTS] });
    const { stdout } = await run(['policy', 'test', 'x.cases.json', './x.cases.json', '--json'], { folder });
    expect((JSON.parse(stdout) as { files: unknown[] }).files).toHaveLength(1);
  });

  test('names the problems of all files, runs none, and exits with 2', async () => {
    const folder = folderOf({ 'x.cases.json': [ACCEPTS], 'y.cases.json': [{ ...HOLDS, now: 'noon' }] });
    const { code, stdout, stderr } = await run(['policy', 'test', 'x.cases.json', 'y.cases.json', 'z.cases.json'], {
      folder,
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/y\.cases\.json:6:\d+: \/cases\/0\/now: found `"noon"`, expected a time/),
      expect.stringMatching(/z\.cases\.json: there is no such file/),
    ]);
  });

  test('refuses to run without a file', async () => {
    const { code, stderr } = await run(['policy', 'test', '--json']);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'vpcep-approver: arguments: found none, expected FILE.cases.json...\n',
    });
  });

  test('shows nothing of what a hostile file would do to a terminal', async () => {
    const hostile = 'x\u001b[2J\u202e\u0007';
    const good = folderOf({ 'x.cases.json': [caseOf(hostile, hostile, { effect: 'accept' })] });
    const bad = folderOf({ 'x.cases.json': [{ ...ACCEPTS, [hostile]: hostile, connection: { [hostile]: hostile } }] });
    for (const folder of [good, bad]) {
      for (const words of [[], ['--json']]) {
        const { stdout, stderr } = await run(['policy', 'test', 'x.cases.json', ...words], { folder });
        expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
      }
    }
  });

  test('runs thousands of cases, all of which fail', async () => {
    const cases = Array.from({ length: 3_000 }, (_, i) => caseOf(`case ${i}`, 'r1', { effect: 'accept' }));
    const folder = folderOf({ 'x.cases.json': cases });
    const { code, stdout } = await run(['policy', 'test', 'x.cases.json', '--json'], { folder });
    const { files } = JSON.parse(stdout) as { files: { failed: { trace?: unknown }[] }[] };
    expect(code).toBe(1);
    expect(files[0]?.failed).toHaveLength(3_000);
    expect(files[0]?.failed.filter(({ trace }) => trace !== undefined)).toHaveLength(50);
  });
});
