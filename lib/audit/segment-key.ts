/** Where in a store a run's segments lie, and what a run id says about time. Touches no store. */

const HOUR_MS = 3_600_000;
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SEGMENT_KEY = /^trail\/(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)\/([0-9a-f-]{36})\/(\d{6})\.jsonl$/;

/** What a segment's key says. */
export interface SegmentPlace {
  /** The UTC hour of writing, in milliseconds since the epoch. */
  readonly hour: number;
  readonly runId: string;
  /** From 1 in each run, without gaps, over all its hours. */
  readonly number: number;
}

/** Returns the start of the UTC hour that `time` (milliseconds) lies in. */
export function hourOf(time: number): number {
  return Math.floor(time / HOUR_MS) * HOUR_MS;
}

/** Returns the hour after `hour`. */
export function hourAfter(hour: number): number {
  return hour + HOUR_MS;
}

/** Returns the folder of an hour's segments, without a slash at its end; every key in it sorts after this text. */
export function hourFolder(time: number): string {
  const [date = '', clock = ''] = new Date(time).toISOString().split('T');
  return `trail/${date.replaceAll('-', '/')}/${clock.slice(0, 2)}`;
}

/** Returns the key of a segment written at `time`. Throws RangeError past 999,999 segments. */
export function segmentKey(time: number, runId: string, number: number): string {
  if (number > 999_999) throw new RangeError(`run ${runId} has more than 999,999 segments`);
  return `${hourFolder(time)}/${runId}/${String(number).padStart(6, '0')}.jsonl`;
}

/** Returns what a segment's key says, or `null` when the key is not one of a segment. */
export function parseSegmentKey(key: string): SegmentPlace | null {
  const [, year, month, day, hour, runId = '', number] = SEGMENT_KEY.exec(key) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:00:00.000Z`);
  // Date.parse lets 31 February through in some engines: what does not come back the same is no hour.
  if (Number.isNaN(time) || !RUN_ID.test(runId) || !key.startsWith(`${hourFolder(time)}/`)) return null;
  return { hour: time, runId, number: Number(number) };
}

/** True for a UUIDv7 in lower case, the only form of a run id. */
export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

/** Returns when a run began, in milliseconds: the time in its UUIDv7. Throws TypeError when it is none. */
export function runStart(runId: string): number {
  if (!isRunId(runId)) throw new TypeError(`\`${runId}\` is not a run id, which is a UUIDv7 in lower case`);
  return Number.parseInt(runId.slice(0, 8) + runId.slice(9, 13), 16);
}
