import { describe, expect, test } from 'vitest';
import type { Message } from '../../lib/emulator/routes.ts';
import { canonicalRequest, parseAuthorization, signatureOf } from '../../lib/emulator/signature.ts';
import vectors from '../fixtures/signing-vectors.json' with { type: 'json' };

/** The request of a vector as it would arrive, its query percent-encoded in the order given. */
function messageOf(vector: { method: string; url: string; query: object; body: string }, headers: object): Message {
  const url = new URL(vector.url);
  const rawQuery = Object.entries(vector.query)
    .flatMap(([key, value]) =>
      [value].flat().map((item) => `${encodeURIComponent(key)}=${encodeURIComponent(String(item))}`),
    )
    .join('&');
  return {
    method: vector.method,
    path: url.pathname,
    rawQuery,
    headers: new Map([
      ['host', url.host],
      ...Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), String(value)]),
    ]),
    body: Buffer.from(vector.body),
  };
}

describe('signatureOf', () => {
  test.each(vectors.vectors)('agrees with the vendor’s JavaScript signer on $name', (vector) => {
    const authorization = parseAuthorization(vector.authorization);
    const message = messageOf(vector, vector.requestHeaders);
    expect(authorization?.accessKey).toBe(vector.accessKey);
    expect(canonicalRequest(message, authorization?.signedHeaders ?? [])).toBe(vector.canonicalRequest);
    expect(signatureOf(message, authorization?.signedHeaders ?? [], vector.secretKey)).toBe(authorization?.signature);
  });

  test.each(vectors.publicVectors.vectors)('agrees with the vendor’s Go signer on $name', (vector) => {
    const message = messageOf(vector, { 'X-Sdk-Date': vector.date });
    expect(signatureOf(message, vector.signedHeaders, vector.secretKey)).toBe(vector.signature);
  });

  test('sorts and escapes a query as the vendor does', () => {
    const { input, expected } = vectors.publicVectors.canonicalQuery;
    const message = messageOf({ method: 'GET', url: 'https://host/', query: input, body: '' }, {});
    expect(canonicalRequest(message, [])?.split('\n')[2]).toBe(expected);
  });

  test('has no signature for a request that lacks a signed header', () => {
    const message = messageOf({ method: 'GET', url: 'https://host/', query: {}, body: '' }, {});
    expect(signatureOf(message, ['x-sdk-date'], 'secret')).toBeNull();
  });

  test.each(['/%zz', '/%c3%28'])('has no signature for the malformed path %s', (path) => {
    const message = messageOf({ method: 'GET', url: 'https://host/', query: {}, body: '' }, {});
    expect(signatureOf({ ...message, path }, [], 'secret')).toBeNull();
  });
});

describe('parseAuthorization', () => {
  const signature = 'a'.repeat(64);
  test.each([
    ['another algorithm', `V11-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=${signature}`],
    ['no space after the comma', `SDK-HMAC-SHA256 Access=A,SignedHeaders=host,Signature=${signature}`],
    ['unsorted headers', `SDK-HMAC-SHA256 Access=A, SignedHeaders=x-sdk-date;host, Signature=${signature}`],
    ['a header twice', `SDK-HMAC-SHA256 Access=A, SignedHeaders=host;host, Signature=${signature}`],
    ['headers in capitals', `SDK-HMAC-SHA256 Access=A, SignedHeaders=Host, Signature=${signature}`],
    ['a short signature', 'SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=abcd'],
    ['an empty access key', `SDK-HMAC-SHA256 Access=, SignedHeaders=host, Signature=${signature}`],
  ])('refuses %s', (_what, header) => {
    expect(parseAuthorization(header)).toBeNull();
  });
});
