import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoff, demandedWait, judge, type JudgeContext, type Repeat } from '../../lib/cloud/retry.ts';
import type { Sending } from '../../lib/cloud/send.ts';
import { NOON } from './fake-clock.ts';

const CONTEXT: JudgeContext = { repeat: 'freely', isRetryableCode: () => false, secrets: [], now: NOON };

function answered(status: number, body: unknown, headers: Record<string, string> = {}): Sending {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { kind: 'answered', status, headers: new Headers(headers), body: new TextEncoder().encode(text) };
}

function failureOf(sending: Sending, repeat: Repeat) {
  const verdict = judge(sending, { ...CONTEXT, repeat });
  if (verdict.isDone) throw new Error('expected a failure');
  return verdict.failure;
}

const broken = { kind: 'broken', detail: 'ECONNRESET' } as const;
const code = (value: string) => ({ error: { code: value, message: 'm' } });

describe('judge', () => {
  // Columns as in the table above the function: what a read does; what a change does, and what it may have done.
  test.each([
    {
      name: 'no connection',
      sending: { ...broken, neverSent: true, lasting: false },
      read: 'failed',
      write: 'failed',
      effect: 'none',
      code: 'network',
      retryable: true,
    },
    {
      name: 'a certificate that is not trusted',
      sending: { ...broken, neverSent: true, lasting: true },
      read: 'never',
      write: 'never',
      effect: 'none',
      code: 'network',
      retryable: false,
    },
    {
      name: 'a broken connection',
      sending: { ...broken, neverSent: false, lasting: false },
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'network',
      retryable: true,
    },
    {
      name: 'no answer in time',
      sending: { kind: 'timeout' },
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'timeout',
      retryable: true,
    },
    {
      name: 'the deadline',
      sending: { kind: 'deadline' },
      read: 'never',
      write: 'never',
      effect: 'unknown',
      code: 'deadline',
      retryable: true,
    },
    {
      name: 'an answer that is too large',
      sending: { kind: 'too-large', status: 200 },
      read: 'never',
      write: 'never',
      effect: 'unknown',
      code: 'unreadable',
      retryable: false,
    },
    {
      name: '200 with a page of HTML',
      sending: answered(200, '<html>'),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'unreadable',
      retryable: true,
    },
    {
      name: '200 with half a document',
      sending: answered(200, '{"connections":[{'),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'unreadable',
      retryable: true,
    },
    {
      name: '200 with a key twice',
      sending: answered(200, '{"a":1,"a":2}'),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'unreadable',
      retryable: true,
    },
    {
      name: '202 with the error of a busy cluster',
      sending: answered(202, { errCode: 'CSS.0011', externalMessage: 'm' }),
      read: 'failed',
      write: 'never',
      effect: 'none',
      code: 'CSS.0011',
      retryable: true,
    },
    {
      name: '429',
      sending: answered(429, ''),
      read: 'throttled',
      write: 'throttled',
      effect: 'none',
      code: 'http-429',
      retryable: true,
    },
    {
      name: '400 EndPoint.0022',
      sending: answered(400, code('EndPoint.0022')),
      read: 'throttled',
      write: 'throttled',
      effect: 'none',
      code: 'EndPoint.0022',
      retryable: true,
    },
    {
      name: '400 Endpoint.0022',
      sending: answered(400, code('Endpoint.0022')),
      read: 'throttled',
      write: 'throttled',
      effect: 'none',
      code: 'Endpoint.0022',
      retryable: true,
    },
    {
      name: '429 APIGW.0308',
      sending: answered(429, code('APIGW.0308')),
      read: 'throttled',
      write: 'throttled',
      effect: 'none',
      code: 'APIGW.0308',
      retryable: true,
    },
    {
      name: '503 APIG.0308',
      sending: answered(503, code('APIG.0308')),
      read: 'throttled',
      write: 'throttled',
      effect: 'none',
      code: 'APIG.0308',
      retryable: true,
    },
    {
      name: '503 with a code of the gateway',
      sending: answered(503, code('APIGW.0201')),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'APIGW.0201',
      retryable: true,
    },
    {
      name: '503 with a code of the service',
      sending: answered(503, code('EndPoint.0001')),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'EndPoint.0001',
      retryable: true,
    },
    {
      name: '503 without a code',
      sending: answered(503, ''),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'http-503',
      retryable: true,
    },
    {
      name: '500',
      sending: answered(500, code('EndPoint.0001')),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'EndPoint.0001',
      retryable: true,
    },
    {
      name: '502 with a page of HTML',
      sending: answered(502, '<html>'),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'http-502',
      retryable: true,
    },
    {
      name: '504',
      sending: answered(504, code('EndPoint.0013')),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'EndPoint.0013',
      retryable: true,
    },
    {
      name: '408',
      sending: answered(408, ''),
      read: 'failed',
      write: 'never',
      effect: 'unknown',
      code: 'http-408',
      retryable: true,
    },
    {
      name: '302',
      sending: answered(302, '', { location: 'https://evil.example' }),
      read: 'never',
      write: 'never',
      effect: 'unknown',
      code: 'http-302',
      retryable: false,
    },
    {
      name: '401',
      sending: answered(401, code('APIGW.0301')),
      read: 'never',
      write: 'never',
      effect: 'none',
      code: 'APIGW.0301',
      retryable: false,
    },
    {
      name: '401 of IAM, whose code is the status',
      sending: answered(401, '{"error":{"code":401,"message":"Unauthorized.","title":"Unauthorized"}}'),
      read: 'never',
      write: 'never',
      effect: 'none',
      code: 'http-401',
      retryable: false,
    },
    {
      name: '403',
      sending: answered(403, code('EndPoint.0004')),
      read: 'never',
      write: 'never',
      effect: 'none',
      code: 'EndPoint.0004',
      retryable: false,
    },
    {
      name: '404 with a page of HTML',
      sending: answered(404, '<html>'),
      read: 'never',
      write: 'never',
      effect: 'none',
      code: 'http-404',
      retryable: false,
    },
    {
      name: '400 with a code that is no code',
      sending: answered(400, code('no such\ncode')),
      read: 'never',
      write: 'never',
      effect: 'none',
      code: 'http-400',
      retryable: false,
    },
  ] as const)('rules on $name', (row) => {
    expect(failureOf(row.sending, 'freely')).toMatchObject({
      code: row.code,
      repeat: row.read,
      effect: 'none',
      retryable: row.retryable,
    });
    expect(failureOf(row.sending, 'if-nothing-was-done')).toMatchObject({
      code: row.code,
      repeat: row.write,
      effect: row.effect,
      retryable: row.retryable,
    });
  });

  test('takes an empty 200 for a change and not for a read', () => {
    expect(judge(answered(200, ''), { ...CONTEXT, repeat: 'if-nothing-was-done' })).toMatchObject({ isDone: true });
    expect(judge(answered(200, ''), CONTEXT)).toMatchObject({ isDone: false, failure: { code: 'unreadable' } });
  });

  test('lets the adapter call its own codes retryable, without repeating inside', () => {
    const context = { ...CONTEXT, isRetryableCode: (value: string) => value === 'EndPoint.2004' };
    expect(judge(answered(400, code('EndPoint.2004')), context)).toMatchObject({
      failure: { retryable: true, repeat: 'never' },
    });
  });

  test('takes the request id from the header before the body', () => {
    const body = { error_code: 'APIGW.0301', error_msg: 'm', request_id: 'from-body' };
    expect(judge(answered(403, body, { 'x-request-id': 'from-header' }), CONTEXT).requestId).toBe('from-header');
    expect(judge(answered(403, body), CONTEXT).requestId).toBe('from-body');
    expect(judge(answered(403, { ...body, request_id: 'two\nlines' }), CONTEXT).requestId).toBeUndefined();
  });

  test('makes one short clean line of whatever the vendor writes', () => {
    const message = `first line\r\nsecond\u001b[31m red \u202e${'x'.repeat(300)}.`;
    const { detail } = failureOf(answered(400, { error: { code: 'EndPoint.0002', message } }), 'freely');
    expect(detail).toMatch(/^400 EndPoint\.0002: first line second \[31m red x+…$/);
    expect(detail.length).toBeLessThanOrEqual(225);
  });

  test('replaces what we sent in confidence', () => {
    const body = { error: { code: 'canary-token', message: 'you sent canary-token' } };
    const verdict = judge(answered(400, body, { 'x-request-id': 'canary-token' }), {
      ...CONTEXT,
      secrets: ['canary-token'],
    });
    expect(JSON.stringify(verdict)).not.toContain('canary');
  });
});

describe('demandedWait', () => {
  const WINDOW = 'The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute';
  test.each([
    { name: 'seconds', headers: { 'retry-after': '7' }, message: '', wait: 7_000 },
    { name: 'zero', headers: { 'retry-after': '0' }, message: '', wait: 0 },
    {
      name: 'a date, by our clock',
      headers: { 'retry-after': new Date(NOON + 9_000).toUTCString() },
      message: '',
      wait: 9_000,
    },
    {
      name: "a date, by the cloud's clock where it tells",
      headers: { 'retry-after': new Date(NOON + 99_000).toUTCString(), date: new Date(NOON + 90_000).toUTCString() },
      message: '',
      wait: 9_000,
    },
    {
      name: 'a date that is past',
      headers: { 'retry-after': new Date(NOON - 9_000).toUTCString() },
      message: '',
      wait: 0,
    },
    { name: 'the window of the gateway', headers: {}, message: WINDOW, wait: 300_000 },
    {
      name: 'a window in seconds',
      headers: {},
      message: 'policy ip over ratelimit,limit:10,time:1 second',
      wait: 1_000,
    },
    {
      name: 'a window with spaces',
      headers: {},
      message: 'policy domain over ratelimit, limit:10, time:2 hour',
      wait: 7_200_000,
    },
    { name: 'the header before the window', headers: { 'retry-after': '3' }, message: WINDOW, wait: 3_000 },
    {
      name: 'the window when the header is garbage',
      headers: { 'retry-after': 'soon' },
      message: WINDOW,
      wait: 300_000,
    },
    { name: 'at most a day', headers: { 'retry-after': '99999999999' }, message: '', wait: 86_400_000 },
    { name: 'nothing', headers: {}, message: 'busy', wait: undefined },
  ])('reads $name', ({ headers, message, wait }) => {
    expect(demandedWait(new Headers(Object.entries(headers)), message, NOON)).toBe(wait);
  });
});

describe('backoff', () => {
  const BOUNDS = { maxFailures: 6, maxThrottled: 12, baseWait: 200, maxWait: 10_000 };

  test('doubles its bound up to the longest wait', () => {
    expect([1, 2, 3, 4, 9].map((failed) => backoff(failed, 0.999999, BOUNDS))).toEqual([199, 399, 799, 1599, 9999]);
  });

  test('uses the whole range below the bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (n, random) => {
          const wait = backoff(n, random, BOUNDS);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(Math.min(10_000, 200 * 2 ** (n - 1)));
        },
      ),
    );
    expect(backoff(5, 0, BOUNDS)).toBe(0);
  });
});
