import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, OTHER_PROJECT, PROJECT, scenarioOf, startTestCloud, type TestCloud } from './local-client.ts';

const CLUSTERS = `/v1.0/${PROJECT}/clusters`;
let cloud: TestCloud;

beforeEach(async () => {
  const clusters = Array.from({ length: 12 }, (_, index) => ({
    id: `c-${index + 1}`,
    name: `search-${index + 1}`,
    age: `${index + 1}d`,
    tags: { env: 'prod' },
    busy: index === 1,
  }));
  const base = scenarioOf([]);
  cloud = await startTestCloud({
    ...base,
    projects: base.projects.map((project) => ({
      ...project,
      clusters: project.project_id === PROJECT ? clusters : [],
    })),
  });
});
afterEach(() => cloud.close());

const ids = (answer: Answer) => (answer.json()['clusters'] as { id: string }[]).map(({ id }) => id);

describe('listClusters', () => {
  test('gives ten, newest first, with the count of all', async () => {
    const first = await cloud.call(CLUSTERS);
    expect(ids(first)).toEqual(Array.from({ length: 10 }, (_, index) => `c-${index + 1}`));
    expect(first.json()['totalSize']).toBe(12);
    expect(ids(await cloud.call(`${CLUSTERS}?offset=10`))).toEqual(['c-11', 'c-12']);
  });

  test('writes an item as documented: times without a zone, tags, what it is busy with', async () => {
    expect((await cloud.call(`${CLUSTERS}?limit=2`)).json()['clusters']).toEqual([
      expect.objectContaining({
        name: 'search-1',
        created: '2026-11-20T12:00:00',
        status: '200',
        actions: [],
        tags: [{ key: 'env', value: 'prod' }],
      }),
      expect.objectContaining({ actions: ['UPDATING'] }),
    ]);
  });

  test.each(['limit=0', 'limit=1001', 'limit=ten', 'offset=-1', 'offset=x'])('answers 400 to %s', async (query) => {
    const answer = await cloud.call(`${CLUSTERS}?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.json()).toEqual({ errCode: 'CSS.0001', externalMessage: expect.stringContaining('CSS.0001 : ') });
  });

  test('does not tell a project of another account from one that does not exist', async () => {
    for (const project of [OTHER_PROJECT, 'nothing']) {
      const answer = await cloud.call(`/v1.0/${project}/clusters`);
      expect([answer.status, answer.json()['errCode']]).toEqual([403, 'CSS.0015']);
    }
  });
});

describe('showCluster', () => {
  test('gives one', async () => {
    expect((await cloud.call(`${CLUSTERS}/c-3`)).json()).toMatchObject({ id: 'c-3', supportVpcep: true });
  });

  test('refuses one that the project does not have', async () => {
    const answer = await cloud.call(`${CLUSTERS}/nothing`);
    expect([answer.status, answer.json()['errCode']]).toEqual([403, 'CSS.0015']);
  });
});
