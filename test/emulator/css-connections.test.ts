import { afterEach, describe, expect, test } from 'vitest';
import type { ScenarioCluster, ScenarioProject } from '../../lib/emulator/scenario.ts';
import {
  type Answer,
  connection,
  OTHER_DOMAIN,
  OWN_DOMAIN,
  PROJECT,
  scenarioOf,
  startTestCloud,
  type TestCloud,
} from './local-client.ts';

const open: TestCloud[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((cloud) => cloud.close()));
});

const CONNECTIONS = `/v1.0/${PROJECT}/clusters/c/vpcepservice/connections`;

const STATES = [
  connection('pend', { status: 'pendingAcceptance', age: '1h' }),
  connection('acc', { age: '2h' }),
  connection('rej', { status: 'rejected', age: '3h' }),
  connection('new', { status: 'creating', age: '4h' }),
  connection('ice', { frozen: true, age: '5h' }),
];

async function start(
  cluster: Partial<ScenarioCluster> = {},
  more: Partial<ScenarioProject> = {},
  delay = 0,
): Promise<TestCloud> {
  const base = scenarioOf([{ id: 'svc', service_name: 'svc', connections: [connection('elsewhere')] }]);
  const clusters = [{ id: 'c', name: 'search', connections: STATES, ...cluster }];
  const projects = base.projects.map((project) =>
    project.project_id === PROJECT ? { ...project, clusters, ...more } : project,
  );
  const cloud = await startTestCloud({ ...base, projects, accept_delay_ms: delay });
  open.push(cloud);
  return cloud;
}

const post = (cloud: TestCloud, body: unknown) => cloud.call({ method: 'POST', path: CONNECTIONS, body });
const ids = (answer: Answer) => (answer.json()['connections'] as { id: string }[]).map(({ id }) => id);
const refused = (answer: Answer) => [answer.status, answer.json()['errCode']];

describe('listConnections', () => {
  test('writes the answer as documented, with the whitelist in it', async () => {
    const cloud = await start({ permissions: [OTHER_DOMAIN, '*'], age: '1d' });
    const answer = await cloud.call(`${CONNECTIONS}?limit=1&offset=1`);
    expect(answer.json()).toEqual({
      connections: [
        {
          id: 'acc',
          status: 'accepted',
          maxSession: '3000',
          specificationName: 'default',
          vpcepIp: '192.168.0.122',
          created_at: '2026-11-21T10:00:00Z',
          update_at: null,
          domain_id: OTHER_DOMAIN,
        },
      ],
      vpcepUpdateSwitch: false,
      total_count: 5,
      vpcServiceName: expect.stringMatching(/^ap-southeast-1\.search\./),
      permissions: [
        expect.objectContaining({ permission: `iam:domain::${OTHER_DOMAIN}`, permission_type: 'domainId' }),
        expect.objectContaining({ permission: '*' }),
      ],
    });
  });

  test('says when there was an update', async () => {
    const cloud = await start();
    cloud.clock.advance(5_000);
    await post(cloud, { action: 'reject', endpoint_id_list: ['acc'] });
    const answer = await cloud.call(`${CONNECTIONS}?limit=1&offset=1`);
    expect(answer.json()['connections']).toMatchObject([{ status: 'rejected', update_at: '2026-11-21T12:00:05Z' }]);
  });

  test.each([
    { name: 'Huawei Cloud', more: {}, parameter: 'offset', first: 0 },
    { name: 'Open Telekom Cloud', more: { profile: 'otc' }, parameter: 'start', first: 1 },
    {
      name: 'a region of its own',
      more: { css: { page_parameter: 'offset', first_item: 1 } },
      parameter: 'offset',
      first: 1,
    },
  ] as const)('pages in the words of $name', async ({ more, parameter, first }) => {
    const cloud = await start({}, more);
    const page = async (begin: number) => ids(await cloud.call(`${CONNECTIONS}?limit=2&${parameter}=${begin}`));
    expect(await page(first)).toEqual(['pend', 'acc']);
    expect(await page(first + 1)).toEqual(['acc', 'rej']);
    expect(await page(first + 4)).toEqual(['ice']);
    expect(await page(first + 5)).toEqual([]);
    const other = parameter === 'offset' ? 'start' : 'offset';
    expect(ids(await cloud.call(`${CONNECTIONS}?limit=1&${other}=3`))).toEqual(['pend']);
    expect(refused(await cloud.call(`${CONNECTIONS}?${parameter}=${first === 0 ? -1 : 0}`))).toEqual([400, 'CSS.0001']);
  });

  test('gives ten unless asked for more', async () => {
    const cloud = await start({ connections: [], generate: { connections: 30 } });
    expect(ids(await cloud.call(CONNECTIONS))).toHaveLength(10);
    expect(ids(await cloud.call(`${CONNECTIONS}?limit=1000`))).toHaveLength(30);
  });

  test('is refused where the endpoint service is not enabled', async () => {
    const cloud = await start({ vpcep_enabled: false });
    expect(refused(await cloud.call(CONNECTIONS))).toEqual([400, 'CSS.5182']);
    expect(refused(await post(cloud, { action: 'reject', endpoint_id_list: ['acc'] }))).toEqual([400, 'CSS.5182']);
  });
});

describe('acceptOrReject', () => {
  test('changes several at once, and answers nothing', async () => {
    const cloud = await start();
    const answer = await post(cloud, { action: 'receive', endpoint_id_list: ['pend', 'rej', 'acc'] });
    expect([answer.status, answer.text]).toEqual([200, '']);
    expect(cloud.changes.map(({ endpointId, from, to }) => [endpointId, from, to])).toEqual([
      ['pend', 'pendingAcceptance', 'accepted'],
      ['rej', 'rejected', 'accepted'],
    ]);
    expect(cloud.changes[0]?.requestId).toBe(answer.headers.get('x-request-id'));
  });

  test('rejects what was accepted', async () => {
    const cloud = await start();
    expect((await post(cloud, { action: 'reject', endpoint_id_list: ['acc', 'rej'] })).status).toBe(200);
    expect(cloud.changes.map(({ endpointId, to }) => [endpointId, to])).toEqual([['acc', 'rejected']]);
  });

  test('takes the scenario’s time to accept', async () => {
    const cloud = await start({}, {}, 3_000);
    await post(cloud, { action: 'receive', endpoint_id_list: ['pend'] });
    expect(cloud.cloud.connection('pend')?.status).toBe('creating');
    cloud.clock.advance(3_000);
    expect(cloud.cloud.connection('pend')?.status).toBe('accepted');
  });

  test.each([
    { name: 'Huawei Cloud', more: {}, key: 'endpoint_id_list', other: 'endpointIdList' },
    { name: 'Open Telekom Cloud', more: { profile: 'otc' }, key: 'endpointIdList', other: 'endpoint_id_list' },
    {
      name: 'a region of its own',
      more: { profile: 'otc', css: { ids_key: 'endpoint_id_list' } },
      key: 'endpoint_id_list',
      other: 'endpointIdList',
    },
  ] as const)('takes the key of $name and names the other one', async ({ more, key, other }) => {
    const cloud = await start({}, more);
    const wrong = await post(cloud, { action: 'receive', [other]: ['pend'] });
    expect(refused(wrong)).toEqual([400, 'CSS.0001']);
    expect(wrong.json()['externalMessage']).toContain(other);
    expect(cloud.changes).toEqual([]);
    expect((await post(cloud, { action: 'receive', [key]: ['pend'] })).status).toBe(200);
  });

  test.each<[string, unknown, number, string]>([
    ['both keys', { action: 'receive', endpoint_id_list: ['pend'], endpointIdList: ['pend'] }, 400, 'CSS.0001'],
    ['no action', { endpoint_id_list: ['pend'] }, 400, 'CSS.0001'],
    ['an action it does not know', { action: 'accept', endpoint_id_list: ['pend'] }, 400, 'CSS.0001'],
    ['no list', { action: 'receive' }, 400, 'CSS.0001'],
    ['an empty list', { action: 'receive', endpoint_id_list: [] }, 400, 'CSS.0001'],
    ['a text in place of the list', { action: 'receive', endpoint_id_list: 'pend' }, 400, 'CSS.0001'],
    ['a number as id', { action: 'receive', endpoint_id_list: ['pend', 1] }, 400, 'CSS.0001'],
    ['an array', [], 400, 'CSS.0001'],
    ['text that is not JSON', '{', 400, 'CSS.0001'],
    ['no body', '', 400, 'CSS.0006'],
    ['an unknown id among others', { action: 'receive', endpoint_id_list: ['pend', 'nobody'] }, 404, 'CSS.0028'],
    ['an id of a service', { action: 'receive', endpoint_id_list: ['elsewhere'] }, 404, 'CSS.0028'],
    ['one that is being created', { action: 'receive', endpoint_id_list: ['pend', 'new'] }, 409, 'CSS.0029'],
    ['one that is frozen', { action: 'reject', endpoint_id_list: ['pend', 'ice'] }, 400, 'CSS.5301'],
  ])('refuses %s and changes nothing', async (_what, body, status, code) => {
    const cloud = await start();
    expect(refused(await post(cloud, body))).toEqual([status, code]);
    expect(cloud.changes).toEqual([]);
  });

  test('wants JSON to be called so', async () => {
    const cloud = await start();
    const body = { action: 'receive', endpoint_id_list: ['pend'] };
    const headers = { 'content-type': 'text/plain' };
    expect(refused(await cloud.call({ method: 'POST', path: CONNECTIONS, body, headers }))).toEqual([415, 'CSS.0004']);
  });

  test.each([
    { name: 'is busy', cluster: { busy: true }, status: 202, code: 'CSS.0011' },
    { name: 'is not available', cluster: { status: '303' }, status: 400, code: 'CSS.5090' },
  ] as const)('does nothing while the cluster $name', async ({ cluster, status, code }) => {
    const cloud = await start(cluster);
    expect(refused(await post(cloud, { action: 'receive', endpoint_id_list: ['pend'] }))).toEqual([status, code]);
    expect(cloud.changes).toEqual([]);
  });

  test('keeps VPCEP’s routes and CSS’s apart', async () => {
    const cloud = await start({ connections: [connection('own', { domain_id: OWN_DOMAIN })] });
    const path = `/v1/${PROJECT}/vpc-endpoint-services/c/connections`;
    expect((await cloud.call(path)).code()).toBe('EndPoint.2003');
    expect(refused(await cloud.call(CONNECTIONS.replace('/c/', '/svc/')))).toEqual([403, 'CSS.0015']);
  });
});

describe('effectsOf', () => {
  test.each([
    ['throttle', 429, { error_code: 'APIGW.0308' }],
    ['throttle-400', 400, { errCode: 'EndPoint.0022' }],
    ['error-500', 500, { errCode: 'CSS.9999' }],
    ['error-502', 502, { error_code: 'APIGW.0201' }],
    ['error-503', 503, { errCode: 'CSS.0005' }],
    ['busy', 202, { errCode: 'CSS.0011' }],
    ['conflict', 409, { errCode: 'CSS.0029' }],
    ['precondition', 412, { errCode: 'CSS.0040' }],
  ])('answers %s with %i in the words of CSS, and does nothing', async (faults, status, body) => {
    const cloud = await start();
    cloud.setFaults(faults);
    const answer = await post(cloud, { action: 'receive', endpoint_id_list: ['pend'] });
    expect(answer.status).toBe(status);
    expect(answer.json()).toMatchObject(body);
    expect(cloud.changes).toEqual([]);
  });

  test.each(['offset', 'start'] as const)('shifts pages that are asked for by %s', async (parameter) => {
    const cloud = await start({}, { css: { page_parameter: parameter, first_item: 0 } });
    const page = async () => ids(await cloud.call(`${CONNECTIONS}?limit=2&${parameter}=2`));
    cloud.setFaults('duplicate-item');
    expect(await page()).toEqual(['acc', 'rej']);
    cloud.setFaults('vanish-item');
    expect(await page()).toEqual(['new', 'ice']);
    expect((await cloud.call(`${CONNECTIONS}?limit=2&${parameter}=2`)).json()['total_count']).toBe(4);
  });

  test('leaves out fields and names states nobody knows', async () => {
    const cloud = await start({ tags: { env: 'prod' } });
    cloud.setFaults('missing-field');
    expect((await cloud.call(CONNECTIONS)).text).not.toContain('domain_id');
    expect((await cloud.call(`/v1.0/${PROJECT}/clusters`)).text).not.toContain('tags');
    cloud.setFaults('unknown-state=paused');
    expect((await cloud.call(`${CONNECTIONS}?limit=1`)).json()['connections']).toMatchObject([{ status: 'paused' }]);
    cloud.setFaults('vanish-item');
    const page = await cloud.call(`/v1.0/${PROJECT}/clusters?offset=1`);
    expect(page.json()['totalSize']).toBe(0);
  });
});
