import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { createEcho } from '../../lib/audit/echo.ts';
import type { AuditRecord } from '../../lib/audit/record.ts';
import { createRunLog } from '../../lib/audit/run-log.ts';
import { digestOfJson } from '../../lib/core/digest.ts';
import { clockAt, connectionRef, decisionData, NOON, runIdAt, startedData } from './support/samples.ts';
import { temporaryStore } from './support/stores.ts';

async function decisionRecord(description: string): Promise<AuditRecord> {
  const log = createRunLog({ store: await temporaryStore(), runId: runIdAt(NOON), clock: clockAt(NOON) });
  log.append('run.started', startedData());
  return log.append('decision', decisionData(1, { connection: { description } }), connectionRef());
}

function echoed(record: AuditRecord): string[] {
  const lines: string[] = [];
  createEcho({ write: (line) => lines.push(line) })(record);
  return lines;
}

describe('createEcho', () => {
  test('writes the record as one line', async () => {
    const record = await decisionRecord('two\nlines');
    const [line = '', ...rest] = echoed(record);
    expect(rest).toEqual([]);
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({ level: 30, type: 'audit', record });
  });

  test('keeps wide and deep records whole', async () => {
    const record = await decisionRecord('');
    const details = { a: { b: { c: { d: { e: { f: { g: Array.from({ length: 500 }, (_, index) => index) } } } } } } };
    const wide = { ...record, data: details } as unknown as AuditRecord;
    expect(JSON.parse(echoed(wide)[0] ?? '')).toMatchObject({ record: wide });
  });

  test('names a record whose line would be over 64 KiB, and gives its digest', async () => {
    const record = await decisionRecord('ä'.repeat(40_000));
    const lines = echoed(record);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 30,
      type: 'audit',
      truncated: true,
      record: { id: '2', source: record.source, type: record.type, time: record.time, subject: record.subject },
      digest: digestOfJson(record),
    });
  });

  test('writes no line over 64 KiB, and cuts none that fits', async () => {
    const base = Buffer.byteLength(echoed(await decisionRecord(''))[0] ?? '');
    const fitting = echoed(await decisionRecord('x'.repeat(65_536 - base)))[0] ?? '';
    expect(Buffer.byteLength(fitting)).toBe(65_536);
    expect(JSON.parse(fitting)).not.toHaveProperty('truncated');
    const over = echoed(await decisionRecord('x'.repeat(65_537 - base)))[0] ?? '';
    expect(JSON.parse(over)).toHaveProperty('truncated', true);
  });

  test('writes to standard output before it returns, whatever LOG_LEVEL says', () => {
    const script = `import { createEcho } from './lib/audit/echo.ts'; createEcho()({ id: '1' }); process.kill(process.pid, 'SIGKILL');`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, LOG_LEVEL: 'silent' },
    });
    expect(stdout).toBe('{"level":30,"type":"audit","record":{"id":"1"}}\n');
  });

  test('lets the run go on when nobody reads standard output', () => {
    const script = `import { closeSync } from 'node:fs'; import { createEcho } from './lib/audit/echo.ts';
      const echo = createEcho(); closeSync(1); echo({ id: '1' }); setTimeout(() => process.stderr.write('went on'), 20);`;
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(stderr).toContain('went on');
  });
});
