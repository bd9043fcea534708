/**
 * The signature SDK-HMAC-SHA256 as the gateway recomputes it from what arrived. Written from the specification and not from
 * the client's signer, and shares no code with it: that both agree is the test. Decides nothing about who may do what.
 */
import { createHash, createHmac } from 'node:crypto';
import { decode, type Message } from './routes.ts';

/** The parts of an `Authorization` header. */
export interface Authorization {
  readonly accessKey: string;
  /** Lower case, sorted. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** Returns the header's parts, or `null` when it is not exactly of the documented form. */
export function parseAuthorization(header: string): Authorization | null {
  const form =
    /^SDK-HMAC-SHA256 Access=([\x21-\x2b\x2d-\x7e]{1,128}), SignedHeaders=([a-z0-9;_-]{1,1024}), Signature=([0-9a-f]{64})$/;
  const [, accessKey, names, signature] = form.exec(header) ?? [];
  if (accessKey === undefined || names === undefined || signature === undefined) {
    return null;
  }
  const signedHeaders = names.split(';');
  const isSorted = signedHeaders.every(
    (name, index) => name !== '' && (index === 0 || (signedHeaders[index - 1] ?? '') < name),
  );
  return isSorted ? { accessKey, signedHeaders, signature } : null;
}

/** Returns the signature that the request ought to carry, in lower-case hex, or `null` when it cannot have one. */
export function signatureOf(message: Message, signedHeaders: readonly string[], secretKey: string): string | null {
  const canonical = canonicalRequest(message, signedHeaders);
  if (canonical === null) {
    return null;
  }
  const date = message.headers.get('x-sdk-date') ?? '';
  return createHmac('sha256', secretKey)
    .update(`SDK-HMAC-SHA256\n${date}\n${sha256(canonical)}`)
    .digest('hex');
}

/** Returns the canonical request, or `null` when a signed header is missing or the target is not well-formed. */
export function canonicalRequest(message: Message, signedHeaders: readonly string[]): string | null {
  const path = canonicalPath(message.path);
  const query = canonicalQuery(message.rawQuery);
  const lines: string[] = [];
  for (const name of signedHeaders) {
    const value = message.headers.get(name);
    if (value === undefined) {
      return null;
    }
    lines.push(`${name}:${value}\n`);
  }
  // The hash is always that of the body that came: `UNSIGNED-PAYLOAD` is for uploads, and none of these APIs takes any.
  return path === null || query === null
    ? null
    : [message.method, path, query, lines.join(''), signedHeaders.join(';'), sha256(message.body)].join('\n');
}

/** Segments escaped by RFC 3986, with a `/` at the end even where the real path has none. */
function canonicalPath(path: string): string | null {
  const segments = path.split('/').map(decode);
  const escaped: string[] = [];
  for (const segment of segments) {
    if (segment === null) {
      return null;
    }
    escaped.push(escape(segment));
  }
  const joined = escaped.join('/');
  return joined.endsWith('/') ? joined : `${joined}/`;
}

/** Pairs sorted by key, then by value, both by code unit before they are escaped. `+` means a space, as gateways read it. */
function canonicalQuery(rawQuery: string): string | null {
  const pairs: [string, string][] = [];
  for (const part of rawQuery.split('&')) {
    if (part !== '') {
      const [, rawKey = '', rawValue = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
      const key = decode(rawKey.replaceAll('+', ' '));
      const value = decode(rawValue.replaceAll('+', ' '));
      if (key === null || value === null) {
        return null;
      }
      pairs.push([key, value]);
    }
  }
  pairs.sort(([keyA, valueA], [keyB, valueB]) => order(keyA, keyB) || order(valueA, valueB));
  return pairs.map(([key, value]) => `${escape(key)}=${escape(value)}`).join('&');
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function escape(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
