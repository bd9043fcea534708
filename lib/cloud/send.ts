/** Sends one request once and reads the answer to its end, within a time and a size. Decides nothing about repeating. */
import type { Clock } from '../clock.ts';
import { plainText } from './plain-text.ts';

/** The part of the global `fetch` that is needed. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What came of sending once. */
export type Sending =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: Headers; readonly body: Uint8Array }
  /** `neverSent`: there was no connection, so the cloud cannot have done anything. `lasting`: repeating will not help. */
  | { readonly kind: 'broken'; readonly neverSent: boolean; readonly lasting: boolean; readonly detail: string }
  | { readonly kind: 'timeout' | 'deadline' }
  | { readonly kind: 'too-large'; readonly status: number };

/** Bounds of one sending. */
export interface SendBounds {
  /** Milliseconds until the last byte of the answer. */
  readonly requestTimeout: number;
  /** Bytes of the answer's body, after decompression. */
  readonly maxBytes: number;
}

/** Sends a request once. Never rejects on what the network does. Redirects come back as the answer they are. */
export async function sendOnce(
  url: string,
  init: { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string },
  means: { readonly fetch: Fetch; readonly clock: Clock; readonly bounds: SendBounds; readonly signal: AbortSignal },
): Promise<Sending> {
  const { clock, bounds, signal } = means;
  const abort = new AbortController();
  const timer = new AbortController();
  let isLate = false;
  const onDeadline = () => abort.abort();
  signal.addEventListener('abort', onDeadline, { once: true });
  const expire = async () => {
    try {
      await clock.sleep(bounds.requestTimeout, timer.signal);
    } catch {
      return;
    }
    isLate = true;
    abort.abort();
  };
  void expire();
  let answer: Response | undefined;
  try {
    // A redirect would take the signature to a host nobody configured, and it would not be valid there.
    answer = await means.fetch(url, { ...init, redirect: 'manual', signal: abort.signal });
    const body = await readBody(answer, bounds.maxBytes);
    if (body === null) return { kind: 'too-large', status: answer.status };
    return { kind: 'answered', status: answer.status, headers: answer.headers, body };
  } catch (error) {
    if (signal.aborted) return { kind: 'deadline' };
    // An error status says what it says, even when its body broke off.
    if (answer !== undefined && !answer.ok) {
      return { kind: 'answered', status: answer.status, headers: answer.headers, body: new Uint8Array() };
    }
    return isLate ? { kind: 'timeout' } : describeBreak(error, answer !== undefined);
  } finally {
    timer.abort();
    signal.removeEventListener('abort', onDeadline);
  }
}

/** Returns the body, or `null` as soon as it is larger than `maxBytes`; the rest is then not read. */
async function readBody(answer: Response, maxBytes: number): Promise<Uint8Array | null> {
  if (answer.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the stream and closes the connection.
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** System calls that fail before a byte of the request is on its way. */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo']);
/** A certificate that is not trusted fails the handshake, before anything is sent, and fails it again the next time. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)/;

/** fetch hides the system's error as `cause`, and that one may hold one error for each address that was tried. */
function describeBreak(error: unknown, hadAnswer: boolean): Sending {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const all: readonly unknown[] = cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors : [cause];
  const codes = all.map((item) => field(item, 'code'));
  const isUntrusted = codes.every((code) => UNTRUSTED.test(code ?? ''));
  const neverSent =
    !hadAnswer &&
    (isUntrusted ||
      all.every(
        (item) => BEFORE_SENDING.has(field(item, 'syscall')) || field(item, 'code') === 'UND_ERR_CONNECT_TIMEOUT',
      ));
  const first = all[0];
  const message = first instanceof Error && first.message !== '' ? first.message : (codes[0] ?? 'unknown reason');
  return { kind: 'broken', neverSent, lasting: !hadAnswer && isUntrusted, detail: plainText(message) };
}

function field(error: unknown, name: 'code' | 'syscall'): string | undefined {
  if (typeof error !== 'object' || error === null || !(name in error)) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}
