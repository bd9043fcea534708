import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { LOCAL_KEY, makeFolder, makeProject, start, startCloud } from './support/run.ts';

const MAIN = path.resolve(import.meta.dirname, '../../lib/cli/main.ts');
const POLICY = path.resolve(import.meta.dirname, '../../policies/policy.json');

function shell(script: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', process.execPath, MAIN, POLICY], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

describe('main', () => {
  test('ends by itself with exit code 2 when there are no credentials', async () => {
    const folder = makeProject('http://127.0.0.1:9');
    expect(await start(['sweep'], { folder }).ended).toMatchObject({ code: 2, stdout: '' });
  });

  test('exits with 0, 1 and 2 as the commands say', async () => {
    const cloud = await startCloud();
    const folder = makeProject(cloud.url);
    const ends = ['sweep', 'sweep --strict', 'sweep --nonsense'].map(
      (line) => start(line.split(' '), { folder, env: LOCAL_KEY }).ended,
    );
    expect((await Promise.all(ends)).map(({ code }) => code)).toEqual([0, 1, 2]);
  });

  test('does not mind a reader that has seen enough', () => {
    expect(shell('"$1" "$2" policy explain "$3" --connection <(echo "{}") | head -1; echo "${PIPESTATUS[0]}"')).toEqual(
      {
        status: 0,
        stdout: 'hold (no-match): no rule matched\n0\n',
        stderr: '',
      },
    );
  });

  test('keeps its exit code when nobody reads', () => {
    expect(shell('"$1" "$2" policy check <(echo "{}") --json | true; exit "${PIPESTATUS[0]}"').status).toBe(2);
  });

  test.skipIf(process.platform !== 'linux')('says in one line that standard output is full', () => {
    const { status, stderr } = shell('"$1" "$2" policy check "$3" > /dev/full');
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'vpcep-approver: cannot write to standard output (ENOSPC)\n',
    });
  });

  test.skipIf(process.platform !== 'linux')('does not mind when standard error is full, too', () => {
    expect(shell('"$1" "$2" nonsense 2> /dev/full').status).toBe(2);
  });

  test('reads files from pipes', () => {
    expect(shell('"$1" "$2" policy check <(cat "$3")')).toMatchObject({ status: 0, stderr: '' });
  });

  test.skipIf(process.getuid?.() === 0)('says when a file may not be read', () => {
    const folder = makeFolder({ 'p.json': '{}' });
    expect(shell(`chmod 0 ${folder}/p.json; "$1" "$2" policy check ${folder}/p.json`)).toMatchObject({ status: 2 });
  });
});
