/** The built files, run as they ship: each from a folder of its own with nothing beside it, against the local cloud. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../lib/core/digest.ts';
import { type Emulator, startEmulator } from '../../lib/emulator/emulator.ts';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

let folder: string;
let emulator: Emulator;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'vpcep-smoke-'));
  emulator = await startEmulator();
});

afterEach(async () => {
  await emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Every Node on this machine that the command line has to run under: the project's own, and the machine's. */
function nodes(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((dir) => !dir.includes('node_modules'));
  const found = folders.map((dir) => path.join(dir, 'node')).find((file) => existsSync(file));
  return [...new Set([process.execPath, ...(found === undefined ? [] : [found])])].filter(
    (node) => Number(execFileSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' })) >= 20,
  );
}

function writeConfig(): string {
  cpSync(path.join(root, 'policies'), path.join(folder, 'policies'), { recursive: true });
  const file = path.join(folder, 'policies/approver.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as { targets: { endpoint: string }[] };
  for (const target of config.targets) target.endpoint = emulator.url;
  writeFileSync(file, JSON.stringify(config));
  return file;
}

function environment(): Record<string, string> {
  const [credential] = emulator.cloud.credentials();
  return {
    HUAWEICLOUD_SDK_AK: credential?.access_key ?? '',
    HUAWEICLOUD_SDK_SK: credential?.secret_key ?? '',
  };
}

describe('dist/cli.mjs', () => {
  test.each(nodes())('sweeps under %s, from another folder', async (node) => {
    const cli = path.join(folder, 'cli.mjs');
    cpSync(path.join(root, 'dist/cli.mjs'), cli);
    const config = writeConfig();
    const { stdout, stderr } = await run(node, [cli, 'sweep', '--json', '--config', config], {
      cwd: tmpdir(),
      env: environment(),
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      mode: 'enforce',
      complete: true,
      counts: { listed: 24, failed: 0, superseded: 0 },
    });
    expect(emulator.changes.length).toBeGreaterThan(5);
  });

  test.each(nodes())('starts the local cloud under %s', async (node) => {
    const { stdout } = await run(
      node,
      [
        '--input-type=module',
        '-e',
        `process.argv = ['node', 'vpcep-approver', 'emulator', '--port', '0'];
         setTimeout(() => process.kill(process.pid, 'SIGTERM'), 1_000);
         await import(${JSON.stringify(path.join(root, 'dist/cli.mjs'))});`,
      ],
      { cwd: folder },
    );
    expect(stdout).toContain('local cloud at http://127.0.0.1:');
  });
});

describe('dist/lambda/sweep/index.mjs', () => {
  test('sweeps with the configuration beside it, echoes the trail, and names its own digest', async () => {
    cpSync(path.join(root, 'dist/lambda/sweep'), folder, { recursive: true });
    writeConfig();
    const bundle = path.join(folder, 'index.mjs');
    const { stdout } = await run(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { handler } = await import(${JSON.stringify(bundle)});
         const answer = await handler({}, { awsRequestId: 'request-1', getRemainingTimeInMillis: () => 60_000 });
         console.log(JSON.stringify({ type: 'answer', answer }));`,
      ],
      { cwd: tmpdir(), env: { ...environment(), APPROVER_CONFIG: 'policies/approver.json' } },
    );
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; record?: { type: string; data: object }; answer?: object });
    const audit = lines.filter((line) => line.type === 'audit').map((line) => line.record);
    expect(audit[0]).toMatchObject({
      type: 'vpcep-approver.run.started.v1',
      data: { trigger: 'timer', request_id: 'request-1', build: { digest: digestOf(readFileSync(bundle)) } },
    });
    expect(audit.at(-1)).toMatchObject({ type: 'vpcep-approver.run.finished.v1' });
    expect(lines.at(-1)).toMatchObject({ type: 'answer', answer: { complete: true, counts: { listed: 24 } } });
    expect(readdirSync(path.join(folder, '.approver', 'audit')).length).toBeGreaterThan(0);
  });
});
