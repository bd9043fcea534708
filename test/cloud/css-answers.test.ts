import { describe, expect, test } from 'vitest';
import { readCluster, readClusters, readConnections, readWhitelist } from '../../lib/cloud/css-answers.ts';
import { type JsonObject, parseJson } from '../../lib/cloud/parse-json.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import detail from '../fixtures/cloud/css-cluster.json' with { type: 'json' };
import clusters from '../fixtures/cloud/css-clusters.json' with { type: 'json' };
import connections from '../fixtures/cloud/css-connections.json' with { type: 'json' };

function json(text: string): JsonObject {
  return { ...(parseJson(new TextEncoder().encode(text)) as object) };
}

function connectionOf(fields: string) {
  return readConnections(json(`{"connections":[{"id":"e1"${fields}}],"total_count":1}`))?.items[0];
}

describe('readConnections', () => {
  test("reads the vendor's example", () => {
    const domainId = 'db9b76a0d9ae431f8e85e89da2ca867c';
    const read = readConnections(json(connections.body));
    expect(read?.total).toBe(2);
    expect(read?.items[0]).toEqual({
      endpointId: '54b7f739-31a1-40d0-862b-ac85b83ab2da',
      state: 'accepted',
      domainId,
      markerId: null,
      description: null,
      createdAt: '2024-06-11T09:36:24Z',
      record: {
        id: '54b7f739-31a1-40d0-862b-ac85b83ab2da',
        status: 'accepted',
        created_at: '2024-06-11T09:36:24Z',
        domain_id: domainId,
      },
    });
  });

  test('holds everything unknown that is not there, and absent what CSS does not have', () => {
    expect(connectionOf('')).toEqual({
      endpointId: 'e1',
      state: 'unknown',
      domainId: UNKNOWN,
      markerId: null,
      description: null,
      createdAt: UNKNOWN,
      record: { id: 'e1' },
    });
  });

  test.each([
    ['accepted', 'accepted'],
    ['rejected', 'rejected'],
    ['pendingAcceptance', 'pending'],
    ['creating', 'creating'],
    ['failed', 'failed'],
    ['deleting', 'deleting'],
    ['frozen', 'unknown'],
  ])('reads the status `%s`, documented or not, as %s', (status, state) => {
    expect(connectionOf(`,"status":"${status}"`)).toMatchObject({ state, record: { status } });
  });

  test.each([
    {
      name: 'a marker id, should there be one',
      fields: ',"marker_id":422321321312321321',
      fact: 'markerId',
      value: '422321321312321321',
    },
    { name: 'a marker id that is none', fields: ',"marker_id":"x"', fact: 'markerId', value: UNKNOWN },
    {
      name: 'a description, should there be one',
      fields: ',"description":"for search"',
      fact: 'description',
      value: 'for search',
    },
    {
      name: 'a time without a zone, as it is',
      fields: ',"created_at":"2023-10-09T02:07:13"',
      fact: 'createdAt',
      value: '2023-10-09T02:07:13',
    },
  ])('reads $name', ({ fields, fact, value }) => {
    expect(connectionOf(fields)).toHaveProperty(fact, value);
  });

  test.each([
    { fields: ',"update_at":null', record: { id: 'e1', updated_at: null } },
    { fields: ',"update_at":"2024-01-01T00:00:00Z"', record: { id: 'e1', updated_at: '2024-01-01T00:00:00Z' } },
    {
      fields: ',"update_at":null,"updated_at":"2025-01-01T00:00:00Z"',
      record: { id: 'e1', updated_at: '2025-01-01T00:00:00Z' },
    },
  ])('records the time of update, however it is spelled: $fields', ({ fields, record }) => {
    expect(connectionOf(fields)?.record).toEqual(record);
  });

  test.each(['{}', '{"connections":null}', '{"errCode":"CSS.0015"}'])('finds no list in %s', (body) => {
    expect(readConnections(json(body))).toBeUndefined();
  });
});

describe('readClusters', () => {
  test("reads the vendor's example", () => {
    expect(readClusters(json(clusters.body))).toEqual({
      total: 1,
      items: [
        { serviceId: '{CLUSTER_ID}', name: 'css-8bc5', serverType: null, tags: new Map(), approvalEnabled: UNKNOWN },
      ],
    });
  });

  test('cannot read a cluster without an id', () => {
    expect(readClusters(json('{"clusters":[{"name":"n"}],"totalSize":1}'))).toEqual({ items: [null], total: 1 });
  });
});

describe('readCluster', () => {
  test("reads the vendor's example", () => {
    expect(readCluster(json(detail.body), 'c')).toMatchObject({ serviceId: 'c', name: 'css-8bc5', tags: new Map() });
  });

  test('knows nothing of tags that are not there', () => {
    expect(readCluster({}, 'c')).toMatchObject({ name: UNKNOWN, tags: UNKNOWN });
  });
});

describe('readWhitelist', () => {
  test.each([
    {
      name: "the vendor's example",
      body: connections.body,
      whitelist: { isOpen: false, domainIds: ['db9b76a0d9ae431f8e85e89da2ca867c'], others: [] },
    },
    {
      name: 'an empty list, which lets everybody in',
      body: '{"permissions":[]}',
      whitelist: { isOpen: true, domainIds: [], others: [] },
    },
    {
      name: 'everybody',
      body: '{"permissions":[{"permission":"*"}]}',
      whitelist: { isOpen: true, domainIds: [], others: [] },
    },
    { name: 'no list', body: '{"connections":[]}', whitelist: UNKNOWN },
    { name: 'an entry that cannot be read', body: '{"permissions":[{"permission":7}]}', whitelist: UNKNOWN },
  ])('reads $name', ({ body, whitelist }) => {
    expect(readWhitelist(json(body))).toEqual(whitelist);
  });
});
