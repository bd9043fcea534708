/** The attributes a rule can test, one row each: its kind and where it comes from. Reads facts that others have fetched; fetches nothing. */
import type { Connection, Endpoint, Service, ServiceRef } from './connection.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { type Fact, isUnknown, type Tags, UNKNOWN, type Unknown } from './fact.ts';
import { parseTime } from './time.ts';

/** What kind of value an attribute has. Text is a string, number a finite number, duration whole seconds. */
export type AttributeKind = 'text' | 'number' | 'duration';

/** Facts that cost calls of their own and are fetched only when some rule reads them. */
export type CostlyFact = 'service.tags' | 'endpoint' | 'domain.connections';

/** Everything known about one connection when it is judged. */
export interface ConnectionFacts {
  readonly service: ServiceRef;
  readonly connection: Connection;
  readonly serviceFacts: Pick<Service, 'name' | 'serverType' | 'tags'>;
  readonly endpoint: Endpoint | Unknown;
  /** Accepted or creating connections that the consumer's domain has on this service, the judged one not counted. */
  readonly domainConnections: Fact<number>;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/**
 * Attribute name → fact, for one connection.
 *
 * INVARIANT: a name that is not in the map is unknown. Whoever builds one lists absence explicitly, as `null`.
 */
export type Attributes = ReadonlyMap<string, Fact>;

interface AttributeRow {
  readonly kind: AttributeKind;
  readonly read: (facts: ConnectionFacts) => Fact;
  readonly costs?: CostlyFact;
}

const ROWS: ReadonlyMap<string, AttributeRow> = new Map<string, AttributeRow>([
  ['domain_id', { kind: 'text', read: (facts) => facts.connection.domainId }],
  ['endpoint_id', { kind: 'text', read: (facts) => facts.connection.endpointId }],
  ['marker_id', { kind: 'text', read: (facts) => facts.connection.markerId }],
  ['description', { kind: 'text', read: (facts) => facts.connection.description }],
  ['age', { kind: 'duration', read: (facts) => ageOf(facts.connection.createdAt, facts.now) }],
  ['region', { kind: 'text', read: (facts) => facts.service.region }],
  ['project_id', { kind: 'text', read: (facts) => facts.service.projectId }],
  ['service.kind', { kind: 'text', read: (facts) => facts.service.kind }],
  ['service.id', { kind: 'text', read: (facts) => facts.service.serviceId }],
  ['service.name', { kind: 'text', read: (facts) => facts.serviceFacts.name }],
  ['service.server_type', { kind: 'text', read: (facts) => facts.serviceFacts.serverType }],
  [
    'endpoint.vpc_id',
    { kind: 'text', costs: 'endpoint', read: ({ endpoint }) => (isUnknown(endpoint) ? UNKNOWN : endpoint.vpcId) },
  ],
  [
    'endpoint.project_id',
    { kind: 'text', costs: 'endpoint', read: ({ endpoint }) => (isUnknown(endpoint) ? UNKNOWN : endpoint.projectId) },
  ],
  ['domain.connections', { kind: 'number', costs: 'domain.connections', read: (facts) => facts.domainConnections }],
]);

const SERVICE_TAG = 'service.tags.';
const ENDPOINT_TAG = 'endpoint.tags.';

/** The names of all attributes, tags as `service.tags.KEY` and `endpoint.tags.KEY`. For messages and documentation. */
export const ATTRIBUTE_NAMES: readonly string[] = [...ROWS.keys(), `${SERVICE_TAG}KEY`, `${ENDPOINT_TAG}KEY`];

function rowOf(name: string): AttributeRow | undefined {
  const row = ROWS.get(name);
  if (row) return row;
  if (name.startsWith(SERVICE_TAG) && name.length > SERVICE_TAG.length) {
    const key = name.slice(SERVICE_TAG.length);
    return { kind: 'text', costs: 'service.tags', read: (facts) => tagOf(facts.serviceFacts.tags, key) };
  }
  if (name.startsWith(ENDPOINT_TAG) && name.length > ENDPOINT_TAG.length) {
    const key = name.slice(ENDPOINT_TAG.length);
    return {
      kind: 'text',
      costs: 'endpoint',
      read: ({ endpoint }) => (isUnknown(endpoint) ? UNKNOWN : tagOf(endpoint.tags, key)),
    };
  }
  return undefined;
}

/** Returns the kind of the attribute called `name`, or `undefined` when there is none of that name. */
export function kindOfAttribute(name: string): AttributeKind | undefined {
  return rowOf(name)?.kind;
}

/** Returns which costly facts the attributes called `names` come from. */
export function costsOf(names: Iterable<string>): ReadonlySet<CostlyFact> {
  const costs = new Set<CostlyFact>();
  for (const name of names) {
    const cost = rowOf(name)?.costs;
    if (cost) costs.add(cost);
  }
  return costs;
}

/** Reads the attributes called `names` out of `facts`. A name that is no attribute comes out unknown. */
export function attributesOf(facts: ConnectionFacts, names: Iterable<string>): Attributes {
  const attributes = new Map<string, Fact>();
  for (const name of names) {
    const row = rowOf(name);
    attributes.set(name, row ? row.read(facts) : UNKNOWN);
  }
  return attributes;
}

/** Returns the form in which attributes stand in audit records and case files: value, `null`, `{"unknown": true}`; durations as text. */
export function attributesToJson(attributes: Attributes): Record<string, Fact> {
  const entries = [...attributes].map(([name, fact]): [string, Fact] => [
    name,
    typeof fact === 'number' && kindOfAttribute(name) === 'duration' ? formatDuration(fact) : fact,
  ]);
  // Object.fromEntries defines own properties, so that a tag called `__proto__` is a key like any other.
  return Object.fromEntries(entries);
}

/**
 * Reads one attribute's value as case files and audit records write it. Returns `undefined` when `value` does not fit `kind`:
 * text is a string, number a finite number, duration `"<digits><s|m|h|d>"` or a whole number of seconds.
 */
export function parseFact(value: unknown, kind: AttributeKind): Fact | undefined {
  if (value === null) return null;
  // A key beside `unknown` says that something else was meant.
  if (isUnknown(value)) return Object.keys(value).length === 1 ? UNKNOWN : undefined;
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? value : undefined;
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'duration': {
      const seconds = typeof value === 'string' ? parseDuration(value) : value;
      return typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds >= 0 ? seconds : undefined;
    }
    default:
      return kind satisfies never;
  }
}

/** How far the cloud's clock may run ahead of ours; the gateway refuses signatures beyond the same 15 minutes. */
const CLOCK_TOLERANCE_MS = 15 * 60_000;

/**
 * Whole seconds, rounded down, so that the value in an audit record decides exactly as the run did. A time slightly ahead of
 * our clock is an age of 0; one further ahead than two clocks can differ is not believed.
 */
function ageOf(createdAt: Fact<string>, now: number): Fact<number> {
  if (createdAt === null) return null;
  const time = typeof createdAt === 'string' ? parseTime(createdAt) : null;
  // Fail closed: a time that cannot be read is no young connection and no old one either.
  if (time === null || time - now > CLOCK_TOLERANCE_MS) return UNKNOWN;
  return Math.max(0, Math.floor((now - time) / 1_000));
}

function tagOf(tags: Tags, key: string): Fact<string> {
  if (isUnknown(tags)) return UNKNOWN;
  const tag = tags.get(key);
  return tag === undefined ? null : tag;
}
