/**
 * The writer of one run: numbers, chains and dates its records and makes them durable in segments. Knows nothing of what a
 * run does; the order of records beyond the first and the last is the caller's.
 */
import type { Clock } from '../clock.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import { type Digest, digestOf } from '../core/digest.ts';
import {
  type AuditRecord,
  NO_PREVIOUS,
  type RecordData,
  type RecordName,
  type RecordOf,
  type SubjectArguments,
  sourceOf,
  subjectOf,
} from './record.ts';
import { redacted } from './redaction.ts';
import { runStart, segmentKey } from './segment-key.ts';
import type { TrailStore } from './store.ts';

const SEGMENT_BYTES_MAX = 8 * 1024 * 1024;

/** What a run log needs. */
export interface RunLogOptions {
  readonly store: TrailStore;
  /** A UUIDv7, see `newRunId`. Used once: a second log of the same run fails at its first flush. */
  readonly runId: string;
  readonly clock: Clock;
  /** Gets every record once it is durable, in order. Must not throw. */
  readonly echo?: (record: AuditRecord) => void;
  /** Milliseconds; from then on others take the run for dead, so nothing is written any more. Default: never. */
  readonly expiresAt?: number;
}

/** The records of one run, on their way into the trail. */
export interface RunLog {
  readonly runId: string;
  /**
   * Adds a record and returns it. It is **not durable** before a later {@link flush} resolves: nothing that it announces may
   * be done earlier. `data` is copied, so later changes to it change nothing.
   *
   * @throws RunLogError `out-of-order` unless the first record, and no other, is `run.started`, and nothing follows `run.finished`;
   *   `broken` after a failed flush.
   */
  append<Name extends RecordName>(
    name: Name,
    data: RecordData[Name],
    ...subject: SubjectArguments<Name>
  ): RecordOf<Name>;
  /**
   * Resolves when everything appended so far is durable. Writes nothing when nothing is buffered, and one segment per 8 MiB
   * otherwise; `inOneSegment` writes a single one however large, so that a crash leaves all of it or none of it.
   *
   * After a rejection nobody knows what became durable, so the log is broken for good: the run must do nothing more, and
   * recovery closes it later.
   *
   * @throws StoreError of the store at the first failure; RunLogError `broken` after it, `expired` when the run is too old.
   */
  flush(options?: { readonly inOneSegment?: boolean }): Promise<void>;
}

/** `broken`: a write failed before. `expired`: the run is older than it may get. `out-of-order`: a bug in the caller. */
export type RunLogErrorCode = 'broken' | 'expired' | 'out-of-order';

/** A run log that was asked for what it must not do. */
export class RunLogError extends Error {
  override readonly name = 'RunLogError';
  readonly code: RunLogErrorCode;

  constructor(code: RunLogErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

interface Line {
  /** Kept only for an echo: a parsed record takes many times its bytes. */
  readonly record: AuditRecord | null;
  readonly bytes: Buffer;
}

/**
 * Returns the log of a new run. Throws TypeError when `runId` is not a UUIDv7.
 *
 * INVARIANT: no record's time, and no segment's hour, lies before the time in the run id or before an earlier record's, even
 * when the clock is set back. Recovery finds a run's segments by that.
 */
export function createRunLog({ store, runId, clock, echo, expiresAt }: RunLogOptions): RunLog {
  let latest = runStart(runId);
  let sequence = 0;
  let segments = 0;
  let previous: Digest = NO_PREVIOUS;
  let isFinished = false;
  let failure: { readonly cause: unknown } | null = null;
  let buffer: Line[] = [];
  let lastFlush: Promise<void> = Promise.resolve();

  function now(): number {
    latest = Math.max(latest, Math.floor(clock.now()));
    return latest;
  }

  function assertUsable(): void {
    if (failure === null) return;
    throw new RunLogError(
      'broken',
      `run ${runId} cannot write its audit trail any more: an earlier write failed`,
      failure.cause,
    );
  }

  /** A process that was suspended may wake up after others have written this run's outcomes: a second set would contradict them. */
  function assertAlive(): void {
    if (expiresAt === undefined || clock.now() < expiresAt || buffer.length === 0) return;
    const error = new RunLogError('expired', `run ${runId} is older than a run may get, so it writes nothing any more`);
    failure = { cause: error };
    buffer = [];
    throw error;
  }

  function assertOrder(name: RecordName): void {
    if ((name === 'run.started') !== (sequence === 0)) {
      throw new RunLogError(
        'out-of-order',
        `\`${name}\` cannot be record ${sequence + 1} of a run: \`run.started\` is the first, once`,
      );
    }
    if (isFinished) throw new RunLogError('out-of-order', `\`${name}\` cannot follow \`run.finished\``);
  }

  async function write(inOneSegment: boolean): Promise<void> {
    assertUsable();
    assertAlive();
    const lines = buffer;
    buffer = [];
    try {
      for (const segment of inOneSegment ? [lines] : cut(lines)) {
        if (segment.length === 0) continue;
        await store.create(segmentKey(now(), runId, segments + 1), Buffer.concat(segment.map((line) => line.bytes)));
        segments += 1;
        for (const { record } of segment) if (record) echo?.(record);
      }
    } catch (error) {
      // Fail closed: what is durable now is not known, and a gap in the sequence would look like a removed record.
      failure = { cause: error };
      buffer = [];
      throw error;
    }
  }

  return {
    runId,
    append(name, data, ...[subject]) {
      assertUsable();
      assertOrder(name);
      const record = {
        specversion: '1.0',
        id: String(sequence + 1),
        source: sourceOf(runId),
        type: `vpcep-approver.${name}.v1`,
        time: new Date(now()).toISOString(),
        ...(subject === undefined ? {} : { subject: subjectOf(subject) }),
        datacontenttype: 'application/json',
        sequence: String(sequence + 1).padStart(10, '0'),
        previous,
        data: redacted(data),
      } as unknown as RecordOf<typeof name>;
      // The line is the canonical form itself, so `sha256sum` alone checks the chain. It throws before anything has changed.
      const text = canonicalJson(record);
      previous = digestOf(text);
      sequence += 1;
      isFinished = name === 'run.finished';
      buffer.push({ record: echo ? (record as AuditRecord) : null, bytes: Buffer.from(`${text}\n`) });
      return record;
    },
    flush({ inOneSegment = false } = {}) {
      // One after the other: segments are numbered in the order in which they become durable.
      const flushed = lastFlush.then(() => write(inOneSegment));
      lastFlush = flushed.catch(() => {});
      return flushed;
    },
  };
}

/** Cuts lines into segments of at most 8 MiB; a longer line is a segment of its own. */
function cut(lines: readonly Line[]): Line[][] {
  const segments: Line[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    if (size + line.bytes.length > SEGMENT_BYTES_MAX) {
      segments.push([]);
      size = 0;
    }
    segments.at(-1)?.push(line);
    size += line.bytes.length;
  }
  return segments;
}
