import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { AccessKey, IamToken } from '../../lib/cloud/credentials.ts';
import { createHttpClient } from '../../lib/cloud/http-client.ts';
import { escapePath, escapeQuery, signatureOf } from '../../lib/cloud/sign.ts';
import { errorOf, PATIENT, read, SECRET_KEY, SECURITY_TOKEN, startBench, write, type Bench } from './client-bench.ts';
import type { Reply, SeenRequest } from './scripted-server.ts';

const open: Bench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.server.close()));
});

async function bench(...parameters: Parameters<typeof startBench>): Promise<Bench> {
  const started = await startBench(...parameters);
  open.push(started);
  return started;
}

/** Answers with the replies in turn, the last one for ever. */
function inTurn(...replies: readonly Reply[]) {
  return (_: SeenRequest, index: number): Reply => replies[Math.min(index, replies.length - 1)] ?? {};
}

const OK: Reply = { body: { fine: true } };
const THROTTLED: Reply = { status: 400, body: { error: { code: 'EndPoint.0022', message: 'Too many requests.' } } };
const BUSY: Reply = { status: 500, body: { error: { code: 'EndPoint.0001', message: 'System error.' } } };
const REFUSED: Reply = {
  status: 401,
  body: { error_code: 'APIGW.0301', error_msg: 'Incorrect IAM authentication information: verify aksk signature fail' },
};

/** Answers late, so that as many requests as are allowed are open at one time. */
async function slowly(): Promise<Reply> {
  for (let round = 0; round < 10; round += 1) await new Promise(setImmediate);
  return OK;
}

/** The worst server: its answer shows every header it got. */
function echo(request: SeenRequest): Reply {
  const all = Object.values(request.headers).join(' ');
  const headers = { 'x-request-id': request.headers['x-security-token']?.toString() ?? 'token' };
  const code = request.headers['x-auth-token']?.toString() ?? 'EndPoint.0002';
  return { status: 400, headers, body: { error: { code, message: `${request.headers.authorization} ${all}` } } };
}

describe('createHttpClient', () => {
  test('sends the request exactly as it signed it', async () => {
    const { run, http, server, ...rest } = await bench(() => OK);
    const query = { name: "a b+c/ü~*'()", id: ['b2', 'a10', 'a9'], empty: '' };
    const path = ['v1', 'a b%2F/ü', "it's"];
    await run(http.request({ ...write({ ...rest, run, http, server }), path, query, projectId: 'p1' }, PATIENT));
    const seen = server.requests[0];
    if (seen === undefined) throw new Error('nothing arrived');
    expect(seen.target).toBe(`${escapePath(path)}?${escapeQuery(query)}`);
    const names = /SignedHeaders=([^,]*)/.exec(seen.headers.authorization ?? '')?.[1]?.split(';') ?? [];
    expect(names).toEqual(['accept', 'content-type', 'host', 'x-project-id', 'x-sdk-date', 'x-security-token']);
    // The signature is computed again from nothing but what arrived.
    const headers = Object.fromEntries(names.map((name) => [name, String(seen.headers[name])]));
    const [arrivedPath = '', arrivedQuery = ''] = seen.target.split('?');
    expect(seen.headers.authorization).toBe(
      signatureOf(
        { method: seen.method, path: arrivedPath, query: arrivedQuery, headers, body: seen.body },
        { accessKey: 'canary-access-key-id', secretKey: SECRET_KEY },
      ),
    );
    expect(seen.body).toBe('{"action":"receive"}');
  });

  test('keeps the path of a proxy before the one of the API', async () => {
    const b = await bench(() => OK);
    await b.run(b.http.request(read(b, { baseUrl: new URL('/proxy/', b.server.url) }), PATIENT));
    expect(b.server.requests[0]?.target).toBe('/proxy/v1/things');
  });

  test('reads numbers without losing a digit', async () => {
    const b = await bench(() => ({ body: '{"marker_id":422321321312321321}', headers: { 'x-request-id': 'r-1' } }));
    const answer = await b.run(b.http.request(read(b), PATIENT));
    expect(answer).toMatchObject({
      attempts: 1,
      requestIds: ['r-1'],
      status: 200,
      body: { marker_id: { value: '422321321312321321' } },
    });
  });

  test.each(['', '.', '..'])('does not send an id `%s`, which a URL would lose', async (id) => {
    const b = await bench(() => OK);
    const error = await errorOf(b.http.request(read(b, { path: ['v1', id, 'connections'] }), PATIENT));
    expect(error).toMatchObject({ code: 'invalid-id', attempts: 0, effect: 'none', retryable: false });
    expect(b.server.requests).toEqual([]);
  });

  describe('repeating', () => {
    test.each([
      { name: '500', fault: BUSY },
      { name: '503 without a code', fault: { status: 503 } },
      { name: 'throttling', fault: THROTTLED },
      { name: 'a reset connection', fault: { fault: 'reset' } },
      { name: 'an answer cut in half', fault: { body: { a: 'long enough' }, fault: 'cut' } },
      { name: 'a page of HTML', fault: { body: '<html>' } },
    ] as const)('sends a read again after $name', async ({ fault }) => {
      const b = await bench(inTurn(fault, fault, OK));
      const answer = await b.run(b.http.request(read(b), PATIENT));
      expect(answer.attempts).toBe(3);
      expect(b.server.requests.length).toBe(3);
    });

    test.each([
      { name: 'throttling', fault: THROTTLED },
      { name: '429 without a body', fault: { status: 429, body: '' } },
      { name: '429 whose body breaks off', fault: { ...THROTTLED, status: 429, fault: 'cut' } },
    ] as const)('sends a change again after $name, which proves that nothing was done', async ({ fault }) => {
      const b = await bench(inTurn(fault, OK));
      expect((await b.run(b.http.request(write(b), PATIENT))).attempts).toBe(2);
    });

    test.each([
      { name: '500', fault: BUSY, code: 'EndPoint.0001' },
      { name: '502 with a page of HTML', fault: { status: 502, body: '<html>' }, code: 'http-502' },
      { name: '503 without a code', fault: { status: 503 }, code: 'http-503' },
      {
        name: '503 of the gateway',
        fault: { status: 503, body: { error_code: 'APIGW.0201', error_msg: 'm' } },
        code: 'APIGW.0201',
      },
      { name: 'a reset connection', fault: { fault: 'reset' }, code: 'network' },
      { name: 'a 200 cut in half', fault: { body: { a: 'long enough' }, fault: 'cut' }, code: 'network' },
      { name: 'a 200 that is no JSON', fault: { body: '{"connections":' }, code: 'unreadable' },
    ] as const)('never sends a change again after $name', async ({ fault, code }) => {
      const b = await bench(inTurn(fault, OK));
      const error = await errorOf(b.run(b.http.request(write(b), PATIENT)));
      expect(error).toMatchObject({ code, effect: 'unknown', retryable: true, attempts: 1 });
      expect(b.server.requests.length).toBe(1);
    });

    test('sends a change again when there was no connection', async () => {
      const b = await bench(() => OK);
      await b.server.close();
      const error = await errorOf(b.run(b.http.request(write(b), PATIENT)));
      expect(error).toMatchObject({ code: 'network', effect: 'none', retryable: true, attempts: 6 });
      expect(error.message).toMatch(/^POST \/v1\/things\/action: no connection: .*ECONNREFUSED/);
    });

    test('gives up after six failures', async () => {
      const b = await bench(() => ({ ...BUSY, headers: { 'x-request-id': 'r' } }));
      const error = await errorOf(b.run(b.http.request(read(b), PATIENT)));
      expect(error).toMatchObject({
        code: 'EndPoint.0001',
        httpStatus: 500,
        attempts: 6,
        effect: 'none',
        retryable: true,
      });
      expect(error.requestIds).toEqual(['r', 'r', 'r', 'r', 'r', 'r']);
      expect(error.message).toBe('GET /v1/things: 500 EndPoint.0001: System error');
    });

    test('bears more throttling than failures, and gives up in the end', async () => {
      const b = await bench(() => THROTTLED);
      expect(await errorOf(b.run(b.http.request(read(b), PATIENT)))).toMatchObject({
        code: 'EndPoint.0022',
        attempts: 12,
      });
    });

    test('waits longer with each failure, up to a bound', async () => {
      const times: number[] = [];
      const b = await bench(
        () => {
          times.push(b.clock.now());
          return BUSY;
        },
        { bounds: { maxFailures: 8 } },
      );
      await errorOf(b.run(b.http.request(read(b), PATIENT)));
      expect(times.map((time, index) => time - (times[index - 1] ?? time))).toEqual([
        0, 199, 399, 799, 1599, 3199, 6399, 9999,
      ]);
    });

    test.each([
      { name: 'Retry-After in seconds', headers: { 'retry-after': '30' }, message: '', wait: 30_000 },
      {
        name: 'Retry-After as a date',
        headers: { 'retry-after': 'Fri, 20 Nov 2026 12:00:40 GMT', date: 'Fri, 20 Nov 2026 12:00:00 GMT' },
        message: '',
        wait: 40_000,
      },
      {
        name: "the window in the gateway's message",
        headers: {},
        message: 'The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute',
        wait: 300_000,
      },
    ])('honours $name, also for the calls that come after', async ({ headers, message, wait }) => {
      const times: number[] = [];
      const b = await bench((_, index) => {
        times.push(b.clock.now());
        return index === 1 ? { status: 429, headers, body: { error_code: 'APIGW.0308', error_msg: message } } : OK;
      });
      await b.run(b.http.request(read(b), PATIENT));
      const calls = [b.http.request(read(b), PATIENT)];
      while (b.events.at(-1)?.type !== 'throttled') await new Promise(setImmediate);
      calls.push(b.http.request(read(b), PATIENT), b.http.request(read(b), PATIENT));
      await b.run(Promise.all(calls));
      const [, throttledAt = 0, ...later] = times;
      expect(later.length).toBe(3);
      for (const time of later) expect(time - throttledAt).toBeGreaterThanOrEqual(wait);
      expect(b.events.find((event) => event.type === 'throttled')).toMatchObject({ until: throttledAt + wait });
    });

    test('honours Retry-After of a 503 without slowing down the others', async () => {
      const times: number[] = [];
      const b = await bench((_, index) => {
        times.push(b.clock.now());
        return index === 0 ? { status: 503, headers: { 'retry-after': '20' } } : OK;
      });
      await b.run(b.http.request(read(b), PATIENT));
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(20_000);
      expect(b.events.some((event) => event.type === 'throttled')).toBe(false);
    });
  });

  describe('time', () => {
    test('gives up on a server that says nothing', async () => {
      const b = await bench(() => ({ fault: 'hang' }), { bounds: { requestTimeout: 10_000, maxFailures: 2 } });
      const call = errorOf(b.http.request(read(b), PATIENT));
      for (let sent = 1; sent <= 2; sent += 1) {
        while (b.server.requests.length < sent) {
          await new Promise(setImmediate);
          if (b.inFlight() === 0) b.clock.advance(200);
        }
        b.clock.advance(9_999);
        expect(b.inFlight()).toBe(1);
        b.clock.advance(1);
        while (b.inFlight() > 0) await new Promise(setImmediate);
      }
      expect(await call).toMatchObject({ code: 'timeout', attempts: 2, effect: 'none', retryable: true });
    });

    test('counts the body into the time, and knows that a change may have been done', async () => {
      const b = await bench(() => ({ body: { a: 'long enough to be cut' }, fault: 'stall' }));
      const call = errorOf(b.http.request(write(b), PATIENT));
      while (b.server.requests.length === 0) await new Promise(setImmediate);
      for (let round = 0; round < 20; round += 1) await new Promise(setImmediate);
      b.clock.advance(10_000);
      expect(await call).toMatchObject({ code: 'timeout', attempts: 1, effect: 'unknown', retryable: true });
    });

    test('ends at the deadline in the middle of an answer', async () => {
      const b = await bench(() => ({ fault: 'hang' }));
      const deadline = new AbortController();
      const calls = [read(b), write(b)].map((request) => errorOf(b.http.request(request, { signal: deadline.signal })));
      while (b.server.requests.length === 0) await new Promise(setImmediate);
      deadline.abort();
      const [reading, writing] = await Promise.all(calls);
      expect(reading).toMatchObject({ code: 'deadline', attempts: 1, effect: 'none', retryable: true });
      // Still in line behind the first request, so it was never sent.
      expect(writing).toMatchObject({ code: 'deadline', attempts: 0, effect: 'none' });
    });

    test('knows at the deadline that a change on its way may have been done', async () => {
      const b = await bench(() => ({ fault: 'hang' }));
      const deadline = new AbortController();
      const call = errorOf(b.http.request(write(b), { signal: deadline.signal }));
      while (b.server.requests.length === 0) await new Promise(setImmediate);
      deadline.abort();
      expect(await call).toMatchObject({ code: 'deadline', attempts: 1, effect: 'unknown', retryable: true });
    });

    test('stops waiting as soon as the signal aborts, and says after what', async () => {
      const b = await bench(() => ({ ...THROTTLED, headers: { 'retry-after': '60' } }));
      const deadline = new AbortController();
      const call = errorOf(b.http.request(write(b), { signal: deadline.signal }));
      while (b.events.at(-1)?.type !== 'throttled') await new Promise(setImmediate);
      deadline.abort();
      const error = await call;
      expect(error).toMatchObject({ code: 'deadline', attempts: 1, effect: 'none', retryable: true });
      expect(error.message).toBe(
        'POST /v1/things/action: no time left to send it again after 400 EndPoint.0022: Too many requests',
      );
    });

    test('sends nothing when there is no time from the start', async () => {
      const b = await bench(() => OK);
      expect(await errorOf(b.http.request(read(b), { signal: AbortSignal.abort() }))).toMatchObject({
        code: 'deadline',
        attempts: 0,
      });
      expect(b.server.requests).toEqual([]);
    });
  });

  describe('pace', () => {
    test.each([1, 3, 8])('keeps %i requests in flight over all calls, and no more', async (concurrency) => {
      const b = await bench(slowly, { concurrency });
      const calls = Array.from({ length: 40 }, () => b.http.request(read(b), PATIENT));
      await b.run(Promise.all(calls));
      expect(b.server.requests.length).toBe(40);
      expect(b.server.mostOpen()).toBe(concurrency);
    });

    test('keeps to the rate over all calls', async () => {
      const times: number[] = [];
      const b = await bench(
        () => {
          times.push(b.clock.now());
          return OK;
        },
        { requestsPerSecond: 20 },
      );
      await b.run(Promise.all(Array.from({ length: 45 }, () => b.http.request(read(b), PATIENT))));
      const windows = times.map((from) => times.filter((time) => time >= from && time < from + 1_000).length);
      expect(Math.max(...windows)).toBeLessThanOrEqual(22);
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThanOrEqual(2_200);
    });

    test('slows down for all when one call is throttled, and climbs back', async () => {
      const b = await bench((_, index) => (index === 20 ? THROTTLED : OK), { requestsPerSecond: 20 });
      await b.run(Promise.all(Array.from({ length: 60 }, () => b.http.request(read(b), PATIENT))));
      const throttled = b.events.filter((event) => event.type === 'throttled');
      expect(throttled.length).toBe(1);
      expect(throttled[0]?.requestsPerSecond).toBeLessThanOrEqual(11);
    });

    test('goes on with other hosts while one has asked for a pause', async () => {
      const b = await bench(() => ({ ...THROTTLED, headers: { 'retry-after': '600' } }));
      const other = await bench(() => OK);
      const impatient = new AbortController();
      const paused = errorOf(b.http.request(read(b), { signal: impatient.signal }));
      expect(await b.http.request(read(other), PATIENT)).toMatchObject({ attempts: 1 });
      impatient.abort();
      expect(await paused).toMatchObject({ code: 'deadline' });
    });
  });

  describe('credentials', () => {
    test('sends one request alone until the credentials are known to be good', async () => {
      let answerFirst: (() => void) | undefined;
      const first = new Promise<void>((resolve) => {
        answerFirst = resolve;
      });
      const b = await bench(async (_, index) => {
        if (index === 0) await first;
        return OK;
      });
      const calls = Array.from({ length: 5 }, () => b.http.request(read(b), PATIENT));
      while (b.server.requests.length === 0) await new Promise(setImmediate);
      for (let round = 0; round < 50; round += 1) await new Promise(setImmediate);
      expect(b.server.requests.length).toBe(1);
      answerFirst?.();
      await b.run(Promise.all(calls));
      expect(b.server.requests.length).toBe(5);
    });

    test('takes an answer from in front of the gateway for no proof', async () => {
      const b = await bench(inTurn({ status: 503 }, { ...THROTTLED, status: 429 }, { status: 502 }, REFUSED));
      const calls = Array.from({ length: 10 }, () => errorOf(b.http.request(read(b), PATIENT)));
      const errors = await b.run(Promise.all(calls));
      expect(b.server.requests.length).toBe(4);
      expect(errors.filter((error) => error.httpStatus === 401).length).toBe(1);
      expect(errors.filter((error) => error.code === 'credentials-refused').length).toBe(9);
    });

    test('sends nothing any more after a 401, however many calls are waiting', async () => {
      const b = await bench(() => REFUSED);
      const errors = await b.run(
        Promise.all(Array.from({ length: 30 }, () => errorOf(b.http.request(write(b), PATIENT)))),
      );
      expect(b.server.requests.length).toBe(1);
      const [first, ...others] = errors;
      expect(first).toMatchObject({
        code: 'APIGW.0301',
        httpStatus: 401,
        attempts: 1,
        effect: 'none',
        retryable: false,
      });
      expect(first?.message).toBe(
        'POST /v1/things/action: 401 APIGW.0301: Incorrect IAM authentication information: verify aksk signature fail; check `HUAWEICLOUD_SDK_AK`, `HUAWEICLOUD_SDK_SK`',
      );
      for (const error of others) {
        expect(error).toMatchObject({ code: 'credentials-refused', attempts: 0, effect: 'none', retryable: false });
        expect(error.message).toContain('`HUAWEICLOUD_SDK_SK`');
      }
      const later = await errorOf(b.http.request(read(b), PATIENT));
      expect(later.code).toBe('credentials-refused');
      expect(b.server.requests.length).toBe(1);
    });

    test('says of a given token that nobody renews it', async () => {
      const b = await bench(() => REFUSED, { authenticator: new IamToken('canary', ['HUAWEICLOUD_SDK_TOKEN']) });
      const errors = [await errorOf(b.http.request(read(b), PATIENT)), await errorOf(b.http.request(read(b), PATIENT))];
      expect(b.server.requests.length).toBe(1);
      for (const { message } of errors) {
        expect(message).toMatch(
          /`HUAWEICLOUD_SDK_TOKEN` \(a given token is not renewed, and lives 24 hours at most\)$/,
        );
      }
    });

    test('sends a request less often where it says so', async () => {
      const b = await bench(() => BUSY);
      const call = b.http.request({ ...read(b), maxFailures: 2 }, PATIENT);
      expect(await b.run(errorOf(call))).toMatchObject({ attempts: 2 });
    });

    test.each([
      {
        name: 'behind',
        date: 'Fri, 20 Nov 2026 12:20:00 GMT',
        text: "; this machine's clock is 20 minutes behind the cloud's",
      },
      {
        name: 'ahead',
        date: 'Fri, 20 Nov 2026 11:30:00 GMT',
        text: "; this machine's clock is 30 minutes ahead of the cloud's",
      },
      { name: 'right', date: 'Fri, 20 Nov 2026 12:14:00 GMT', text: '`HUAWEICLOUD_SDK_SK`' },
    ])('says with a 401 when our clock is $name', async ({ date, text }) => {
      const b = await bench(() => ({ ...REFUSED, headers: { date } }));
      const error = await errorOf(b.http.request(read(b), PATIENT));
      expect(error.message.endsWith(text)).toBe(true);
    });

    test('shows no secret when the server sends back what it was sent', async () => {
      const b = await bench(echo);
      const token = createHttpClient({
        authenticator: new IamToken('canary0token', ['HUAWEICLOUD_SDK_TOKEN']),
        clock: b.clock,
        random: () => 0,
        concurrency: 1,
        requestsPerSecond: null,
      });
      const errors = await b.run(
        Promise.all([errorOf(b.http.request(write(b), PATIENT)), errorOf(token.request(write(b), PATIENT))]),
      );
      const signature = /Signature=(\w+)/.exec(b.server.requests[0]?.headers.authorization ?? '')?.[1] ?? 'none';
      const outputs = [...errors, b.events, b.http, token].map(
        (value) => `${inspect(value, { depth: 20, showHidden: true })} ${JSON.stringify(value)}`,
      );
      for (const output of outputs) {
        for (const secret of ['canary', SECRET_KEY, SECURITY_TOKEN, signature]) expect(output).not.toContain(secret);
      }
    });
  });

  test('follows no redirect', async () => {
    const b = await bench((request) =>
      request.target === '/v1/things' ? { status: 307, headers: { location: '/elsewhere' } } : OK,
    );
    expect(await errorOf(b.http.request(read(b), PATIENT))).toMatchObject({ code: 'http-307', retryable: false });
    expect(b.server.requests.map(({ target }) => target)).toEqual(['/v1/things']);
  });

  test('stops reading an answer that is too large', async () => {
    const b = await bench(() => ({ body: { a: 'x'.repeat(2_000) } }), { bounds: { maxBytes: 1_000 } });
    expect(await errorOf(b.http.request(write(b), PATIENT))).toMatchObject({
      code: 'unreadable',
      effect: 'unknown',
      retryable: false,
      attempts: 1,
    });
  });

  test('tells an observer of every request and every answer', async () => {
    const b = await bench(inTurn(BUSY, OK));
    await b.run(b.http.request(read(b, { query: { secret: 'q' } }), PATIENT));
    const where = { method: 'GET', path: '/v1/things' };
    expect(b.events).toEqual([
      { type: 'sent', ...where, attempt: 1 },
      { type: 'answered', ...where, attempt: 1, status: 500, code: 'EndPoint.0001', milliseconds: 0 },
      { type: 'sent', ...where, attempt: 2 },
      { type: 'answered', ...where, attempt: 2, status: 200, code: null, milliseconds: 0 },
    ]);
  });

  test('carries every call through a server that throttles and fails at random', async () => {
    let seed = 1;
    const dice = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const b = await bench(() => (dice() < 0.3 ? (dice() < 0.5 ? THROTTLED : BUSY) : OK), {
      requestsPerSecond: 100,
      random: dice,
    });
    await b.run(Promise.all(Array.from({ length: 300 }, () => b.http.request(read(b), PATIENT))));
    expect(b.events.filter((event) => event.type === 'answered' && event.code === null).length).toBe(300);
  });

  test('adds no security token where the key has none', async () => {
    const b = await bench(() => OK, { authenticator: new AccessKey({ accessKey: 'ak', secretKey: 'sk' }, []) });
    await b.run(b.http.request(read(b), PATIENT));
    expect(b.server.requests[0]?.headers['x-security-token']).toBeUndefined();
  });
});
