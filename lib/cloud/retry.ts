/** Judges what came of one sending: done, or a failure with whether and when to send again. Pure; the table of rules is below. */
import { readErrorAnswer, readErrorInSuccess } from './error-shapes.ts';
import type { RequestEffect } from './cloud-error.ts';
import { parseJson } from './parse-json.ts';
import { plainText, plainToken } from './plain-text.ts';
import type { Sending } from './send.ts';

/**
 * When a request may be sent again inside: `freely` for reads; `if-nothing-was-done` for what changes something, so only when the
 * answer proves that the first sending changed nothing.
 */
export type Repeat = 'freely' | 'if-nothing-was-done';

/** How one sending failed. */
export interface Failure {
  readonly code: string;
  readonly httpStatus?: number;
  /** For people: status, code and the vendor's words, cleaned. */
  readonly detail: string;
  readonly retryable: boolean;
  readonly effect: RequestEffect;
  /** Whether to send again inside. `throttled` counts apart: it is not the request's fault, and it passes. */
  readonly repeat: 'throttled' | 'failed' | 'never';
  /** Milliseconds that the cloud asked us to wait. */
  readonly wait?: number;
}

/** What one sending came to. `requestId` is the cloud's, where it named one. */
export type Verdict = { readonly requestId: string | undefined } & (
  | { readonly isDone: true; readonly status: number; readonly body: unknown }
  | { readonly isDone: false; readonly failure: Failure }
);

/** What the verdict depends on besides the answer. */
export interface JudgeContext {
  readonly repeat: Repeat;
  /** The adapter's word on its own 4xx codes: may the same call succeed later? Does not make it repeat inside. */
  readonly isRetryableCode: (code: string) => boolean;
  /** What must not appear in a message. */
  readonly secrets: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Codes that mean throttling whatever the status; VPCEP sends its own with 400. */
const THROTTLING_CODES: ReadonlySet<string> = new Set(['endpoint.0022', 'apigw.0308', 'apig.0308']);

/**
 * Judges one sending.
 *
 * | what came back                                  | read    | change                            | effect of a change |
 * | ----------------------------------------------- | ------- | --------------------------------- | ------------------ |
 * | no connection                                   | repeat  | repeat                            | none               |
 * | certificate not trusted                         | fail    | fail                              | none               |
 * | connection broke, no answer in time             | repeat  | fail                              | unknown            |
 * | 2xx that is not JSON                            | repeat  | fail                              | unknown            |
 * | 2xx that is an error, as 202 CSS.0011           | repeat  | fail                              | none               |
 * | answer too large, redirect                      | fail    | fail                              | unknown            |
 * | 429 or a throttling code                        | repeat  | repeat                            | none               |
 * | 5xx, 408                                        | repeat  | fail                              | unknown            |
 * | 401                                             | fail    | fail                              | none               |
 * | other 4xx                                       | fail    | fail                              | none               |
 * | run out of time while waiting for the answer    | fail    | fail                              | unknown            |
 */
export function judge(sending: Sending, context: JudgeContext): Verdict {
  const maybe: RequestEffect = context.repeat === 'freely' ? 'none' : 'unknown';
  const again = context.repeat === 'freely' ? 'failed' : 'never';
  switch (sending.kind) {
    case 'answered':
      return judgeAnswer(sending, context);
    case 'broken':
      return fail({
        code: 'network',
        detail: `${sending.neverSent ? 'no connection' : 'the connection broke'}: ${sending.detail}`,
        retryable: !sending.lasting,
        effect: sending.neverSent ? 'none' : maybe,
        repeat: sending.lasting ? 'never' : sending.neverSent ? 'failed' : again,
      });
    case 'timeout':
      return fail({ code: 'timeout', detail: 'no answer in time', retryable: true, effect: maybe, repeat: again });
    case 'deadline':
      return fail({ code: 'deadline', detail: 'no time left', retryable: true, effect: maybe, repeat: 'never' });
    case 'too-large':
      return fail({
        code: 'unreadable',
        httpStatus: sending.status,
        detail: `${sending.status}: the answer is too large`,
        retryable: false,
        effect: maybe,
        repeat: 'never',
      });
    default:
      return sending satisfies never;
  }
}

function fail(failure: Failure): Verdict {
  return { requestId: undefined, isDone: false, failure };
}

function judgeAnswer(answer: Sending & { readonly kind: 'answered' }, context: JudgeContext): Verdict {
  const { status, headers } = answer;
  const body = answer.body.byteLength === 0 ? undefined : parseJson(answer.body);
  const said = readErrorAnswer(body);
  const requestId =
    plainToken(headers.get('x-request-id') ?? undefined, context.secrets) ??
    plainToken(said.requestId, context.secrets);
  const hidden = status >= 200 && status < 300 ? readErrorInSuccess(body) : {};
  if (status >= 200 && status < 300 && hidden.code === undefined) {
    // A change may answer with nothing at all; a read that does is unreadable.
    const isReadable = body !== undefined || (answer.body.byteLength === 0 && context.repeat !== 'freely');
    if (isReadable) return { requestId, isDone: true, status, body };
    const detail = `${status}: the answer is not JSON`;
    const outcome = ambiguous(context.repeat);
    return {
      requestId,
      isDone: false,
      failure: { code: 'unreadable', httpStatus: status, detail, retryable: true, ...outcome },
    };
  }
  // Keystone's `error.code` is the status once more, and no code.
  const vendorCode = said.code === String(status) ? undefined : plainToken(said.code, context.secrets);
  const message = plainText(said.message ?? '', context.secrets);
  const failure = {
    code: vendorCode ?? `http-${status}`,
    httpStatus: status,
    detail: `${status}${vendorCode === undefined ? '' : ` ${vendorCode}`}${message === '' ? '' : `: ${message}`}`,
    ...rule(status, vendorCode, context),
  };
  const wait = failure.repeat === 'never' ? undefined : demandedWait(headers, said.message ?? '', context.now);
  return { requestId, isDone: false, failure: wait === undefined ? failure : { ...failure, wait } };
}

/** The rows of the table that begin with a status. */
function rule(
  status: number,
  code: string | undefined,
  context: JudgeContext,
): Pick<Failure, 'retryable' | 'effect' | 'repeat'> {
  if (status === 429 || THROTTLING_CODES.has(code?.toLowerCase() ?? '')) {
    return { retryable: true, effect: 'none', repeat: 'throttled' };
  }
  // An error all the same, which says that nothing was done: the resource is busy for longer than a call can wait.
  if (status < 300)
    return { retryable: true, effect: 'none', repeat: context.repeat === 'freely' ? 'failed' : 'never' };
  if (status < 400) return { ...ambiguous(context.repeat), retryable: false, repeat: 'never' };
  if (status >= 500 || status === 408) return { ...ambiguous(context.repeat), retryable: true };
  return { retryable: code !== undefined && context.isRetryableCode(code), effect: 'none', repeat: 'never' };
}

/** What to make of an answer that does not say whether anything was done. */
function ambiguous(repeat: Repeat): Pick<Failure, 'effect' | 'repeat'> {
  return repeat === 'freely' ? { effect: 'none', repeat: 'failed' } : { effect: 'unknown', repeat: 'never' };
}

/** A timer cannot wait longer than 2^31 ms, and goes off at once instead. */
const MAX_WAIT = 24 * 60 * 60 * 1000;
const UNITS: Readonly<Record<string, number>> = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * Returns the milliseconds the cloud asks us to wait: `Retry-After` (seconds or a date), else the window that the gateway's message
 * names (`policy user over ratelimit,limit:200,time:5 minute`), at most a day; `undefined` when it asks for nothing readable.
 */
export function demandedWait(headers: Headers, message: string, now: number): number | undefined {
  const header = headers.get('retry-after')?.trim();
  if (header !== undefined && /^\d+(\.\d+)?$/.test(header)) return Math.min(MAX_WAIT, Math.ceil(Number(header) * 1000));
  if (header !== undefined) {
    const until = Date.parse(header);
    // The date is the cloud's, so it counts from the cloud's clock where that is known.
    const from = Date.parse(headers.get('date') ?? '');
    if (!Number.isNaN(until)) return Math.min(MAX_WAIT, Math.max(0, until - (Number.isNaN(from) ? now : from)));
  }
  const window = /over ratelimit\s*,\s*limit:\s*\d+\s*,\s*time:\s*(\d{1,9})\s*(second|minute|hour|day)/i.exec(message);
  if (window === null) return undefined;
  return Math.min(MAX_WAIT, Number(window[1]) * (UNITS[window[2]?.toLowerCase() ?? ''] ?? MAX_WAIT));
}

/** Bounds of repeating. */
export interface RetryBounds {
  /** Sendings that may fail, before the call does. */
  readonly maxFailures: number;
  /** Sendings that may be throttled, before the call fails. */
  readonly maxThrottled: number;
  /** Milliseconds: the longest first wait, which doubles with each failure up to `maxWait`. */
  readonly baseWait: number;
  readonly maxWait: number;
}

/** Returns the wait before the next sending in ms: full jitter, anything from 0 to a bound that doubles. `random` is in [0, 1). */
export function backoff(failed: number, random: number, bounds: RetryBounds): number {
  return Math.floor(random * Math.min(bounds.maxWait, bounds.baseWait * 2 ** (failed - 1)));
}
