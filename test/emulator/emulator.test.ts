import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startEmulator } from '../../lib/emulator/emulator.ts';
import { connection, KEY, PROJECT, scenarioOf, standingClock, startTestCloud, type TestCloud } from './local-client.ts';

const SERVICES = `/v1/${PROJECT}/vpc-endpoint-services`;
let cloud: TestCloud;
let lines: string[];

beforeEach(async () => {
  lines = [];
  const scenario = scenarioOf([
    { id: 'svc', service_name: 'svc', connections: [connection('c-1'), connection('c-2')] },
  ]);
  cloud = await startTestCloud(scenario, { onLog: (line) => lines.push(line) });
});
afterEach(() => cloud.close());

const accept = () =>
  cloud.call({
    method: 'POST',
    path: `${SERVICES}/svc/connections/action`,
    body: { action: 'receive', endpoints: ['c-1'] },
  });

describe('startEmulator', () => {
  test('listens on loopback alone', () => {
    expect(cloud.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test('refuses a scenario, and faults, that cannot be used', async () => {
    const scenario = { credentials: [], projects: [{ project_id: 'p' }] };
    // @ts-expect-error what a caller without types may pass
    await expect(startEmulator({ scenario })).rejects.toThrow('`/projects/0/region`');
    await expect(startEmulator({ faults: 'nonsense' })).rejects.toThrow('unknown kind `nonsense`');
  });

  test('rejects when the port is taken', async () => {
    const port = Number(new URL(cloud.url).port);
    await expect(startEmulator({ port })).rejects.toThrow('EADDRINUSE');
  });

  test('logs each request without secret or signature', async () => {
    const answer = await accept();
    expect(cloud.requests).toEqual([
      {
        id: answer.headers.get('x-request-id'),
        method: 'POST',
        path: `${SERVICES}/svc/connections/action`,
        query: '',
        accessKey: KEY.accessKey,
        bodyBytes: 40,
        fault: null,
        status: 200,
        startedMs: cloud.clock.now(),
        finishedMs: cloud.clock.now(),
        inFlight: 1,
      },
    ]);
    expect(lines).toEqual([
      'connection c-1 of svc: pendingAcceptance -> accepted',
      `POST ${SERVICES}/svc/connections/action 200 0 ms`,
    ]);
    expect(JSON.stringify([cloud.requests, lines])).not.toMatch(/Signature|test-secret/);
  });

  test('names the fault of a request in the log', async () => {
    cloud.setFaults('throttle');
    await cloud.call(`${SERVICES}?limit=5`);
    expect(cloud.requests[0]).toMatchObject({ fault: 'throttle', status: 429, query: 'limit=5' });
    expect(lines).toEqual([`GET ${SERVICES}?limit=5 429 0 ms fault throttle`]);
  });

  test('counts how many requests are under way at once', async () => {
    cloud.setFaults('slow=1s');
    const answers = [cloud.call(SERVICES), cloud.call(SERVICES), cloud.call(SERVICES)];
    await vi.waitFor(() => expect(cloud.clock.sleepers()).toBe(3));
    cloud.clock.advance(1_000);
    await Promise.all(answers);
    cloud.setFaults(null);
    await cloud.call(SERVICES);
    expect(cloud.maxInFlight()).toBe(3);
    expect(cloud.requests.at(-1)?.inFlight).toBe(1);
    expect(cloud.requests[0]).toMatchObject({ finishedMs: cloud.clock.now(), startedMs: cloud.clock.now() - 1_000 });
  });

  test('takes the scenario’s latency before it answers', async () => {
    const slow = await startTestCloud(scenarioOf([], { latency_ms: 50 }));
    const answer = slow.call(SERVICES);
    await vi.waitFor(() => expect(slow.clock.sleepers()).toBe(1));
    slow.clock.advance(50);
    expect((await answer).status).toBe(200);
    await slow.close();
  });

  test('gives each request an id of its own, the same in the same place under the same seed', async () => {
    const first = (await cloud.call(SERVICES)).headers.get('x-request-id');
    const second = (await cloud.call(SERVICES)).headers.get('x-request-id');
    const again = await startTestCloud(scenarioOf([]));
    expect((await again.call(SERVICES)).headers.get('x-request-id')).toBe(first);
    expect(second).not.toBe(first);
    await again.close();
  });

  test('refuses a body over 12 MB', async () => {
    const body = 'x'.repeat(12 * 1024 * 1024 + 1);
    const answer = await cloud.call({ method: 'POST', path: `${SERVICES}/svc/connections/action`, body });
    expect([answer.status, answer.code()]).toEqual([413, 'APIGW.0201']);
    expect(cloud.requests[0]?.bodyBytes).toBe(body.length);
  });

  test('frees its port when closed', async () => {
    const short = await startEmulator({ scenario: scenarioOf([]), clock: standingClock() });
    await short.close();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(Number(new URL(short.url).port), '127.0.0.1', resolve));
    expect(server.listening).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });

  test('pages through ten thousand connections over twenty services', async () => {
    const services = Array.from({ length: 20 }, (_, index) => ({
      id: `s-${index}`,
      service_name: `s-${index}`,
      generate: { connections: index === 0 ? 5_500 : 500, domains: 10 },
    }));
    const big = await startTestCloud(scenarioOf(services));
    const seen = new Set<string>();
    for (let offset = 0; offset < 5_500; offset += 1_000) {
      const path = `${SERVICES}/s-0/connections?status=pendingAcceptance&limit=1000&offset=${offset}`;
      const { connections } = (await big.call(path)).json() as { connections: { id: string }[] };
      for (const { id } of connections) {
        seen.add(id);
      }
    }
    expect(seen.size).toBe(5_500);
    expect(big.cloud.count({ status: 'pendingAcceptance' })).toBe(15_001);
    await big.close();
  });
});

describe('controlRoutes', () => {
  test('show connections and changes to anybody on this machine, faults or not', async () => {
    await accept();
    cloud.setFaults('throttle');
    const get = async (name: string) => (await fetch(`${cloud.url}/__emulator/${name}`)).json();
    expect(await get('changes')).toEqual({ changes: [expect.objectContaining({ endpointId: 'c-1', to: 'accepted' })] });
    expect(await get('connections')).toEqual({
      connections: [
        expect.objectContaining({ id: 'c-1', status: 'accepted', endpoint: null }),
        expect.objectContaining({ id: 'c-2', status: 'pendingAcceptance' }),
        expect.objectContaining({ id: 'other-1' }),
      ],
    });
  });
});
