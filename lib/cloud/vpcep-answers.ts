/** Reads VPCEP's answers. What is missing or of another type than documented becomes unknown; nothing here throws. */
import type { Connection, Endpoint, Service } from '../core/connection.ts';
import { UNKNOWN } from '../core/fact.ts';
import {
  readDescription,
  readDigits,
  readPage,
  readPermission,
  readRecord,
  readState,
  readTags,
  readText,
  UNKNOWN_ENDPOINT,
} from './answer-fields.ts';
import { isJsonObject, type JsonObject } from './parse-json.ts';
import type { ListPage } from './read-pages.ts';

/** Returns a page of connections, or `undefined` when the answer holds no list of them. */
export function readConnections(body: unknown): ListPage<Connection> | undefined {
  return readPage(body, { list: 'connections', count: 'total_count' }, readConnection);
}

/** Returns a page of services, or `undefined` when the answer holds no list of them. */
export function readServices(body: unknown): ListPage<Service> | undefined {
  return readPage(body, { list: 'endpoint_services', count: 'total_count' }, (item) => {
    const id = readText(item['id']);
    return id === undefined ? null : readService(item, id);
  });
}

/** Returns a page of whitelist entries, or `undefined` when the answer holds no list of them. */
export function readPermissions(body: unknown): ListPage<string> | undefined {
  return readPage(body, { list: 'permissions', count: 'total_count' }, readPermission);
}

/** Returns a connection, or `null` when it has no id. */
function readConnection(item: JsonObject): Connection | null {
  const endpointId = readText(item['id']);
  if (endpointId === undefined) return null;
  return {
    endpointId,
    state: readState(item['status']),
    domainId: readText(item['domain_id']) ?? UNKNOWN,
    markerId: readDigits(item['marker_id']),
    description: readDescription(item['description']),
    createdAt: readText(item['created_at']) ?? UNKNOWN,
    record: readRecord(item),
  };
}

/** Returns a service under the id it was asked for or listed by. */
export function readService(item: JsonObject, serviceId: string): Service {
  const approval = item['approval_enabled'];
  return {
    serviceId,
    name: readText(item['service_name']) ?? UNKNOWN,
    serverType: readText(item['server_type']) ?? UNKNOWN,
    tags: readTags(item['tags']),
    approvalEnabled: typeof approval === 'boolean' ? approval : UNKNOWN,
  };
}

/** Returns the endpoint in an answer; all facts are unknown when the answer is not about `endpointId`. */
export function readEndpoint(body: unknown, endpointId: string): Endpoint {
  // Fail closed: facts of another endpoint must never decide about this one.
  if (!isJsonObject(body) || body['id'] !== endpointId) return UNKNOWN_ENDPOINT;
  return {
    vpcId: readText(body['vpc_id']) ?? UNKNOWN,
    projectId: readText(body['project_id']) ?? UNKNOWN,
    tags: readTags(body['tags']),
  };
}
