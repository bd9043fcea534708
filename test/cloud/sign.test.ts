import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalRequest,
  escapePath,
  escapeQuery,
  sdkDate,
  signatureOf,
  stringToSign,
  type RequestToSign,
} from '../../lib/cloud/sign.ts';
import vectors from '../fixtures/signing-vectors.json' with { type: 'json' };

/** The path of a vector's URL; their segments need no escaping. */
function requestOf(
  vector: { method: string; url: string; query: object; body: string },
  headers: object,
): RequestToSign {
  const url = new URL(vector.url);
  return {
    method: vector.method,
    path: url.pathname,
    query: escapeQuery({ ...vector.query }),
    headers: { ...headers },
    body: vector.body,
  };
}

describe('signatureOf', () => {
  test.each(vectors.vectors)("agrees with the vendor's signer on $name", (vector) => {
    const request = requestOf(vector, { ...vector.requestHeaders, Host: new URL(vector.url).host });
    const canonical = canonicalRequest(request).text;
    expect(canonical).toBe(vector.canonicalRequest);
    expect(stringToSign(vector.date, canonical)).toBe(vector.stringToSign);
    expect(signatureOf(request, vector)).toBe(vector.authorization);
  });

  test.each(vectors.publicVectors.vectors)('agrees with the published vector $name', (vector) => {
    const request = requestOf(vector, { 'x-sdk-date': vector.date });
    const canonical = canonicalRequest(request).text;
    expect(canonical).toBe(vector.canonicalRequest);
    expect(stringToSign(vector.date, canonical)).toBe(vector.stringToSign);
    expect(signatureOf(request, vector)).toBe(
      `SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=x-sdk-date, Signature=${vector.signature}`,
    );
  });

  test('refuses a request that carries no date', () => {
    const request = { method: 'GET', path: '/', query: '', headers: { host: 'example.com' }, body: '' };
    expect(() => signatureOf(request, { accessKey: 'a', secretKey: 'b' })).toThrow('x-sdk-date');
  });

  test('changes when anything that is signed changes', () => {
    const base: RequestToSign = {
      method: 'POST',
      path: '/v1/a',
      query: 'a=1',
      headers: { 'x-sdk-date': '20240115T083015Z', host: 'h' },
      body: '{}',
    };
    const key = { accessKey: 'a', secretKey: 'b' };
    const variants: readonly RequestToSign[] = [
      base,
      { ...base, method: 'PUT' },
      { ...base, path: '/v1/b' },
      { ...base, query: 'a=2' },
      { ...base, body: '{ }' },
      { ...base, headers: { ...base.headers, host: 'i' } },
    ];
    expect(new Set(variants.map((variant) => signatureOf(variant, key))).size).toBe(variants.length);
    expect(signatureOf(base, { ...key, secretKey: 'c' })).not.toBe(signatureOf(base, key));
  });
});

describe('escapeQuery', () => {
  test('agrees with the published canonical query', () => {
    const { input, expected } = vectors.publicVectors.canonicalQuery;
    expect(escapeQuery(input)).toBe(expected);
  });

  test('keeps only unreserved characters, sorts, and loses nothing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'grapheme' }), fc.array(fc.string({ unit: 'grapheme' }))),
        (query) => {
          const escaped = escapeQuery(query);
          expect(escaped).toMatch(/^([A-Za-z0-9\-_.~]|%[0-9A-F]{2}|=|&)*$/);
          const pairs = escaped === '' ? [] : escaped.split('&').map((pair) => pair.split('=').map(decodeURIComponent));
          const expected = Object.entries(query).flatMap(([name, values]) => values.map((value) => [name, value]));
          expect(pairs).toEqual(
            expected.sort(([aName = '', a = ''], [bName = '', b = '']) =>
              aName === bName ? (a < b ? -1 : Number(a > b)) : aName < bName ? -1 : 1,
            ),
          );
        },
      ),
    );
  });

  test('reaches the server as it was signed, through a URL', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => !/^\.{0,2}$/.test(text)),
        fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
        (segment, query) => {
          const path = escapePath(['v1', segment, 'x']);
          const escaped = escapeQuery(query);
          const url = new URL(`https://example.com${path}${escaped === '' ? '' : `?${escaped}`}`);
          expect(url.pathname).toBe(path);
          expect(url.search.slice(1)).toBe(escaped);
        },
      ),
    );
  });
});

describe('sdkDate', () => {
  test('writes the time without punctuation and fractions', () => {
    expect(sdkDate(Date.UTC(2024, 0, 15, 8, 30, 15, 999))).toBe('20240115T083015Z');
  });
});
