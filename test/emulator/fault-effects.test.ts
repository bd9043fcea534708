import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Answer,
  connection,
  OWN_DOMAIN,
  PROJECT,
  scenarioOf,
  startTestCloud,
  type TestCloud,
} from './local-client.ts';

const SERVICES = `/v1/${PROJECT}/vpc-endpoint-services`;
const CONNECTIONS = `${SERVICES}/svc/connections`;
let cloud: TestCloud;

beforeEach(async () => {
  const connections = Array.from({ length: 25 }, (_, index) => connection(`c-${index}`, { age: `${index + 1}m` }));
  const own = connection('own', { domain_id: OWN_DOMAIN, age: '1d', endpoint: { tags: { env: 'dev' } } });
  cloud = await startTestCloud(scenarioOf([{ id: 'svc', service_name: 'svc', connections: [...connections, own] }]));
});
afterEach(() => cloud.close());

const accept = () =>
  cloud.call({ method: 'POST', path: `${CONNECTIONS}/action`, body: { action: 'receive', endpoints: ['c-0'] } });
const state = () => cloud.cloud.connection('c-0')?.status;
const items = (answer: Answer) => answer.json()['connections'] as Record<string, unknown>[];
const ids = (answer: Answer) => items(answer).map(({ id }) => id);

describe('effectsOf', () => {
  test.each([
    [
      'throttle',
      429,
      {
        error_msg: expect.stringMatching(/^The throttling threshold .*,limit:200,time:1 second$/),
        error_code: 'APIGW.0308',
      },
    ],
    ['throttle=5m', 429, { error_msg: expect.stringMatching(/time:5 minute$/) }],
    ['throttle-retry-after=3s', 429, { error_code: 'APIGW.0308' }],
    ['throttle-400', 400, { error: { code: 'EndPoint.0022', message: expect.any(String) } }],
    ['error-500', 500, { error: { code: 'EndPoint.0001', message: expect.any(String) } }],
    ['error-502', 502, { error_code: 'APIGW.0201', request_id: expect.stringMatching(/^[0-9a-f]{32}$/) }],
    ['error-503', 503, { error_code: 'EndPoint.0001', error_msg: expect.any(String) }],
    ['busy', 400, { error: { code: 'EndPoint.2004', message: expect.any(String) } }],
    ['conflict', 409, { error: { code: 'EndPoint.2019', message: expect.any(String) } }],
    ['precondition', 412, { error: { code: 'EndPoint.3045', message: expect.any(String) } }],
  ])('answers %s with %i and does nothing', async (faults, status, body) => {
    cloud.setFaults(faults);
    const answer = await accept();
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject(body);
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(answer.headers.get('retry-after')).toBe(faults === 'throttle-retry-after=3s' ? '3' : null);
    expect(state()).toBe('pendingAcceptance');
  });

  test('answers html with a page', async () => {
    cloud.setFaults('html');
    const answer = await accept();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([502, 'text/html']);
    expect(answer.text).toMatch(/^<html>/);
  });

  test.each(['error-500=after', 'error-502=after', 'error-503=after', 'html=after'])(
    'answers %s when the work is done',
    async (faults) => {
      cloud.setFaults(faults);
      expect((await accept()).status).toBeGreaterThanOrEqual(500);
      expect(state()).toBe('accepted');
    },
  );

  test.each([
    { fault: 'reset-before', left: 'pendingAcceptance' },
    { fault: 'reset-after', left: 'accepted' },
  ])('breaks the connection with $fault and leaves it $left', async ({ fault, left }) => {
    cloud.setFaults(`${fault}:1`);
    await expect(accept()).rejects.toThrow(TypeError);
    expect(state()).toBe(left);
    expect(cloud.requests.at(-1)).toMatchObject({ fault, status: null, finishedMs: expect.any(Number) });
    expect((await cloud.call(CONNECTIONS)).status).toBe(200);
  });

  test('cuts the JSON of a truncated answer, the work done', async () => {
    cloud.setFaults('truncated');
    const answer = await accept();
    expect(answer.status).toBe(200);
    expect(() => answer.json()).toThrow(SyntaxError);
    expect(state()).toBe('accepted');
  });

  test.each([
    { faults: 'slow', ms: 5_000 },
    { faults: 'slow=800ms', ms: 800 },
  ])('holds the answer back for $ms ms with $faults, the work done', async ({ faults, ms }) => {
    cloud.setFaults(faults);
    const answer = accept();
    await vi.waitFor(() => expect(cloud.clock.sleepers()).toBe(1));
    expect(state()).toBe('accepted');
    cloud.clock.advance(ms - 1);
    expect(cloud.clock.sleepers()).toBe(1);
    cloud.clock.advance(1);
    expect((await answer).status).toBe(200);
  });

  test('never answers with hang, and does nothing', async () => {
    cloud.setFaults('hang');
    const aborter = new AbortController();
    const answer = fetch(`${cloud.url}${CONNECTIONS}`, { signal: aborter.signal });
    await vi.waitFor(() => expect(cloud.requests.at(-1)?.fault).toBe('hang'));
    aborter.abort();
    await expect(answer).rejects.toThrow('aborted');
    await vi.waitFor(() =>
      expect(cloud.requests.at(-1)).toMatchObject({ status: null, finishedMs: expect.any(Number) }),
    );
  });

  test('stops while a request hangs', async () => {
    cloud.setFaults('hang');
    const answer = fetch(`${cloud.url}${CONNECTIONS}`).catch((error: unknown) => error);
    await vi.waitFor(() => expect(cloud.requests.at(-1)?.fault).toBe('hang'));
    await cloud.close();
    expect(await answer).toBeInstanceOf(TypeError);
    cloud = await startTestCloud(scenarioOf([]));
  });

  test('shows the last item of a page again on the next with duplicate-item', async () => {
    cloud.setFaults('duplicate-item');
    const first = await cloud.call(CONNECTIONS);
    const second = await cloud.call(`${CONNECTIONS}?offset=10`);
    const third = await cloud.call(`${CONNECTIONS}?offset=20`);
    expect(ids(second)[0]).toBe(ids(first).at(-1));
    expect(new Set([first, second, third].flatMap(ids)).size).toBe(26);
    expect(third.json()['total_count']).toBe(26);
  });

  test('skips an item between pages with vanish-item, as when a row before it has gone', async () => {
    cloud.setFaults('vanish-item:1');
    const first = await cloud.call(CONNECTIONS);
    const second = await cloud.call(`${CONNECTIONS}?offset=10`);
    expect([first, second].map((page) => page.json()['total_count'])).toEqual([26, 25]);
    expect(ids(second)[0]).toBe('c-11');
  });

  test('leaves out a field of every item with missing-field', async () => {
    cloud.setFaults('missing-field');
    expect(items(await cloud.call(CONNECTIONS)).every((item) => !('domain_id' in item) && 'status' in item)).toBe(true);
    cloud.setFaults('missing-field=marker_id');
    expect(items(await accept()).map((item) => 'marker_id' in item)).toEqual([false]);
    cloud.setFaults('missing-field');
    const services = (await cloud.call(SERVICES)).json()['endpoint_services'];
    expect(services).toEqual([expect.not.objectContaining({ tags: expect.anything() })]);
    expect((await cloud.call(`/v1/${PROJECT}/vpc-endpoints/own`)).json()).not.toHaveProperty('tags');
    expect((await cloud.call(`${CONNECTIONS}?limit=x`)).code()).toBe('EndPoint.0006');
  });

  test('names a state nobody knows with unknown-state', async () => {
    cloud.setFaults('unknown-state:1');
    expect(items(await accept())[0]?.['status']).toBe('suspended');
    cloud.setFaults('unknown-state=moved');
    const answer = await cloud.call(`${CONNECTIONS}?id=c-1`);
    expect(items(answer)[0]?.['status']).toBe('moved');
    expect(answer.text).toMatch(/"marker_id":\d+/);
  });

  test('puts the gateway’s clock 20 minutes ahead with clock-skew', async () => {
    cloud.setFaults('clock-skew:1');
    expect((await cloud.call(CONNECTIONS)).code()).toBe('APIGW.0301');
    expect((await cloud.call(CONNECTIONS)).status).toBe(200);
    cloud.setFaults('clock-skew=10m');
    expect((await cloud.call(CONNECTIONS)).status).toBe(200);
  });

  test('takes functions as faults, which see what the request says', async () => {
    cloud.setFaults(({ method, body }) =>
      method === 'POST' && body.includes('c-0') ? { kind: 'throttle' } : undefined,
    );
    expect((await accept()).status).toBe(429);
    expect((await cloud.call(CONNECTIONS)).status).toBe(200);
    cloud.setFaults(null);
    expect((await accept()).status).toBe(200);
  });
});
