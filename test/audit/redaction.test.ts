import { describe, expect, test } from 'vitest';
import { redacted } from '../../lib/audit/redaction.ts';

describe('redacted', () => {
  test('takes out members that are named like secrets, at any depth', () => {
    expect(redacted({ a: [{ 'X-Auth-Token': 'canary', secret_key: { b: 1 }, ok: 1, password: null }] })).toEqual({
      a: [{ 'X-Auth-Token': '[redacted]', secret_key: '[redacted]', ok: 1, password: null }],
    });
  });

  test.each([
    'failed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'Authorization: SDK-HMAC-SHA256 Access=canary, Signature=canary',
    'Bearer abcdefghijklmnopqrstuvwxyz',
    '-----BEGIN PRIVATE KEY-----\nabc',
  ])('takes the secret out of `%s`', (text) => {
    expect(redacted(text)).toMatch(/\[redacted\]$/);
  });

  test('leaves everything else as it is', () => {
    const data = {
      attributes: { 'service.tags.token': 'x', n: 1.5 },
      unknown: { unknown: true },
      none: null,
      list: ['a', true],
    };
    expect(redacted(data)).toEqual(data);
  });

  test('replaces lone surrogates and keeps `__proto__` a plain key', () => {
    const copy = redacted(JSON.parse('{"a":"\\ud800","__proto__":{"polluted":true}}') as object);
    expect(JSON.stringify(copy)).toBe('{"a":"\ufffd","__proto__":{"polluted":true}}');
    expect('polluted' in copy).toBe(false);
  });

  test('ends in linear time on patterns made to be slow', () => {
    const text = `${'-----BEGIN '.repeat(20_000)}${'Bearer a'.repeat(20_000)}${'whsec_'.repeat(20_000)}`;
    expect(redacted(text).length).toBeGreaterThan(0);
  });
});
