/**
 * Reads runs back from their segments, one record at a time. Checks what recovery rests on: form, sequence and chain of each
 * run. Digests, counts and the pairing of decisions with outcomes are the verifier's.
 */
import { type Digest, digestOfJson } from '../core/digest.ts';
import { type AuditRecord, connectionRefOf, NO_PREVIOUS, sourceOf } from './record.ts';
import { hourAfter, hourFolder, hourOf, parseSegmentKey, runStart } from './segment-key.ts';
import type { TrailStore } from './store.ts';

/** The longest that the segments of one run can lie apart, in milliseconds: `limits.run_minutes` is at most 1,440; plus an hour. */
const RUN_SPAN_MS = 25 * 3_600_000;

/** One run in the trail, as its keys show it; nothing of it has been read. */
export interface TrailRun {
  readonly runId: string;
  /** Milliseconds since the epoch, from the run id. */
  readonly startedAt: number;
  /** The keys of its segments, in writing order. Empty for a run that has written nothing (yet). */
  readonly segments: readonly string[];
}

/** A record and where it stands. */
export interface LocatedRecord {
  readonly record: AuditRecord;
  readonly key: string;
  /** From 1. */
  readonly line: number;
}

/** A trail that is not as it was written. Names the segment and, where there is one, the line. */
export class TrailError extends Error {
  override readonly name = 'TrailError';
  readonly code = 'damaged';
  readonly key: string;
  readonly line: number | undefined;

  constructor(key: string, line: number | undefined, what: string, cause?: unknown) {
    const place = line === undefined ? `\`${key}\`` : `\`${key}\` line ${line}`;
    super(`${place}: ${what}`, cause === undefined ? undefined : { cause });
    this.key = key;
    this.line = line;
  }
}

/**
 * The runs that began at or after `since` (milliseconds; all when left out), in the order of their first segments: by hour of
 * writing, then by start. Lists keys only, hour by hour, and holds about a day of them in memory.
 *
 * What lies below `trail/` and has not the form of a segment's key is passed over: it cannot be ours, and the verifier names it.
 */
export async function* listRuns(
  store: TrailStore,
  { since }: { readonly since?: number } = {},
): AsyncGenerator<TrailRun> {
  const runs = new Map<string, { readonly startedAt: number; readonly segments: string[] }>();
  // INVARIANT: no run writes into an hour before the time in its id, so nothing of these runs lies before this key.
  const startAfter = since === undefined ? undefined : hourFolder(since);
  for await (const key of store.list('trail/', startAfter === undefined ? {} : { startAfter })) {
    const place = parseSegmentKey(key);
    if (place === null) continue;
    for (const [runId, run] of runs) {
      if (run.startedAt + RUN_SPAN_MS >= place.hour) break;
      runs.delete(runId);
      yield { runId, ...run };
    }
    const startedAt = runStart(place.runId);
    if (since !== undefined && startedAt < since) continue;
    const known = runs.get(place.runId);
    if (known === undefined) runs.set(place.runId, { startedAt, segments: [key] });
    else known.segments.push(key);
  }
  for (const [runId, run] of runs) yield { runId, ...run };
}

/** Returns one run by its id. Looks into every hour in which a run of at most `runMinutes` can have written, and one more for clocks set wrong. */
export async function findRun(store: TrailStore, runId: string, runMinutes: number): Promise<TrailRun> {
  const startedAt = runStart(runId);
  const last = hourAfter(startedAt + runMinutes * 60_000);
  const segments: string[] = [];
  for (let hour = hourOf(startedAt); hour <= last; hour = hourAfter(hour)) {
    for await (const key of store.list(`${hourFolder(hour)}/${runId}/`)) {
      if (parseSegmentKey(key) !== null) segments.push(key);
    }
  }
  return { runId, startedAt, segments };
}

/**
 * The records of a run in writing order, one segment in memory at a time.
 *
 * @throws TrailError at the first segment or line that is not what a run log writes: nothing is skipped or repaired.
 */
export async function* readRecords(store: TrailStore, run: TrailRun): AsyncGenerator<LocatedRecord> {
  let sequence = 0;
  let previous: Digest = NO_PREVIOUS;
  for (const [index, key] of run.segments.entries()) {
    if (parseSegmentKey(key)?.number !== index + 1)
      throw new TrailError(key, undefined, `segment ${index + 1} of the run is missing`);
    for (const located of await readSegment(store, run.runId, key)) {
      const { record, line } = located;
      sequence += 1;
      if (record.sequence !== String(sequence).padStart(10, '0') || record.id !== String(sequence)) {
        throw new TrailError(key, line, `expected record ${sequence} of the run`);
      }
      if (record.previous !== previous)
        throw new TrailError(key, line, 'the chain is broken: `previous` is not the digest of the record before');
      previous = digestOfJson(record);
      yield located;
    }
  }
}

/** True when the run's last record is `run.finished`. Reads the last segment only, and checks its form but not the chain. */
export async function isFinished(store: TrailStore, run: TrailRun): Promise<boolean> {
  const last = run.segments.at(-1);
  if (last === undefined) return false;
  return (await readSegment(store, run.runId, last)).at(-1)?.record.type === 'vpcep-approver.run.finished.v1';
}

async function readSegment(store: TrailStore, runId: string, key: string): Promise<LocatedRecord[]> {
  const bytes = await store.read(key);
  if (bytes === null) throw new TrailError(key, undefined, `the segment has gone from \`${store.describe()}\``);
  const lines = textOf(key, bytes).split('\n');
  if (lines.pop() !== '' || lines.length === 0)
    throw new TrailError(key, lines.length + 1, 'the segment does not end with a whole line');
  return lines.map((text, index) => ({ record: parseRecord(text, runId, key, index + 1), key, line: index + 1 }));
}

function textOf(key: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new TrailError(key, undefined, 'the segment is not UTF-8', error);
  }
}

function parseRecord(text: string, runId: string, key: string, line: number): AuditRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TrailError(key, line, 'not JSON', error);
  }
  const problem = problemOf(value, runId);
  if (problem !== null) throw new TrailError(key, line, problem);
  return value as AuditRecord;
}

/** What makes `value` unfit for recovery, or `null`. The full form of a record is `record.schema.json`. */
function problemOf(value: unknown, runId: string): string | null {
  if (!isObject(value)) return 'not an audit record';
  if (value['specversion'] !== '1.0') return 'not a CloudEvents 1.0 event';
  if (value['source'] !== sourceOf(runId)) return `not a record of run ${runId}`;
  const data = value['data'];
  if (!isObject(data)) return 'a record without data';
  switch (value['type']) {
    case 'vpcep-approver.run.started.v1':
      return data['mode'] === 'enforce' || data['mode'] === 'dry-run'
        ? null
        : '`mode` is neither `enforce` nor `dry-run`';
    case 'vpcep-approver.decision.v1':
      if (typeof data['decision_id'] !== 'string') return 'a decision without `decision_id`';
      if (!['accept', 'reject', 'hold'].includes(String(data['effect']))) return 'a decision without a known `effect`';
      return connectionRefOf(String(value['subject'])) === null ? '`subject` does not name a connection' : null;
    case 'vpcep-approver.outcome.v1':
      return typeof data['decision_id'] === 'string' ? null : 'an outcome without `decision_id`';
    case 'vpcep-approver.run.recovered.v1':
      return typeof data['run_id'] === 'string' ? null : '`run.recovered` without `run_id`';
    case 'vpcep-approver.finding.v1':
    case 'vpcep-approver.refused.v1':
    case 'vpcep-approver.run.finished.v1':
      return null;
    default:
      return `\`${String(value['type']).slice(0, 100)}\` is not a type of record that this version knows`;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
