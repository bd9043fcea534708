/** The API gateway in front of every API: who is calling, and the errors it answers with itself. Knows no service. */
import { timingSafeEqual } from 'node:crypto';
import type { Cloud } from './cloud.ts';
import { type ApiAnswer, type Caller, type RawRequest, Refusal } from './routes.ts';
import { type Authorization, parseAuthorization, signatureOf } from './signature.ts';

/** How far `X-Sdk-Date` may be from the gateway's clock. */
export const MAX_SKEW_MS = 15 * 60_000;
/** "More than five failures in a row lock the key": the sixth does. */
export const FAILURES_ALLOWED = 5;
/** How long a locked access key stays locked. */
export const LOCK_MS = 5 * 60_000;

/** Finds out who is calling. */
export interface Gateway {
  /** Returns the caller, or throws `Refusal` with 401. `now` is the gateway's clock in milliseconds since the epoch. */
  authenticate(request: RawRequest, now: number): Caller;
}

/** Makes an error answer in the gateway's own shape, which differs from the services'. `number` is the code's, such as `0308`. */
export function gatewayError(request: RawRequest, status: number, number: string, message: string): ApiAnswer {
  return { status, body: { error_msg: message, error_code: `${request.gateway}.${number}`, request_id: request.id } };
}

/** Makes the answer to a method and path that no API has. */
export function noSuchApi(request: RawRequest): ApiAnswer {
  return gatewayError(request, 404, '0101', 'The API does not exist or has not been published in the environment');
}

/** Makes a gateway that remembers failures per access key. */
export function createGateway(cloud: Cloud): Gateway {
  const failures = new Map<string, { count: number; lockedUntil: number }>();

  function authenticateKey(request: RawRequest, header: string, now: number): Caller {
    const authorization = parseAuthorization(header);
    if (authorization === null) {
      throw unauthorized(
        request,
        'authorization header is not of the form SDK-HMAC-SHA256 Access=, SignedHeaders=, Signature=',
      );
    }
    const { accessKey } = authorization;
    const credential = cloud.credential(accessKey);
    if (credential === undefined) {
      throw unauthorized(request, `Get secretKey failed,ak:${accessKey},err:ak not exist`);
    }
    const state = failures.get(accessKey) ?? { count: 0, lockedUntil: 0 };
    if (state.lockedUntil > now) {
      throw unauthorized(request, 'AK access failed to reach the limit,forbidden.');
    }
    const problem = problemOf(request, authorization, credential.secret_key, credential.security_token, now);
    if (problem !== null) {
      const count = state.count + 1;
      failures.set(
        accessKey,
        count > FAILURES_ALLOWED ? { count: 0, lockedUntil: now + LOCK_MS } : { count, lockedUntil: 0 },
      );
      throw unauthorized(request, problem);
    }
    failures.delete(accessKey);
    return { domainId: credential.domain_id, accessKey };
  }

  function authenticateToken(request: RawRequest, text: string, now: number): Caller {
    const token = cloud.token(text);
    if (token === undefined || (token.expires_at !== undefined && Date.parse(token.expires_at) <= now)) {
      throw unauthorized(request, 'decrypt token fail');
    }
    return { domainId: token.domain_id, accessKey: null };
  }

  return {
    authenticate(request, now) {
      const authorization = request.headers.get('authorization');
      const token = request.headers.get('x-auth-token');
      if (authorization !== undefined) {
        return authenticateKey(request, authorization, now);
      }
      if (token !== undefined) {
        return authenticateToken(request, token, now);
      }
      throw unauthorized(request, 'neither a token nor a signature');
    },
  };
}

/** Returns what is wrong with a signed request, or `null`. */
function problemOf(
  request: RawRequest,
  { signedHeaders, signature }: Authorization,
  secretKey: string,
  securityToken: string | undefined,
  now: number,
): string | null {
  for (const name of ['host', 'x-sdk-date']) {
    if (!signedHeaders.includes(name)) {
      return `verify aksk signature fail, header ${name} is not signed`;
    }
  }
  const sentToken = request.headers.get('x-security-token');
  if (sentToken !== securityToken || (securityToken !== undefined && !signedHeaders.includes('x-security-token'))) {
    return 'decrypt token fail';
  }
  const sentAt = parseSdkDate(request.headers.get('x-sdk-date') ?? '');
  if (sentAt === null || Math.abs(now - sentAt) > MAX_SKEW_MS) {
    return 'verify aksk signature fail, x-sdk-date is not within 15 minutes';
  }
  const expected = signatureOf(request, signedHeaders, secretKey);
  const isRight = expected !== null && timingSafeEqual(Buffer.from(expected, 'hex'), Buffer.from(signature, 'hex'));
  return isRight ? null : 'verify aksk signature fail';
}

function parseSdkDate(text: string): number | null {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? null : ms;
}

function unauthorized(request: RawRequest, detail: string): Refusal {
  return new Refusal(gatewayError(request, 401, '0301', `Incorrect IAM authentication information: ${detail}`));
}
