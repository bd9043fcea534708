import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Answer,
  connection,
  OTHER_DOMAIN,
  OTHER_KEY,
  OTHER_PROJECT,
  OWN_DOMAIN,
  PROJECT,
  scenarioOf,
  startTestCloud,
  type TestCloud,
} from './local-client.ts';

const CONNECTIONS = `/v1/${PROJECT}/vpc-endpoint-services/svc/connections`;
const BIG_MARKER = '422321321312321321';
let cloud: TestCloud;

const pending = Array.from({ length: 12 }, (_, index) => connection(`p-${index + 1}`, { age: `${index + 1}m` }));

beforeEach(async () => {
  cloud = await startTestCloud(
    scenarioOf([
      {
        id: 'svc',
        service_name: 'svc',
        connections: [
          ...pending,
          connection('twin-b', { age: '1h', status: 'creating' }),
          connection('twin-a', { age: '1h', status: 'deleting' }),
          connection('acc', { age: '2h', status: 'accepted' }),
          connection('rej', { age: '3h', status: 'rejected' }),
          connection('bad', { age: '4h', status: 'failed' }),
          connection('ice', { age: '5h', frozen: true }),
          connection('big', { age: '6h', status: 'accepted', marker_id: BIG_MARKER, description: 'mine' }),
        ],
      },
      {
        id: 'svc2',
        service_name: 'svc2',
        connections: [
          connection('own', { domain_id: OWN_DOMAIN, endpoint: { vpc_id: 'vpc-1', tags: { env: 'dev' } } }),
          connection('else', { endpoint: { project_id: OTHER_PROJECT } }),
        ],
      },
      { id: 'closed', service_name: 'closed', status: 'creating', connections: [connection('c-1')] },
    ]),
  );
});
afterEach(() => cloud.close());

const ids = (answer: Answer) => (answer.json()['connections'] as { id: string }[]).map(({ id }) => id);

function act(action: unknown, endpoints: unknown, service = 'svc'): Promise<Answer> {
  const path = `/v1/${PROJECT}/vpc-endpoint-services/${service}/connections/action`;
  return cloud.call({ method: 'POST', path, body: { action, endpoints } });
}

function listPending(offset: number): Promise<Answer> {
  return cloud.call(`${CONNECTIONS}?status=pendingAcceptance&limit=5&offset=${offset}`);
}

function put(body: unknown): Promise<Answer> {
  return cloud.call({ method: 'PUT', path: `${CONNECTIONS}/description`, body });
}

describe('listConnections', () => {
  test('gives ten, newest first, with the count of all', async () => {
    const answer = await cloud.call(CONNECTIONS);
    expect(answer.status).toBe(200);
    expect(ids(answer)).toEqual(pending.slice(0, 10).map(({ id }) => id));
    expect(answer.json()['total_count']).toBe(19);
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  test('gives every connection once over pages, same ages by id', async () => {
    const pages = await Promise.all(
      [0, 7, 14, 21].map((offset) => cloud.call(`${CONNECTIONS}?limit=7&offset=${offset}`)),
    );
    const seen = pages.flatMap(ids);
    expect(pages.map((page) => ids(page).length)).toEqual([7, 7, 5, 0]);
    expect(new Set(seen).size).toBe(19);
    expect(seen.slice(12, 14)).toEqual(['twin-a', 'twin-b']);
  });

  test('gives nothing but the count when the limit is 0', async () => {
    const answer = await cloud.call(`${CONNECTIONS}?limit=0`);
    expect(answer.json()).toEqual({ connections: [], total_count: 19 });
  });

  test('writes an item as documented, marker id exact', async () => {
    const answer = await cloud.call(`${CONNECTIONS}?id=big`);
    expect(answer.text).toContain(`"marker_id":${BIG_MARKER},`);
    expect(answer.json()).toEqual({
      connections: [
        {
          id: 'big',
          marker_id: Number(BIG_MARKER),
          created_at: '2026-11-21T06:00:00Z',
          updated_at: '2026-11-21T06:00:00Z',
          domain_id: OTHER_DOMAIN,
          status: 'accepted',
          description: 'mine',
        },
      ],
      total_count: 1,
    });
  });

  test('names the error of a failed connection', async () => {
    const answer = await cloud.call(`${CONNECTIONS}?status=failed`);
    expect(answer.json()['connections']).toEqual([
      expect.objectContaining({
        id: 'bad',
        error: [{ error_code: expect.any(String), error_message: expect.any(String) }],
      }),
    ]);
  });

  test.each([
    { query: 'status=accepted', found: ['acc', 'big'] },
    { query: 'status=rejected', found: ['rej'] },
    { query: `marker_id=${BIG_MARKER}`, found: ['big'] },
    { query: 'id=rej&status=accepted', found: [] },
    { query: 'id=own', found: [] },
    { query: 'status=accepted&sort_dir=asc', found: ['big', 'acc'] },
    { query: 'status=accepted&sort_key=update_at&sort_dir=desc', found: ['acc', 'big'] },
  ])('finds $found by $query', async ({ query, found }) => {
    expect(ids(await cloud.call(`${CONNECTIONS}?${query}`))).toEqual(found);
  });

  test('sorts by the time of update', async () => {
    cloud.clock.advance(1_000);
    await act('reject', ['p-12']);
    cloud.clock.advance(1_000);
    await act('receive', ['rej']);
    expect(ids(await cloud.call(`${CONNECTIONS}?sort_key=update_at&limit=2`))).toEqual(['rej', 'p-12']);
  });

  test.each([
    ['limit=1001', 'EndPoint.0006'],
    ['limit=-1', 'EndPoint.0006'],
    ['limit=ten', 'EndPoint.0006'],
    ['limit=', 'EndPoint.0006'],
    ['offset=-1', 'EndPoint.0010'],
    ['offset=1.5', 'EndPoint.0010'],
    ['sort_key=created_at', 'EndPoint.0017'],
    ['sort_dir=down', 'EndPoint.0018'],
    ['status=creating', 'EndPoint.0019'],
    ['status=pending', 'EndPoint.0019'],
    ['marker_id=abc', 'EndPoint.0021'],
  ])('answers 400 to %s with %s', async (query, code) => {
    const answer = await cloud.call(`${CONNECTIONS}?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ error: { message: expect.any(String), code } });
  });

  test('shrinks the pending list with each action, so that paging by offset skips rows', async () => {
    const first = await listPending(0);
    for (const id of ids(first)) {
      await act('receive', [id]);
    }
    const second = await listPending(5);
    expect(first.json()['total_count']).toBe(13);
    expect(second.json()['total_count']).toBe(8);
    expect(ids(second)).toEqual(['p-11', 'p-12', 'ice']);
  });

  test('refuses a service of another project', async () => {
    const answer = await cloud.call(`/v1/${PROJECT}/vpc-endpoint-services/other-service/connections`);
    expect([answer.status, answer.code()]).toEqual([400, 'EndPoint.2003']);
  });

  test('speaks the OTC dialect for an OTC project', async () => {
    const path = `/v1/${OTHER_PROJECT}/vpc-endpoint-services/other-service/connections`;
    const good = await cloud.call({ path: `${path}?sort_key=created_at`, key: OTHER_KEY });
    expect(ids(good)).toEqual(['other-1']);
    expect(good.text).not.toContain('description');
    const bad = await cloud.call({ path: `${path}?sort_key=create_at`, key: OTHER_KEY });
    expect(bad.code()).toBe('EndPoint.0017');
    const body = { connections: [{ id: 'other-1', description: 'x' }] };
    const missing = await cloud.call({ method: 'PUT', path: `${path}/description`, key: OTHER_KEY, body });
    expect([missing.status, missing.code()]).toEqual([404, 'APIG.0101']);
  });
});

describe('acceptOrReject', () => {
  test.each([
    ['p-1', 'receive', 'accepted'],
    ['p-1', 'reject', 'rejected'],
    ['acc', 'reject', 'rejected'],
    ['rej', 'receive', 'accepted'],
  ])('of %s with %s ends in %s', async (id, action, to) => {
    const from = cloud.cloud.connection(id)?.status;
    const answer = await act(action, [id]);
    expect(answer.status).toBe(200);
    expect(answer.json()['connections']).toEqual([expect.objectContaining({ id, status: to })]);
    const requestId = answer.headers.get('x-request-id');
    const at = '2026-11-21T12:00:00Z';
    expect(cloud.changes).toEqual([
      { at, serviceId: 'svc', endpointId: id, from, to, requestId, accessKey: 'TESTKEY1' },
    ]);
  });

  test.each([
    ['acc', 'receive', 'EndPoint.2014'],
    ['rej', 'reject', 'EndPoint.2027'],
    ['twin-b', 'receive', 'EndPoint.2019'],
    ['twin-b', 'reject', 'EndPoint.2019'],
    ['twin-a', 'receive', 'EndPoint.2018'],
    ['twin-a', 'reject', 'EndPoint.2018'],
    ['bad', 'receive', 'EndPoint.2047'],
    ['bad', 'reject', 'EndPoint.2047'],
    ['ice', 'receive', 'EndPoint.2015'],
    ['ice', 'reject', 'EndPoint.2015'],
    ['own', 'receive', 'EndPoint.2013'],
  ])('of %s with %s is refused with %s and changes nothing', async (id, action, code) => {
    const before = cloud.cloud.connection(id)?.status;
    const answer = await act(action, [id]);
    expect([answer.status, answer.code()]).toEqual([400, code]);
    expect(cloud.cloud.connection(id)?.status).toBe(before);
    expect(cloud.changes).toEqual([]);
  });

  test('answers 404 for an endpoint that does not exist', async () => {
    const answer = await act('receive', ['nobody']);
    expect([answer.status, answer.code()]).toEqual([404, 'EndPoint.2006']);
  });

  test.each<[string, unknown, string]>([
    ['an action it does not know', { action: 'accept', endpoints: ['p-1'] }, 'EndPoint.0007'],
    ['no action', { endpoints: ['p-1'] }, 'EndPoint.0007'],
    ['two endpoints', { action: 'receive', endpoints: ['p-1', 'p-2'] }, 'EndPoint.2031'],
    ['no endpoint', { action: 'receive', endpoints: [] }, 'EndPoint.2031'],
    ['no list', { action: 'receive' }, 'EndPoint.0002'],
    ['a text in place of the list', { action: 'receive', endpoints: 'p-1' }, 'EndPoint.0002'],
    ['a number as id', { action: 'receive', endpoints: [1] }, 'EndPoint.0002'],
    ['a key too many', { action: 'receive', endpoints: ['p-1'], force: true }, 'EndPoint.0002'],
    ['an array', [], 'EndPoint.0002'],
    ['text that is not JSON', '{', 'EndPoint.0002'],
    ['no body', '', 'EndPoint.0002'],
  ])('answers 400 to %s', async (_what, body, code) => {
    const answer = await cloud.call({ method: 'POST', path: `${CONNECTIONS}/action`, body });
    expect([answer.status, answer.code()]).toEqual([400, code]);
    expect(cloud.changes).toEqual([]);
  });

  test('is refused while the service is not available', async () => {
    expect((await act('receive', ['c-1'], 'closed')).code()).toBe('EndPoint.2004');
  });

  test('takes the scenario’s time to accept, and no time to reject', async () => {
    const slow = await startTestCloud(
      scenarioOf([{ id: 'svc', service_name: 'svc', connections: pending }], { accept_delay_ms: 3_000 }),
    );
    const post = (action: string, id: string) =>
      slow.call({ method: 'POST', path: `${CONNECTIONS}/action`, body: { action, endpoints: [id] } });
    const accepted = await post('receive', 'p-1');
    expect(accepted.text).toContain('"status":"creating"');
    expect((await post('reject', 'p-2')).text).toContain('"status":"rejected"');
    expect((await post('reject', 'p-1')).code()).toBe('EndPoint.2019');
    slow.clock.advance(2_999);
    expect(slow.cloud.connection('p-1')?.status).toBe('creating');
    slow.clock.advance(1);
    expect(ids(await slow.call(`${CONNECTIONS}?status=accepted`))).toEqual(['p-1']);
    expect(slow.changes.map(({ endpointId, to }) => [endpointId, to])).toEqual([
      ['p-1', 'creating'],
      ['p-2', 'rejected'],
      ['p-1', 'accepted'],
    ]);
    expect(slow.changes.at(-1)?.requestId).toBe(accepted.headers.get('x-request-id'));
    await slow.close();
  });
});

describe('describeConnections', () => {
  test('writes descriptions and gives the connections back', async () => {
    cloud.clock.advance(5_000);
    const connections = [
      { id: 'p-1', description: 'held: freeze' },
      { id: 'rej', description: '' },
    ];
    const answer = await put({ connections });
    expect(answer.status).toBe(200);
    expect(answer.json()['connections']).toEqual(connections.map((item) => expect.objectContaining(item)));
    expect(cloud.cloud.connection('p-1')).toMatchObject({
      description: 'held: freeze',
      updatedAt: '2026-11-21T12:00:05Z',
    });
  });

  test.each<[string, unknown, string]>([
    ['a description of 513 characters', [{ id: 'p-1', description: 'x'.repeat(513) }], 'EndPoint.0002'],
    ['a description with a bracket', [{ id: 'p-1', description: 'a > b' }], 'EndPoint.0002'],
    ['no description', [{ id: 'p-1' }], 'EndPoint.0002'],
    ['an unknown key', [{ id: 'p-1', description: '', tags: [] }], 'EndPoint.0002'],
    ['an empty list', [], 'EndPoint.0002'],
    [
      'an unknown endpoint',
      [
        { id: 'p-1', description: 'new' },
        { id: 'nobody', description: '' },
      ],
      'EndPoint.2006',
    ],
    ['an endpoint of another service', [{ id: 'own', description: '' }], 'EndPoint.2013'],
  ])('refuses %s and changes nothing', async (_what, connections, code) => {
    expect((await put({ connections })).code()).toBe(code);
    expect(cloud.cloud.connection('p-1')?.description).toBe('');
  });
});

describe('showEndpoint', () => {
  test('shows an endpoint of the caller’s project with its tags', async () => {
    const answer = await cloud.call(`/v1/${PROJECT}/vpc-endpoints/own`);
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({
      id: 'own',
      vpc_id: 'vpc-1',
      project_id: PROJECT,
      endpoint_service_id: 'svc2',
      status: 'pendingAcceptance',
      tags: [{ key: 'env', value: 'dev' }],
    });
  });

  test.each(['p-1', 'else', 'nobody'])('answers 404 for %s', async (id) => {
    const answer = await cloud.call(`/v1/${PROJECT}/vpc-endpoints/${id}`);
    expect([answer.status, answer.code()]).toEqual([404, 'EndPoint.2006']);
  });

  test('shows an endpoint to its owner in the owner’s project', async () => {
    const answer = await cloud.call({ path: `/v1/${OTHER_PROJECT}/vpc-endpoints/else`, key: OTHER_KEY });
    expect(answer.json()['tags']).toEqual([]);
  });
});
