/**
 * Reads what the answers of all kinds have in common: fields, tags, states, connections, whitelists. Every field is optional in the
 * vendor's models, so whatever is missing or of another type than documented becomes unknown; nothing here throws.
 */
import { LosslessNumber } from 'lossless-json';
import type { ConnectionRecord, ConnectionState, Endpoint } from '../core/connection.ts';
import { UNKNOWN, type Fact, type Tags, type Unknown } from '../core/fact.ts';
import type { Whitelist } from './endpoint-services.ts';
import { isJsonObject, readCount, type JsonObject } from './parse-json.ts';
import type { ListPage } from './read-pages.ts';

/** The vendor's word for each state we know. What is not here is `unknown`. */
const STATES: ReadonlyMap<string, ConnectionState> = new Map<string, ConnectionState>([
  ['pendingAcceptance', 'pending'],
  ['creating', 'creating'],
  ['accepted', 'accepted'],
  ['rejected', 'rejected'],
  ['failed', 'failed'],
  ['deleting', 'deleting'],
]);

/** An endpoint that we may not read, or that is not there. */
export const UNKNOWN_ENDPOINT: Endpoint = Object.freeze({ vpcId: UNKNOWN, projectId: UNKNOWN, tags: UNKNOWN });

/** Returns the page under the key `list`, with the count under `count`; `undefined` when the answer holds no such list. */
export function readPage<Item>(
  body: unknown,
  { list, count }: { readonly list: string; readonly count: string },
  read: (item: JsonObject) => Item | null,
): ListPage<Item> | undefined {
  if (!isJsonObject(body) || !Array.isArray(body[list])) return undefined;
  const items: readonly unknown[] = body[list];
  return { items: items.map((item) => (isJsonObject(item) ? read(item) : null)), total: readCount(body[count]) };
}

/** Returns the state that the vendor's word stands for. */
export function readState(value: unknown): ConnectionState {
  return STATES.get(readText(value) ?? '') ?? 'unknown';
}

/** Returns a text that is not empty. */
export function readText(value: unknown): string | undefined {
  return value === '' ? undefined : readAnyText(value);
}

/** A text. One with half a surrogate pair has no UTF-8 form: it could not be compared reliably, nor digested for the trail. */
function readAnyText(value: unknown): string | undefined {
  return typeof value === 'string' && value.isWellFormed() ? value : undefined;
}

/** Returns an integer as it is written; the vendor's own example is beyond 2^53. */
export function readDigits(value: unknown): Fact<string> {
  return value instanceof LosslessNumber && /^\d+$/.test(value.value) ? value.value : UNKNOWN;
}

/** Returns a connection's description. Older APIs lack the field, which leaves it unknown; empty means that there is none. */
export function readDescription(value: unknown): Fact<string> {
  return value === null || value === '' ? null : (readText(value) ?? UNKNOWN);
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

/** Returns the text of one entry of a whitelist, or `null` when it has none. */
export function readPermission(item: JsonObject): string | null {
  return readText(item['permission']) ?? null;
}

/** Entries that let every account in. Both spellings are documented. */
const EVERYBODY: ReadonlySet<string> = new Set(['*', 'iam:domain::*']);

/** Returns the whitelist that these entries make, as VPCEP means it: nobody but the own account when there are none. */
export function whitelistOf(permissions: readonly string[]): Whitelist {
  const domainIds = new Set<string>();
  const others: string[] = [];
  let isOpen = false;
  for (const permission of permissions) {
    // CSS takes bare account ids; whether it also shows them so is not documented.
    const [, domainId] = /^(?:iam:domain::)?([\w-]+)$/.exec(permission) ?? [];
    if (EVERYBODY.has(permission)) isOpen = true;
    else if (domainId === undefined) others.push(permission);
    else domainIds.add(domainId);
  }
  return { isOpen, domainIds: [...domainIds], others };
}

const RECORDED = ['id', 'marker_id', 'created_at', 'updated_at', 'domain_id', 'status', 'description'] as const;

/** Returns the fields for the audit record. Numbers as they are written; half surrogate pairs replaced; other types left out. */
export function readRecord(item: JsonObject): ConnectionRecord {
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
