import { writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LOCAL_KEY, makeFolder, makeProject, recordsIn, filesBelow, run, startCloud } from './support/run.ts';

const POLICY = { version: 1, name: 'p', rules: [] };
const COMMANDS = ['sweep', 'reconcile', 'emulator', 'policy check', 'policy explain', 'policy test'];

describe('runCommandLine', () => {
  test.each([['--help'], ['-h'], ['help'], ['policy --help'], ['--config x --help']])(
    'lists every command for `%s`',
    async (line) => {
      const { code, stdout, stderr } = await run(line.split(' '));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    },
  );

  test.each(COMMANDS)('says how `%s` is used, whatever else stands there', async (command) => {
    for (const rest of [['--help'], ['--nonsense', '--help'], ['a', 'b', 'c', '-h']]) {
      const { code, stdout, stderr } = await run([...command.split(' '), ...rest]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain(`vpcep-approver ${command} `.trimEnd());
      expect(stdout).toContain('--config FILE');
    }
  });

  test('prints its version', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test.each<[string, readonly string[], RegExp]>([
    ['nothing', [], /^vpcep-approver: no command, expected one of sweep, /],
    [
      'an unknown command',
      ['swep'],
      /^vpcep-approver: unknown command `swep`, expected one of .* \(did you mean `sweep`\?\)$/,
    ],
    [
      'an unknown command of two words',
      ['policy', 'chek', 'x'],
      /unknown command `policy chek`.*\(did you mean `policy check`\?\)$/,
    ],
    ['half a command', ['policy'], /unknown command `policy`, expected one of/],
    ['a command called like what every object has', ['constructor'], /unknown command `constructor`/],
    ['an empty word', [''], /unknown command ``/],
    [
      'an option in place of a command',
      ['--dry-run'],
      /unknown option `--dry-run`, expected one of --config, --help, --version$/,
    ],
    ['a command with control characters', ['\u001B[31mred\u202E'], /unknown command `�\[31mred�`/],
    [
      'an unknown option',
      ['sweep', '--jsn'],
      /unknown option `--jsn`, expected one of .* \(did you mean `--json`\?\)$/,
    ],
    ['an option of another command', ['sweep', '--port', '1'], /unknown option `--port`/],
    ['a short option', ['sweep', '-j'], /unknown option `-j`/],
    ['an option called like what every object has', ['sweep', '--constructor'], /unknown option `--constructor`/],
    ['`--__proto__`', ['sweep', '--__proto__'], /unknown option `--__proto__`/],
    ['an option twice', ['sweep', '--dry-run', '--dry-run'], /--dry-run: found it twice, expected it once$/],
    [
      'an option with a value that it does not take',
      ['sweep', '--dry-run=false'],
      /--dry-run: found the value `false`, expected none$/,
    ],
    ['an option without its value', ['sweep', '--config'], /--config: found nothing, expected a value$/],
    ['an option with an empty value', ['sweep', '--config='], /--config: found nothing, expected a value$/],
    ['an option with an empty word', ['sweep', '--config', ''], /--config: found nothing, expected a value$/],
    [
      'an option in place of a value',
      ['sweep', '--config', '--dry-run'],
      /--config: found `--dry-run`, expected a value$/,
    ],
    ['an argument too many', ['sweep', 'now'], /arguments: found `now`, expected no argument$/],
    ['an argument too few', ['reconcile', 's'], /arguments: found `s`, expected SERVICE-ID ENDPOINT-ID$/],
    ['an empty argument', ['reconcile', 's', ''], /arguments: found `s` ``, expected SERVICE-ID ENDPOINT-ID$/],
    ['no argument', ['policy', 'check'], /arguments: found none, expected FILE$/],
    ['two files', ['policy', 'check', 'a', 'b'], /arguments: found `a` `b`, expected FILE$/],
    ['explain without a connection', ['policy', 'explain', 'p.json'], /--connection: found nothing, expected a file/],
    [
      'a time without zone',
      ['policy', 'explain', 'p', '--connection', 'c', '--now', '2026-01-01T00:00:00'],
      /--now: found `2026-01-01T00:00:00`, expected a time like/,
    ],
    [
      'a time that does not exist',
      ['policy', 'explain', 'p', '--connection', 'c', '--now', '2026-02-30T00:00:00Z'],
      /--now: found `2026-02-30T00:00:00Z`/,
    ],
    [
      'a port that is too high',
      ['emulator', '--port', '65536'],
      /--port: found `65536`, expected a whole number from 0 to 65535$/,
    ],
    ['a port that is no number', ['emulator', '--port', '80x'], /--port: found `80x`, expected a whole number/],
    ['a port with a point', ['emulator', '--port', '1.5'], /--port: found `1.5`/],
    ['a negative port', ['emulator', '--port', '-1'], /--port: found `-1`, expected a value$/],
    [
      'a fault that is none',
      ['emulator', '--port', '0', '--faults', 'thrtle'],
      /fault `thrtle`: unknown kind `thrtle`, expected one of throttle, /,
    ],
    ['a fault without end', ['emulator', '--port', '0', '--faults', 'slow=long'], /fault `slow=long`: found `=long`/],
  ])('refuses %s in one line, with exit code 2', async (_, words, line) => {
    const { code, stdout, stderr } = await run(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trimEnd()).not.toContain('\n');
    expect(stderr.trimEnd()).toMatch(line);
  });

  test.each(COMMANDS.filter((command) => command !== 'emulator'))(
    'answers `%s --json` with one document when the usage is wrong, too',
    async (command) => {
      const { code, stdout, stderr } = await run([...command.split(' '), '--json', '--nonsense']);
      expect(code).toBe(2);
      expect(JSON.parse(stdout)).toEqual({ errors: [stderr.trimEnd()] });
    },
  );

  test('takes `--config` before the command and after it, over APPROVER_CONFIG, which wins over the default', async () => {
    const folder = makeFolder({ 'policies/approver.json': { a: 1 }, 'variable.json': { b: 1 }, 'flag.json': { c: 1 } });
    const env = { APPROVER_CONFIG: 'variable.json' };
    const complaint = async (words: readonly string[], variables: Record<string, string>) =>
      (await run(words, { folder, env: variables })).stderr;
    for (const words of [
      ['sweep', '--config', 'flag.json'],
      ['--config', 'flag.json', 'sweep'],
      ['--config=flag.json', 'sweep'],
    ]) {
      expect(await complaint(words, env)).toContain('flag.json:1:6: /c: found unknown key `c`');
    }
    expect(await complaint(['sweep'], env)).toContain('variable.json:1:6: /b: found unknown key `b`');
    expect(await complaint(['sweep'], {})).toContain('policies/approver.json:1:6: /a: found unknown key `a`');
    expect(await complaint(['sweep', '--config', 'gone.json'], env)).toBe(
      `${path.join(folder, 'gone.json')}: there is no such file, expected a configuration (name one with \`--config\` or APPROVER_CONFIG)\n`,
    );
  });

  test('begins lines about a file with file, line and column', async () => {
    const folder = makeFolder({ 'p.json': '{\n  "version": 1,\n  "nam": "p",\n  "rules": []\n}' });
    const file = path.join(folder, 'p.json');
    for (const words of [
      ['policy', 'check', 'p.json'],
      ['policy', 'explain', 'p.json', '--connection', 'p.json'],
    ]) {
      const { code, stderr } = await run(words, { folder });
      expect(code).toBe(2);
      expect(stderr.split('\n')).toEqual([
        `${file}:1:1: /: found no key \`name\`, expected \`name\`, which is required`,
        expect.stringMatching(/p\.json:3:10: \/nam: found unknown key `nam`, expected .* \(did you mean `name`\?\)$/),
        '',
      ]);
    }
  });

  test.each([
    ['no file', 'missing.json', 'there is no such file'],
    ['a folder', '.', 'it is a folder'],
    ['an empty file', 'empty.json', 'found nothing but white space, expected a JSON value'],
    ['a binary file', 'binary.json', 'found bytes that are not UTF-8'],
    ['a deep file', 'deep.json', 'found more than 500 levels of nesting, expected fewer'],
  ])('refuses %s wherever a file is read', async (_, name, words) => {
    const folder = makeFolder({
      'policy.json': POLICY,
      'empty.json': '',
      'binary.json': Uint8Array.of(0, 255, 254),
      'deep.json': '['.repeat(100_000) + ']'.repeat(100_000),
    });
    for (const line of [
      ['policy', 'check', name],
      ['policy', 'check', name, '--json'],
      ['policy', 'explain', name, '--connection', 'policy.json'],
      ['policy', 'explain', 'policy.json', '--connection', name],
      ['sweep', '--config', name],
      ['reconcile', 's', 'e', '--config', name],
      ['emulator', '--port', '0', '--scenario', name],
    ]) {
      const { code, stderr } = await run(line, { folder });
      expect({ line, code }).toEqual({ line, code: 2 });
      expect(stderr.trimEnd()).not.toContain('\n');
      expect(stderr).toContain(words);
    }
  });

  test('never lets control or direction characters of a file out, not even in its name', async () => {
    const evil = '\u001B[2J\u202E\u009B31m';
    const folder = makeFolder({
      [`${evil}.json`]: { version: 1, name: evil, [evil]: evil, rules: [] },
      'policy.json': POLICY,
      'c.json': { [evil]: evil },
    });
    for (const line of [
      ['policy', 'check', `${evil}.json`],
      ['policy', 'check', `${evil}.json`, '--json'],
      ['policy', 'explain', 'policy.json', '--connection', 'c.json'],
      ['policy', 'explain', 'policy.json', '--connection', 'c.json', '--json'],
      ['policy', 'explain', 'policy.json', '--connection', `${evil}.json`],
      ['sweep', '--config', `${evil}.json`],
      ['sweep', `--${evil}`],
      ['reconcile', evil],
      ['emulator', '--port', evil],
      ['emulator', '--faults', evil],
      ['emulator', '--scenario', 'c.json'],
    ]) {
      const { code, stdout, stderr } = await run(line, { folder });
      expect(code).toBe(2);
      // oxlint-disable-next-line no-control-regex
      expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E]/);
    }
  });

  test('has an exit code and no internal error for any words at all', async () => {
    const folder = makeFolder({ 'policy.json': POLICY, 'c.json': {} });
    const word = fc.oneof(
      fc.constantFrom(
        'policy',
        'check',
        'explain',
        'test',
        'sweep',
        'reconcile',
        'policy.json',
        'c.json',
        '--json',
        '--strict',
        '--connection',
        '--now',
        '--config',
        '--',
        '-',
        '--dry-run',
        '--help',
        '.',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (words) => {
        fc.pre(words[0] !== 'emulator');
        const { code, stdout, stderr } = await run(words, { folder });
        expect([0, 1, 2]).toContain(code);
        expect(stderr).not.toMatch(/internal error|\n\s+at /);
        expect(code === 2 ? stderr : stdout).not.toBe('');
      }),
      { numRuns: 300 },
    );
  });
});

describe('sweep and reconcile before anything is sent', () => {
  const COMMAND_LINES = [['sweep'], ['sweep', '--dry-run'], ['reconcile', 's', 'e']];

  test('stop with exit code 2 and the names of the variables when there are no credentials', async () => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    for (const line of COMMAND_LINES) {
      const { code, stdout, stderr } = await run(line, { folder });
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(stderr).toMatch(
        /^vpcep-approver: no credentials: expected `HUAWEICLOUD_SDK_AK` and `HUAWEICLOUD_SDK_SK`, or /,
      );
      expect(stderr).toContain('`HUAWEICLOUD_SDK_PASSWORD`');
    }
    expect(cloud.requests).toEqual([]);
    expect(filesBelow(path.join(folder, 'audit')).size).toBe(0);
  });

  test.each([
    ['half a key', { HUAWEICLOUD_SDK_AK: 'a' }, '`HUAWEICLOUD_SDK_SK` is not'],
    ['the other half', { CLOUD_SDK_SK: 'a' }, '`CLOUD_SDK_AK` is not'],
    [
      'a line break in a secret',
      { HUAWEICLOUD_SDK_AK: 'a', HUAWEICLOUD_SDK_SK: 'canary\n' },
      '`HUAWEICLOUD_SDK_SK` holds white space',
    ],
  ])('name the variable for %s', async (_, env, words) => {
    const cloud = await startCloud();
    const { code, stderr } = await run(['sweep'], { folder: makeProject(cloud.url), env });
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('canary');
    expect(cloud.requests).toEqual([]);
  });

  test('stop at a broken policy, a broken configuration, a wrong APPROVER_MODE and a store that is none', async () => {
    const cloud = await startCloud();
    const broken = makeProject(cloud.url, {}, { version: 2 });
    const store = makeProject(cloud.url, { audit: { store: 's3://bucket/prefix' } });
    const strange = makeProject(cloud.url, { audit: { store: 'http://bucket' } });
    const sound = makeProject(cloud.url);
    for (const [folder, env, words] of [
      [broken, {}, 'policy.json:1:12: /version: found `2`, expected `1`'],
      [store, {}, 'cannot use `s3://bucket/prefix` as audit store'],
      [strange, {}, 'cannot use `http://bucket` as audit store'],
      [sound, { APPROVER_MODE: 'dry' }, 'APPROVER_MODE: found `dry`, expected `enforce` or `dry-run`'],
    ] as const) {
      for (const line of COMMAND_LINES) {
        const { code, stderr } = await run(line, { folder, env: { ...LOCAL_KEY, ...env } });
        expect(code).toBe(2);
        expect(stderr).toContain(words);
      }
    }
    expect(cloud.requests).toEqual([]);
  });

  test('send nothing and exit with 1 when the audit store is a file', async () => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    writeFileSync(path.join(folder, 'audit'), 'in the way');
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await run(['sweep', ...json], { folder, env: LOCAL_KEY });
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^vpcep-approver: cannot (read|list|write) `.*audit.*`: a part of the path is a file, not a folder; move it away \(\w+\)\n$/,
      );
      expect(stdout === '' ? stdout : JSON.parse(stdout)).toEqual(
        json.length > 0 ? { errors: [stderr.trimEnd()] } : '',
      );
    }
    expect(cloud.changes).toEqual([]);
    expect(recordsIn(folder)).toEqual([]);
  });
});
