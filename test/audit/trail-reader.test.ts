import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TrailStore } from '../../lib/audit/store.ts';
import { findRun, isFinished, listRuns, readRecords, type TrailRun } from '../../lib/audit/trail-reader.ts';
import { writeRun } from './support/runs.ts';
import { MINUTE, NOON, runIdAt } from './support/samples.ts';
import { keysOf, temporaryStore } from './support/stores.ts';

const HOUR = 60 * MINUTE;

async function runsOf(store: TrailStore, since?: number): Promise<TrailRun[]> {
  const runs: TrailRun[] = [];
  for await (const run of listRuns(store, since === undefined ? {} : { since })) runs.push(run);
  return runs;
}

async function typesOf(store: TrailStore, run: TrailRun): Promise<string[]> {
  const types: string[] = [];
  for await (const { record } of readRecords(store, run)) types.push(record.type);
  return types;
}

/** A store with one finished run of three segments, and its keys. */
async function oneRun() {
  const store = await temporaryStore();
  const runId = await writeRun(store, { at: NOON, decides: [1], ends: [1] });
  return { store, runId, keys: await keysOf(store, 'trail/') };
}

describe('listRuns', () => {
  test('returns each run once with its segments in order, oldest first, also over many days', async () => {
    const store = await temporaryStore();
    const starts = [NOON - 400 * 24 * HOUR, NOON - 30 * HOUR, NOON - 3 * HOUR, NOON];
    for (const at of starts.toReversed()) await writeRun(store, { at, decides: [1], ends: [1] });
    const runs = await runsOf(store);
    expect(runs.map((run) => run.startedAt)).toEqual(starts);
    expect(runs.every((run) => run.segments.length === 3)).toBe(true);
  });

  test('leaves out what began before, to the millisecond', async () => {
    const store = await temporaryStore();
    for (const at of [NOON - HOUR, NOON + 4, NOON + 5, NOON + HOUR]) await writeRun(store, { at });
    expect((await runsOf(store, NOON + 5)).map((run) => run.startedAt)).toEqual([NOON + 5, NOON + HOUR]);
  });

  test('passes over what is no segment', async () => {
    const { store, runId } = await oneRun();
    await store.create('trail/README.md', Buffer.from('x'));
    await store.create(`trail/2026/11/21/12/${runId}/notes.txt`, Buffer.from('x'));
    expect(await runsOf(store)).toHaveLength(1);
  });
});

describe('findRun', () => {
  test('finds the segments of a run in every hour it wrote in', async () => {
    const { store, runId, keys } = await oneRun();
    expect(await findRun(store, runId, 60)).toEqual({ runId, startedAt: NOON, segments: keys });
  });

  test('returns a run without segments when it wrote nothing', async () => {
    expect(await findRun(await temporaryStore(), runIdAt(NOON), 60)).toMatchObject({ segments: [] });
  });
});

describe('isFinished', () => {
  test('is true when the last record says so', async () => {
    const store = await temporaryStore();
    await writeRun(store, { at: NOON, decides: [1], ends: [1] });
    await writeRun(store, { at: NOON + 1, decides: [1], finishes: false });
    const runs = await runsOf(store);
    expect(await Promise.all(runs.map((run) => isFinished(store, run)))).toEqual([true, false]);
    expect(await isFinished(store, { runId: runIdAt(NOON), startedAt: NOON, segments: [] })).toBe(false);
  });
});

describe('readRecords', () => {
  test('returns the records in order', async () => {
    const { store } = await oneRun();
    const [run] = await runsOf(store);
    expect(await typesOf(store, run as TrailRun)).toEqual([
      'vpcep-approver.run.started.v1',
      'vpcep-approver.decision.v1',
      'vpcep-approver.outcome.v1',
      'vpcep-approver.run.finished.v1',
    ]);
  });

  test.each([
    { name: 'one byte altered', segment: 0, line: 1, change: (text: string) => text.replace('"id":"1"', '"id":"9"') },
    { name: 'altered data', segment: 0, line: 2, change: (text: string) => text.replace('enforce', 'dry-run') },
    { name: 'a record removed', segment: 0, line: 1, change: (text: string) => text.slice(text.indexOf('\n') + 1) },
    { name: 'a record twice', segment: 1, line: 2, change: (text: string) => text + text },
    { name: 'the tail cut', segment: 1, line: 1, change: (text: string) => text.slice(0, -1) },
    { name: 'an empty file', segment: 1, line: 1, change: () => '' },
    { name: 'no JSON', segment: 0, line: 2, change: (text: string) => text.replace(/\n.*\n$/s, '\n{\n') },
    { name: 'no object', segment: 1, line: 1, change: () => '[]\n' },
    { name: 'another run', segment: 1, line: 1, change: (text: string) => text.replace('/runs/0', '/runs/1') },
    {
      name: 'an unknown type',
      segment: 1,
      line: 1,
      change: (text: string) => text.replace('outcome.v1', 'outcome.v2'),
    },
    {
      name: 'an unknown effect',
      segment: 0,
      line: 2,
      change: (text: string) => text.replace('"effect":"accept"', '"effect":"allow"'),
    },
    { name: 'no connection', segment: 0, line: 2, change: (text: string) => text.replace('/s1/e1"', '/s1"') },
  ])('names segment and line of damage: $name', async ({ segment, line, change }) => {
    const { store, keys } = await oneRun();
    const key = keys[segment] ?? '';
    const path = join(store.describe(), key);
    const text = await readFile(path, 'utf8');
    await writeFile(path, change(text));
    const [run] = await runsOf(store);
    await expect(typesOf(store, run as TrailRun)).rejects.toMatchObject({
      name: 'TrailError',
      code: 'damaged',
      key,
      line,
    });
  });

  test('names a segment that is not UTF-8', async () => {
    const { store, keys } = await oneRun();
    await writeFile(join(store.describe(), keys[1] ?? ''), Buffer.from([0x7b, 0xff, 0x7d, 0x0a]));
    const [run] = await runsOf(store);
    await expect(typesOf(store, run as TrailRun)).rejects.toMatchObject({ key: keys[1], line: undefined });
  });

  test.each([0, 1])('names the segment after a missing one (%i)', async (missing) => {
    const { store, keys } = await oneRun();
    await rm(join(store.describe(), keys[missing] ?? ''));
    const [run] = await runsOf(store);
    await expect(typesOf(store, run as TrailRun)).rejects.toMatchObject({ name: 'TrailError', key: keys[missing + 1] });
  });
});
