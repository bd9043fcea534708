/**
 * SDK-HMAC-SHA256, the request signature of Huawei Cloud and Open Telekom Cloud, and the one escaping that both the signature
 * and the URL sent are made with. Pure: holds no key, reads no clock, sends nothing.
 */
import { createHash, createHmac } from 'node:crypto';

/** Query parameters by name; a list repeats the name. */
export type Query = Readonly<Record<string, string | number | boolean | readonly (string | number | boolean)[]>>;

/** A request as it will go out. */
export interface RequestToSign {
  readonly method: string;
  /** As in the URL sent: escaped, begins with a slash. See {@link escapePath}. */
  readonly path: string;
  /** As in the URL sent, without the question mark. See {@link escapeQuery}. */
  readonly query: string;
  /** Every header to be signed, `host` and `x-sdk-date` among them; names in any case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The exact text of the body; empty when there is none. */
  readonly body: string;
}

/** An access key pair. */
export interface SigningKey {
  readonly accessKey: string;
  readonly secretKey: string;
}

const ALGORITHM = 'SDK-HMAC-SHA256';

/**
 * Returns the value of the `Authorization` header.
 *
 * @throws Error when there is no `x-sdk-date` among the headers: without it the cloud cannot check the signature.
 */
export function signatureOf(request: RequestToSign, key: SigningKey): string {
  const { text, names } = canonicalRequest(request);
  const date = canonicalHeaders(request.headers).find(([name]) => name === 'x-sdk-date')?.[1];
  if (date === undefined) throw new Error('a request without x-sdk-date cannot be signed');
  // The raw secret is the key: unlike AWS's scheme this one derives none.
  const signature = createHmac('sha256', key.secretKey).update(stringToSign(date, text)).digest('hex');
  return `${ALGORITHM} Access=${key.accessKey}, SignedHeaders=${names}, Signature=${signature}`;
}

/** Returns the text whose hash is signed, and the names of the headers in it. */
export function canonicalRequest(request: RequestToSign): { readonly text: string; readonly names: string } {
  const headers = canonicalHeaders(request.headers);
  const names = headers.map(([name]) => name).join(';');
  // The slash at the end is in the signed form only; the URL goes out without.
  const path = request.path.endsWith('/') ? request.path : `${request.path}/`;
  const lines = headers.map(([name, value]) => `${name}:${value}\n`).join('');
  return { text: [request.method, path, request.query, lines, names, sha256(request.body)].join('\n'), names };
}

/** Returns what the signature is computed over. `date` is the value of `x-sdk-date`. */
export function stringToSign(date: string, canonical: string): string {
  return `${ALGORITHM}\n${date}\n${sha256(canonical)}`;
}

/** Returns a query string sorted and escaped as the signature wants it: by name, then by value, both by code unit. */
export function escapeQuery(query: Query): string {
  return Object.entries(query)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => {
      const values = (Array.isArray(value) ? value : [value]).map(String).sort();
      return values.map((item) => `${escape(name)}=${escape(item)}`);
    })
    .join('&');
}

/** Returns the path made of `segments`, each escaped, with a slash before each. */
export function escapePath(segments: readonly string[]): string {
  return segments.map((segment) => `/${escape(segment)}`).join('');
}

/** Returns a time as `x-sdk-date` wants it: `YYYYMMDDTHHMMSSZ`. `now` is milliseconds since the Unix epoch. */
export function sdkDate(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function canonicalHeaders(headers: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** RFC 3986: everything but `A-Za-z0-9-_.~` as UTF-8 percent escapes. A lone surrogate becomes U+FFFD. */
function escape(text: string): string {
  // encodeURIComponent leaves these five alone; the signature does not.
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
