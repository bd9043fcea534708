/**
 * Reads VPCEP's answers. Every field is optional in the vendor's models, so whatever is missing or of another type than documented
 * becomes unknown; nothing here throws.
 */
import { LosslessNumber } from 'lossless-json';
import type { Connection, ConnectionRecord, ConnectionState, Endpoint, Service } from '../core/connection.ts';
import { UNKNOWN, type Fact, type Tags, type Unknown } from '../core/fact.ts';
import { isJsonObject, readCount, type JsonObject } from './parse-json.ts';

/** One page of a list. */
export interface Page<Item> {
  /** Items in the cloud's order; `null` for one that could not be read, for want of an id. */
  readonly items: readonly (Item | null)[];
  /** How many items match, over all pages; `undefined` when the answer does not say. */
  readonly total: number | undefined;
}

/** The vendor's word for each state we know. What is not here is `unknown`. */
const STATES: ReadonlyMap<string, ConnectionState> = new Map<string, ConnectionState>([
  ['pendingAcceptance', 'pending'],
  ['creating', 'creating'],
  ['accepted', 'accepted'],
  ['rejected', 'rejected'],
  ['failed', 'failed'],
  ['deleting', 'deleting'],
]);

/** Returns a page of connections, or `undefined` when the answer holds no list of them. */
export function readConnections(body: unknown): Page<Connection> | undefined {
  return readPage(body, 'connections', readConnection);
}

/** Returns a page of services, or `undefined` when the answer holds no list of them. */
export function readServices(body: unknown): Page<Service> | undefined {
  return readPage(body, 'endpoint_services', (item) => {
    const id = readText(item['id']);
    return id === undefined ? null : readService(item, id);
  });
}

function readPage<Item>(body: unknown, name: string, read: (item: JsonObject) => Item | null): Page<Item> | undefined {
  if (!isJsonObject(body) || !Array.isArray(body[name])) return undefined;
  const list: readonly unknown[] = body[name];
  return { items: list.map((item) => (isJsonObject(item) ? read(item) : null)), total: readCount(body['total_count']) };
}

/** Returns a connection, or `null` when it has no id. */
function readConnection(item: JsonObject): Connection | null {
  const endpointId = readText(item['id']);
  if (endpointId === undefined) return null;
  return {
    endpointId,
    state: STATES.get(readText(item['status']) ?? '') ?? 'unknown',
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

/** An endpoint that we may not read, or that is not there. */
export const UNKNOWN_ENDPOINT: Endpoint = Object.freeze({ vpcId: UNKNOWN, projectId: UNKNOWN, tags: UNKNOWN });

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

/**
 * Returns tags by key. A list that is missing or holds anything but tags with keys is unknown as a whole; a key without a value, or
 * with two values, is unknown by itself.
 */
export function readTags(value: unknown): Tags {
  if (!Array.isArray(value)) return UNKNOWN;
  const list: readonly unknown[] = value;
  const tags = new Map<string, string | Unknown>();
  for (const item of list) {
    const key = isJsonObject(item) ? readText(item['key']) : undefined;
    if (!isJsonObject(item) || key === undefined) return UNKNOWN;
    const tagValue = readAnyText(item['value']) ?? UNKNOWN;
    // Fail closed: of two values for one key, neither can be believed.
    tags.set(key, tags.has(key) && tags.get(key) !== tagValue ? UNKNOWN : tagValue);
  }
  return tags;
}

/** The integers as they are written; the vendor's own example is beyond 2^53. */
function readDigits(value: unknown): Fact<string> {
  return value instanceof LosslessNumber && /^\d+$/.test(value.value) ? value.value : UNKNOWN;
}

/** Older APIs lack the field, which leaves it unknown; empty means that the consumer wrote none. */
function readDescription(value: unknown): Fact<string> {
  return value === null || value === '' ? null : (readText(value) ?? UNKNOWN);
}

/** A text that is not empty. */
function readText(value: unknown): string | undefined {
  return value === '' ? undefined : readAnyText(value);
}

/** A text. One with half a surrogate pair has no UTF-8 form: it could not be compared reliably, nor digested for the trail. */
function readAnyText(value: unknown): string | undefined {
  return typeof value === 'string' && value.isWellFormed() ? value : undefined;
}

const RECORDED = ['id', 'marker_id', 'created_at', 'updated_at', 'domain_id', 'status', 'description'] as const;

/** The fields for the audit record. Numbers as they are written; half surrogate pairs replaced; other types left out. */
function readRecord(item: JsonObject): ConnectionRecord {
  const record: { -readonly [Key in keyof ConnectionRecord]: ConnectionRecord[Key] } = {};
  for (const name of RECORDED) {
    const value = readRecordText(item[name]);
    if (value !== undefined) record[name] = value;
  }
  const { error } = item;
  if (Array.isArray(error)) {
    const list: readonly unknown[] = error;
    record.error = list.filter(isJsonObject).map((entry) => {
      const code = readRecordText(entry['error_code']);
      const message = readRecordText(entry['error_message']);
      return {
        ...(typeof code === 'string' ? { error_code: code } : {}),
        ...(typeof message === 'string' ? { error_message: message } : {}),
      };
    });
  }
  return record;
}

function readRecordText(value: unknown): string | null | undefined {
  if (value === null) return null;
  if (value instanceof LosslessNumber) return value.value;
  return typeof value === 'string' ? value.toWellFormed() : undefined;
}
