/** One token from IAM v3 (`POST /v3/auth/tokens`): asked for, repeated within narrow bounds, read. Caches and remembers nothing. */
import type { Clock } from '../clock.ts';
import type { HttpEvent } from './http-client.ts';
import { isJsonObject, type JsonObject } from './parse-json.ts';
import { backoff, judge, type Failure, type RetryBounds, type Verdict } from './retry.ts';
import { sendOnce, type Fetch, type SendBounds, type Sending } from './send.ts';

/** A token that IAM gave. `text` is the secret. */
export interface IssuedToken {
  readonly text: string;
  /** Milliseconds since the Unix epoch by our own clock, however wrong it is. */
  readonly expiresAt: number;
  /** Milliseconds from its issue to its end. */
  readonly lifetime: number;
}

/** What came of asking: a token, or why there is none and what the cloud called the requests. */
export type TokenAnswer =
  | { readonly token: IssuedToken }
  | { readonly failure: Failure; readonly requestIds: readonly string[] };

/** What to ask for. */
export interface TokenRequest {
  readonly iamUrl: URL;
  /** `auth.identity`: proves who asks, or names the agency to take on. */
  readonly identity: JsonObject;
  /** `auth.scope`: what the token is good for. */
  readonly scope: JsonObject;
  /** The token of whoever takes on an agency. */
  readonly authToken?: string;
  /** What must not appear in a message. */
  readonly secrets: readonly string[];
}

/** The means to ask. */
export interface TokenMeans {
  readonly clock: Clock;
  readonly random: () => number;
  readonly fetch: Fetch;
  readonly observe?: ((event: HttpEvent) => void) | undefined;
}

const PATH = '/v3/auth/tokens';
const BOUNDS: SendBounds & RetryBounds = {
  requestTimeout: 10_000,
  maxBytes: 1024 * 1024,
  // Below the five wrong passwords that lock a user out: a sending whose answer was lost may have counted as one.
  maxFailures: 3,
  maxThrottled: 3,
  baseWait: 500,
  maxWait: 5_000,
};
/** A longer wait that IAM asks for fails the request; whoever needs the token comes again. */
const LONGEST_WAIT = 30_000;

/** Asks for a token. A refusal (4xx) is final; a broken connection, 429 and 5xx are tried again, three times in all. */
export async function requestToken(
  request: TokenRequest,
  means: TokenMeans,
  signal: AbortSignal,
): Promise<TokenAnswer> {
  const { clock, random } = means;
  const requestIds: string[] = [];
  for (let sendings = 1; ; sendings += 1) {
    const { sending, verdict } = await send(request, means, signal, sendings);
    if (verdict.requestId !== undefined) requestIds.push(verdict.requestId);
    if (verdict.isDone) {
      const token = sending.kind === 'answered' ? readToken(sending.headers, verdict.body, clock.now()) : undefined;
      return token === undefined ? { failure: unreadable(verdict.status), requestIds } : { token };
    }
    const { failure } = verdict;
    const wait = failure.wait ?? backoff(sendings, random(), BOUNDS);
    if (failure.repeat === 'never' || sendings >= BOUNDS.maxFailures || wait > LONGEST_WAIT)
      return { failure, requestIds };
    try {
      await clock.sleep(wait, signal);
    } catch {
      return { failure, requestIds };
    }
  }
}

async function send(
  { iamUrl, identity, scope, authToken, secrets }: TokenRequest,
  { clock, fetch, observe }: TokenMeans,
  signal: AbortSignal,
  attempt: number,
): Promise<{ readonly sending: Sending; readonly verdict: Verdict }> {
  // Without the catalog of services the answer is a tenth of the size; nobody here reads it.
  const url = `${iamUrl.protocol}//${iamUrl.host}${iamUrl.pathname.replace(/\/+$/, '')}${PATH}?nocatalog=true`;
  const headers = {
    accept: 'application/json',
    'content-type': 'application/json;charset=utf8',
    ...(authToken === undefined ? {} : { 'x-auth-token': authToken }),
  };
  const body = JSON.stringify({ auth: { identity, scope } });
  const where = { method: 'POST', path: PATH, attempt };
  const sentAt = clock.now();
  observe?.({ type: 'sent', ...where });
  const sending = await sendOnce(url, { method: 'POST', headers, body }, { fetch, clock, bounds: BOUNDS, signal });
  const now = clock.now();
  // A token too many does no harm, so an answer that was lost may be asked for again.
  const context = { repeat: 'freely', isRetryableCode: () => false, now } as const;
  const verdict = judge(sending, { ...context, secrets: authToken === undefined ? secrets : [...secrets, authToken] });
  const status = sending.kind === 'answered' || sending.kind === 'too-large' ? sending.status : null;
  const code = verdict.isDone ? null : verdict.failure.code;
  observe?.({ type: 'answered', ...where, status, code, milliseconds: now - sentAt });
  return { sending, verdict };
}

/** Returns the token in an answer; `undefined` when one of its parts is not what IAM documents. */
function readToken(headers: Headers, body: unknown, now: number): IssuedToken | undefined {
  const text = headers.get('x-subject-token') ?? '';
  const token = isJsonObject(body) ? body['token'] : undefined;
  if (!/^[\x21-\x7e]+$/.test(text) || !isJsonObject(token)) return undefined;
  const expiresAt = readTime(token['expires_at']);
  if (expiresAt === undefined) return undefined;
  // Both times are IAM's, so their difference holds also where our clock is wrong.
  const lifetime = expiresAt - (readTime(token['issued_at']) ?? now);
  return lifetime > 0 ? { text, expiresAt: now + lifetime, lifetime } : undefined;
}

/** Returns milliseconds since the Unix epoch of a time such as `2019-02-13T06:52:13.855000Z`. */
function readTime(value: unknown): number | undefined {
  const [, seconds, fraction = ''] =
    (typeof value === 'string' && /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(value)) || [];
  const ms = Date.parse(`${seconds}.${fraction.padEnd(3, '0').slice(0, 3)}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

function unreadable(status: number): Failure {
  const detail = `${status}: the answer is not what the API documents: expected \`X-Subject-Token\` and \`token.expires_at\``;
  return { code: 'unreadable', httpStatus: status, detail, retryable: true, effect: 'none', repeat: 'never' };
}
