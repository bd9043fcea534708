/**
 * Reads CSS's answers. What is missing or of another type than documented becomes unknown; what CSS does not have at all (marker ids,
 * descriptions, server types) is absent. Nothing here throws.
 */
import type { Connection, Service } from '../core/connection.ts';
import { UNKNOWN, type Unknown } from '../core/fact.ts';
import {
  readDescription,
  readDigits,
  readPage,
  readPermission,
  readRecord,
  readState,
  readTags,
  readText,
  whitelistOf,
} from './answer-fields.ts';
import type { Whitelist } from './endpoint-services.ts';
import type { JsonObject } from './parse-json.ts';
import type { ListPage } from './read-pages.ts';

/** Returns a page of connections, or `undefined` when the answer holds no list of them. */
export function readConnections(body: unknown): ListPage<Connection> | undefined {
  return readPage(body, { list: 'connections', count: 'total_count' }, readConnection);
}

/** Returns a page of clusters as services, or `undefined` when the answer holds no list of them. */
export function readClusters(body: unknown): ListPage<Service> | undefined {
  return readPage(body, { list: 'clusters', count: 'totalSize' }, (item) => {
    const id = readText(item['id']);
    return id === undefined ? null : readCluster(item, id);
  });
}

/** Returns a cluster as a service, under the id it was asked for or listed by. */
export function readCluster(item: JsonObject, clusterId: string): Service {
  return {
    serviceId: clusterId,
    name: readText(item['name']) ?? UNKNOWN,
    serverType: null,
    tags: readTags(item['tags']),
    // CSS has no switch, so there is nothing to read; whether its connections ever wait is not documented.
    approvalEnabled: UNKNOWN,
  };
}

/**
 * Returns the whitelist that comes with a list of connections; unknown where it is missing (eu-west-0 sends none) or unreadable.
 * The reverse of VPCEP: when nobody is listed, everybody may connect (OTC-CSS user guide, configuring VPC endpoints).
 */
export function readWhitelist(body: unknown): Whitelist | Unknown {
  const page = readPage(body, { list: 'permissions', count: '' }, readPermission);
  if (page === undefined) return UNKNOWN;
  const permissions = page.items.filter((item) => item !== null);
  // Fail closed: an entry that cannot be read may be the one that lets everybody in.
  if (permissions.length < page.items.length) return UNKNOWN;
  const whitelist = whitelistOf(permissions);
  return permissions.length === 0 ? { ...whitelist, isOpen: true } : whitelist;
}

/** Returns a connection, or `null` when it has no id. */
function readConnection(item: JsonObject): Connection | null {
  const endpointId = readText(item['id']);
  if (endpointId === undefined) return null;
  return {
    endpointId,
    state: readState(item['status']),
    domainId: readText(item['domain_id']) ?? UNKNOWN,
    // Not part of CSS's connections, hence absent; should they ever come, they are read.
    markerId: item['marker_id'] === undefined ? null : readDigits(item['marker_id']),
    description: item['description'] === undefined ? null : readDescription(item['description']),
    createdAt: readText(item['created_at']) ?? UNKNOWN,
    // `update_at` is the vendor's spelling, and null until there was an update.
    record: readRecord({ updated_at: item['update_at'], ...item }),
  };
}
