import { describe, expect, test } from 'vitest';
import { UNKNOWN } from '../../lib/core/fact.ts';
import { UNKNOWN_ENDPOINT } from '../../lib/cloud/answer-fields.ts';
import { parseJson, type JsonObject } from '../../lib/cloud/parse-json.ts';
import {
  readConnections,
  readEndpoint,
  readPermissions,
  readService,
  readServices,
} from '../../lib/cloud/vpcep-answers.ts';
import action from '../fixtures/cloud/vpcep-action.json' with { type: 'json' };
import connections from '../fixtures/cloud/vpcep-connections.json' with { type: 'json' };
import endpoint from '../fixtures/cloud/vpcep-endpoint.json' with { type: 'json' };
import modify from '../fixtures/cloud/vpcep-modify.json' with { type: 'json' };
import permissions from '../fixtures/cloud/vpcep-permissions.json' with { type: 'json' };
import detail from '../fixtures/cloud/vpcep-service.json' with { type: 'json' };
import services from '../fixtures/cloud/vpcep-services.json' with { type: 'json' };

function json(text: string): JsonObject {
  return { ...(parseJson(new TextEncoder().encode(text)) as object) };
}

function connectionOf(fields: string) {
  return readConnections(json(`{"connections":[{"id":"e1"${fields === '' ? '' : `,${fields}`}}],"total_count":1}`))
    ?.items[0];
}

describe('readConnections', () => {
  test("reads the vendor's example to the last digit", () => {
    expect(readConnections(json(action.body))).toEqual({
      total: undefined,
      items: [
        {
          endpointId: '4189d3c2-8882-4871-a3c2-d380272eed83',
          state: 'accepted',
          domainId: '6e9dfd51d1124e8d8498dce894923a0d',
          markerId: '422321321312321321',
          description: UNKNOWN,
          createdAt: '2022-04-14T09:35:47Z',
          record: {
            id: '4189d3c2-8882-4871-a3c2-d380272eed83',
            status: 'accepted',
            marker_id: '422321321312321321',
            domain_id: '6e9dfd51d1124e8d8498dce894923a0d',
            created_at: '2022-04-14T09:35:47Z',
            updated_at: '2022-04-14T09:36:47Z',
          },
        },
      ],
    });
  });

  test('holds everything unknown that is not there', () => {
    expect(connectionOf('')).toEqual({
      endpointId: 'e1',
      state: 'unknown',
      domainId: UNKNOWN,
      markerId: UNKNOWN,
      description: UNKNOWN,
      createdAt: UNKNOWN,
      record: { id: 'e1' },
    });
  });

  test.each([
    ['pendingAcceptance', 'pending'],
    ['creating', 'creating'],
    ['accepted', 'accepted'],
    ['rejected', 'rejected'],
    ['failed', 'failed'],
    ['deleting', 'deleting'],
    ['suspended', 'unknown'],
    ['PendingAcceptance', 'unknown'],
    ['', 'unknown'],
  ])('reads the status `%s` as %s and keeps it in the record', (status, state) => {
    expect(connectionOf(`"status":${JSON.stringify(status)}`)).toMatchObject({ state, record: { status } });
  });

  test.each([
    { name: 'a number for a text', fields: '"domain_id":5', fact: 'domainId', value: UNKNOWN },
    { name: 'null for a text', fields: '"domain_id":null', fact: 'domainId', value: UNKNOWN },
    { name: 'an empty text', fields: '"domain_id":""', fact: 'domainId', value: UNKNOWN },
    { name: 'half a surrogate pair', fields: '"domain_id":"\\ud800"', fact: 'domainId', value: UNKNOWN },
    { name: 'a text for a number', fields: '"marker_id":"16777510"', fact: 'markerId', value: UNKNOWN },
    { name: 'a negative number', fields: '"marker_id":-1', fact: 'markerId', value: UNKNOWN },
    { name: 'a fraction', fields: '"marker_id":1.5', fact: 'markerId', value: UNKNOWN },
    { name: 'an exponent', fields: '"marker_id":1e3', fact: 'markerId', value: UNKNOWN },
    { name: 'a small number', fields: '"marker_id":16777510', fact: 'markerId', value: '16777510' },
    { name: 'a number for a time', fields: '"created_at":1649928947', fact: 'createdAt', value: UNKNOWN },
    {
      name: 'a time in another form, as it is',
      fields: '"created_at":"yesterday"',
      fact: 'createdAt',
      value: 'yesterday',
    },
    { name: 'a description', fields: '"description":"for billing"', fact: 'description', value: 'for billing' },
    { name: 'an empty description, which is absent', fields: '"description":""', fact: 'description', value: null },
    { name: 'a null description, which is absent', fields: '"description":null', fact: 'description', value: null },
    { name: 'a description of another type', fields: '"description":{}', fact: 'description', value: UNKNOWN },
  ])('reads $name', ({ fields, fact, value }) => {
    expect(connectionOf(fields)).toHaveProperty(fact, value);
  });

  test('records errors, nothing but what is allowed, and only text that can be digested', () => {
    const fields =
      '"ip":"10.0.0.1","description":"a\\ud800","updated_at":7,"status":true,"error":[{"error_code":"E.1","error_message":"m","secret":1},5]';
    expect(connectionOf(fields)?.record).toEqual({
      id: 'e1',
      description: 'a\ufffd',
      updated_at: '7',
      error: [{ error_code: 'E.1', error_message: 'm' }],
    });
  });

  test.each(['{"id":""}', '{"id":7}', '{"id":null}', '{}', '5', 'null', '[]'])('cannot read the item %s', (item) => {
    expect(readConnections(json(`{"connections":[${item}],"total_count":1}`))).toEqual({ items: [null], total: 1 });
  });

  test.each(['{}', '{"connections":null}', '{"connections":{}}', '{"error":{"code":"x"}}'])(
    'finds no list in %s',
    (body) => {
      expect(readConnections(json(body))).toBeUndefined();
    },
  );

  test.each(['"3"', '-1', '1.0', '1e2', '99999999999999999999', 'null'])('finds no count in %s', (total) => {
    expect(readConnections(json(`{"connections":[],"total_count":${total}}`))?.total).toBeUndefined();
  });

  test('is not misled by keys that every object has', () => {
    const item = connectionOf('"__proto__":{"domain_id":"evil"},"constructor":"x"');
    expect(item?.domainId).toBe(UNKNOWN);
    expect(readConnections(json('{"__proto__":{"connections":[]}}'))).toBeUndefined();
  });
});

describe('readService', () => {
  test("reads the vendor's example, whose tags are missing", () => {
    expect(readService(json(modify.body), '4189d3c2-8882-4871-a3c2-d380272eed83')).toEqual({
      serviceId: '4189d3c2-8882-4871-a3c2-d380272eed83',
      name: 'test123',
      serverType: 'VM',
      tags: UNKNOWN,
      approvalEnabled: false,
    });
  });

  test.each(['"true"', '1', 'null'])('takes approval_enabled %s for unknown', (value) => {
    expect(readService(json(`{"approval_enabled":${value}}`), 's').approvalEnabled).toBe(UNKNOWN);
  });
});

describe('readServices', () => {
  test('reads a page', () => {
    const body =
      '{"endpoint_services":[{"id":"s1","service_name":"n","tags":[]},{"service_name":"no id"}],"total_count":2}';
    expect(readServices(json(body))).toMatchObject({ total: 2, items: [{ serviceId: 's1', name: 'n' }, null] });
  });
});

describe('readEndpoint', () => {
  test('reads what its owner sees', () => {
    const body = '{"id":"e1","vpc_id":"v","project_id":"p","tags":[{"key":"team","value":"a"}]}';
    expect(readEndpoint(json(body), 'e1')).toEqual({ vpcId: 'v', projectId: 'p', tags: new Map([['team', 'a']]) });
  });

  test.each(['{"id":"e2","vpc_id":"v"}', '{"vpc_id":"v"}', '[]', '5'])(
    'believes nothing of %s, which is not about it',
    (body) => {
      expect(readEndpoint(parseJson(new TextEncoder().encode(body)), 'e1')).toBe(UNKNOWN_ENDPOINT);
    },
  );
});

describe('the recorded answers', () => {
  test('hold connections', () => {
    expect(readConnections(json(connections.body))).toMatchObject({
      total: 2,
      items: [
        { endpointId: 'adb7b229-bb11-4072-bcc0-3327cd784263', state: 'accepted', markerId: '16777510' },
        { endpointId: 'fd69d29f-dc29-4a9b-80d8-b51d1e7e58ea', state: 'accepted', markerId: '16777513' },
      ],
    });
  });

  test('hold services, and one in detail', () => {
    const serviceId = '4189d3c2-8882-4871-a3c2-d380272eed83';
    const service = { serviceId, name: 'test123', serverType: 'VM', tags: UNKNOWN, approvalEnabled: false };
    expect(readServices(json(services.body))?.items[0]).toEqual(service);
    expect(readService(json(detail.body), serviceId)).toEqual(service);
  });

  test('hold a whitelist', () => {
    expect(readPermissions(json(permissions.body))).toEqual({ items: ['*'], total: 1 });
  });

  test('hold an endpoint', () => {
    expect(readEndpoint(json(endpoint.body), '530d6f2f-d115-4df2-8c36-32d19f3c0bbc')).toMatchObject({
      vpcId: 'd7b2bf07-1b4c-43fa-bd88-d80c6ebea140',
      tags: new Map([['test2', 'test2']]),
    });
  });
});
