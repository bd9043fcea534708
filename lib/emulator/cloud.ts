/**
 * The state of the local cloud: accounts, projects, services, connections, and every change of a connection. Answers no
 * request and knows no API rule beyond what a state means; routes read and change it, tests script it.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { formatTime, parseDuration } from './duration.ts';
import {
  type ClusterStatus,
  type ConnectionStatus,
  readScenarioConnection,
  type Scenario,
  type ScenarioAgency,
  type ScenarioCluster,
  type ScenarioConnection,
  type ScenarioCredential,
  type ScenarioCssDialect,
  type ScenarioGenerator,
  type ScenarioProfile,
  type ScenarioProject,
  type ScenarioService,
  type ScenarioToken,
  type ScenarioUser,
  type ServiceStatus,
} from './scenario.ts';
import { ScenarioError } from './scenario-reader.ts';

/** A project of the local cloud. */
export interface CloudProject {
  readonly projectId: string;
  readonly region: string;
  readonly domainId: string;
  readonly profile: ScenarioProfile;
  /** Newest first. */
  readonly services: CloudService[];
  /** Newest first. */
  readonly clusters: CloudCluster[];
  readonly css: CloudCssDialect;
}

/** The words of a region's CSS. */
export interface CloudCssDialect {
  readonly idsKey: NonNullable<ScenarioCssDialect['ids_key']>;
  readonly pageParameter: NonNullable<ScenarioCssDialect['page_parameter']>;
  readonly firstItem: number;
}

/** A CSS cluster of the local cloud. Tests may change the fields that are not read-only. */
export interface CloudCluster {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Account ids, or `*`. */
  readonly permissions: string[];
  readonly tags: Map<string, string>;
  readonly vpcId: string;
  status: ClusterStatus;
  isVpcepEnabled: boolean;
  isBusy: boolean;
}

/** An endpoint service of the local cloud. Tests may change the fields that are not read-only. */
export interface CloudService {
  readonly id: string;
  readonly projectId: string;
  readonly domainId: string;
  readonly serverType: string;
  readonly createdAt: string;
  readonly permissions: string[];
  readonly tags: Map<string, string>;
  readonly vpcId: string;
  name: string;
  approvalEnabled: boolean;
  status: ServiceStatus;
  description: string;
  updatedAt: string;
  ports: readonly unknown[];
  portId: string;
  tcpProxy: string;
}

/** A connection of the local cloud, as it is at the moment of the call. */
export interface CloudConnection {
  readonly id: string;
  readonly serviceId: string;
  readonly markerId: string;
  readonly domainId: string;
  readonly status: ConnectionStatus;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly description: string;
  readonly isFrozen: boolean;
  /** The endpoint's detail, `null` where it belongs to an account that the scenario does not show. */
  readonly endpoint: CloudEndpoint | null;
}

/** What the owner of an endpoint can read of it. */
export interface CloudEndpoint {
  readonly projectId: string;
  readonly vpcId: string;
  readonly tags: Map<string, string>;
}

/** One change of a connection's status. */
export interface ChangeLogEntry {
  readonly at: string;
  readonly serviceId: string;
  readonly endpointId: string;
  readonly from: ConnectionStatus;
  readonly to: ConnectionStatus;
  /** The request that caused it; `null` when the cloud or a test did. */
  readonly requestId: string | null;
  /** The access key that caused it; `null` for tokens, the cloud and tests. */
  readonly accessKey: string | null;
}

/** Who causes a change. */
export type ChangeCause = Pick<ChangeLogEntry, 'requestId' | 'accessKey'>;

/** Which connections: all conditions must hold. */
export interface CloudConnectionFilter {
  readonly serviceId?: string;
  readonly status?: ConnectionStatus;
  readonly domainId?: string;
}

const BY_ITSELF: ChangeCause = { requestId: null, accessKey: null };

type Row = { -readonly [K in keyof CloudConnection]: CloudConnection[K] };

/** The state of the local cloud, readable and scriptable. Methods throw `ScenarioError` for ids that do not exist. */
export class Cloud {
  readonly acceptDelayMs: number;
  readonly latencyMs: number;
  /** Who may sign in at IAM. Tests may change it. */
  readonly users: ScenarioUser[];
  /** Tests may change it. */
  readonly agencies: ScenarioAgency[];
  /** Milliseconds that a token lives which IAM issues. */
  readonly tokenLifetimeMs: number;
  /** Called after each change. */
  onChange: (change: ChangeLogEntry) => void = () => {};

  readonly #changes: ChangeLogEntry[] = [];
  readonly #clock: Clock;
  readonly #seed: number;
  readonly #startedMs: number;
  readonly #credentials = new Map<string, ScenarioCredential>();
  readonly #tokens = new Map<string, ScenarioToken>();
  #issued = 0;
  readonly #projects = new Map<string, CloudProject>();
  readonly #services = new Map<string, CloudService>();
  readonly #clusters = new Map<string, CloudCluster>();
  readonly #connections = new Map<string, Row>();
  /** Per service newest first; `isSorted` is false after an addition, so that adding n connections sorts once. */
  readonly #lists = new Map<string, { rows: Row[]; isSorted: boolean }>();
  /** Connections on their way from `creating` to `accepted`, by when they arrive. The delay is one, so the order is that of their start. */
  readonly #arriving = new Map<string, { readonly atMs: number; readonly cause: ChangeCause }>();

  constructor(scenario: Scenario, clock: Clock, seed: number) {
    this.acceptDelayMs = scenario.accept_delay_ms ?? 0;
    this.latencyMs = scenario.latency_ms ?? 0;
    this.users = [...(scenario.users ?? [])];
    this.agencies = [...(scenario.agencies ?? [])];
    this.tokenLifetimeMs = parseDuration(scenario.token_lifetime ?? '24h') ?? 0;
    this.#clock = clock;
    this.#seed = seed;
    this.#startedMs = clock.now();
    for (const credential of scenario.credentials) {
      this.addCredential(credential);
    }
    for (const token of scenario.tokens ?? []) {
      this.addToken(token);
    }
    for (const project of scenario.projects) {
      this.#addProject(project);
    }
  }

  /** Every status change since the start, oldest first. */
  get changes(): readonly ChangeLogEntry[] {
    this.#settle();
    return this.#changes;
  }

  /** All access keys. */
  credentials(): readonly ScenarioCredential[] {
    return [...this.#credentials.values()];
  }

  /** The credential with this access key. */
  credential(accessKey: string): ScenarioCredential | undefined {
    return this.#credentials.get(accessKey);
  }

  /** The token, also when it has expired. */
  token(token: string): ScenarioToken | undefined {
    return this.#tokens.get(token);
  }

  project(projectId: string): CloudProject | undefined {
    return this.#projects.get(projectId);
  }

  projects(): readonly CloudProject[] {
    return [...this.#projects.values()];
  }

  service(serviceId: string): CloudService | undefined {
    return this.#services.get(serviceId);
  }

  cluster(clusterId: string): CloudCluster | undefined {
    return this.#clusters.get(clusterId);
  }

  /** The connection of this endpoint. The object shows later changes too: copy it to keep a moment. */
  connection(endpointId: string): CloudConnection | undefined {
    this.#settle();
    return this.#connections.get(endpointId);
  }

  /** Connections that match, per service newest first, then by id. */
  connections(filter: CloudConnectionFilter = {}): readonly CloudConnection[] {
    this.#settle();
    const serviceIds = filter.serviceId === undefined ? [...this.#lists.keys()] : [filter.serviceId];
    const { status, domainId } = filter;
    return serviceIds.flatMap((serviceId) => {
      const rows = this.#sorted(serviceId);
      return status === undefined && domainId === undefined
        ? rows
        : rows.filter((row) => (status ?? row.status) === row.status && (domainId ?? row.domainId) === row.domainId);
    });
  }

  /** How many connections match. */
  count(filter: CloudConnectionFilter = {}): number {
    return this.connections(filter).length;
  }

  /** Adds or replaces a credential. */
  addCredential(credential: ScenarioCredential): void {
    this.#credentials.set(credential.access_key, credential);
  }

  /** Adds or replaces a token. */
  addToken(token: ScenarioToken): void {
    this.#tokens.set(token.token, token);
  }

  /** All tokens, those that have expired too, oldest first. */
  tokens(): readonly ScenarioToken[] {
    return [...this.#tokens.values()];
  }

  /** Issues a token of an account, good from now until the scenario's lifetime is over. */
  issueToken(domainId: string): ScenarioToken {
    this.#issued += 1;
    const text = hashOf(`token:${this.#seed}:${this.#issued}`).toString('base64');
    // As IAM writes times: with microseconds.
    const end = new Date(this.#clock.now() + this.tokenLifetimeMs).toISOString().replace('Z', '000Z');
    const token: ScenarioToken = { token: `MIIF${text}`, domain_id: domainId, expires_at: end };
    this.addToken(token);
    return token;
  }

  /** A token is good no longer, as when its user's password or permissions have changed. */
  revokeToken(token: string): void {
    this.#tokens.delete(token);
  }

  /** A new connection arrives at a service or a cluster, now unless it says when it was created. */
  addConnection(serviceId: string, connection: ScenarioConnection): CloudConnection {
    const owner = this.#clusters.get(serviceId) ?? this.#serviceOrThrow(serviceId);
    return this.#insert(owner, readScenarioConnection(connection), this.#clock.now());
  }

  /** The connection is gone, as when its owner deleted the endpoint. */
  removeConnection(endpointId: string): void {
    this.#settle();
    const row = this.#rowOrThrow(endpointId);
    const list = this.#lists.get(row.serviceId);
    list?.rows.splice(list.rows.indexOf(row), 1);
    this.#connections.delete(endpointId);
    this.#arriving.delete(endpointId);
  }

  /** Sets a connection's status and logs the change; an accept under way is off. */
  setStatus(endpointId: string, status: ConnectionStatus, cause: ChangeCause = BY_ITSELF): CloudConnection {
    this.#settle();
    const row = this.#rowOrThrow(endpointId);
    this.#arriving.delete(endpointId);
    this.#change(row, status, this.#clock.now(), cause);
    return row;
  }

  /** Accepts: `accepted` at once, or `creating` until the scenario's delay is over. */
  accept(endpointId: string, cause: ChangeCause): CloudConnection {
    if (this.acceptDelayMs === 0) {
      return this.setStatus(endpointId, 'accepted', cause);
    }
    const row = this.setStatus(endpointId, 'creating', cause);
    this.#arriving.set(endpointId, { atMs: this.#clock.now() + this.acceptDelayMs, cause });
    return row;
  }

  /** Sets the description of a connection. */
  describe(endpointId: string, description: string): CloudConnection {
    const row = this.#rowOrThrow(endpointId);
    row.description = description;
    row.updatedAt = formatTime(this.#clock.now());
    return row;
  }

  /** Changes a service and its time of update. */
  updateService(serviceId: string, change: (service: CloudService) => void): CloudService {
    const service = this.#serviceOrThrow(serviceId);
    change(service);
    service.updatedAt = formatTime(this.#clock.now());
    return service;
  }

  #addProject(source: ScenarioProject): void {
    const project: CloudProject = {
      projectId: source.project_id,
      region: source.region,
      domainId: source.domain_id,
      profile: source.profile ?? 'huaweicloud',
      services: [],
      clusters: [],
      css: dialectOf(source),
    };
    this.#projects.set(project.projectId, project);
    for (const service of source.services ?? []) {
      this.#addService(project, service);
    }
    project.services.sort(newestFirst);
    for (const cluster of source.clusters ?? []) {
      this.#addCluster(project, cluster);
    }
    project.clusters.sort(newestFirst);
  }

  #addService(project: CloudProject, source: ScenarioService): void {
    const { id } = source;
    const createdAt = this.#createdAt(source, this.#startedMs);
    const service: CloudService = {
      id,
      projectId: project.projectId,
      domainId: project.domainId,
      serverType: source.server_type ?? 'VM',
      createdAt,
      permissions: [...(source.permissions ?? [])],
      tags: new Map(Object.entries(source.tags ?? {})),
      vpcId: madeUpUuid(`vpc:${id}`),
      name: source.service_name.includes('.') ? source.service_name : `${project.region}.${source.service_name}.${id}`,
      approvalEnabled: source.approval_enabled ?? true,
      status: source.status ?? 'available',
      description: source.description ?? '',
      updatedAt: createdAt,
      ports: [{ client_port: 443, server_port: 443, protocol: 'TCP' }],
      portId: madeUpUuid(`port:${id}`),
      tcpProxy: 'close',
    };
    project.services.push(service);
    this.#services.set(id, service);
    this.#addConnections(service, source);
  }

  #addCluster(project: CloudProject, source: ScenarioCluster): void {
    const createdAt = this.#createdAt(source, this.#startedMs);
    const cluster: CloudCluster = {
      id: source.id,
      projectId: project.projectId,
      name: source.name,
      createdAt,
      updatedAt: createdAt,
      permissions: [...(source.permissions ?? [])],
      tags: new Map(Object.entries(source.tags ?? {})),
      vpcId: madeUpUuid(`vpc:${source.id}`),
      status: source.status ?? '200',
      isVpcepEnabled: source.vpcep_enabled ?? true,
      isBusy: source.busy ?? false,
    };
    project.clusters.push(cluster);
    this.#clusters.set(cluster.id, cluster);
    this.#addConnections(cluster, source);
  }

  #addConnections(owner: CloudService | CloudCluster, source: ScenarioService | ScenarioCluster): void {
    const { id } = owner;
    this.#lists.set(id, { rows: [], isSorted: true });
    for (const connection of source.connections ?? []) {
      this.#insert(owner, connection, this.#startedMs);
    }
    for (const connection of generated(id, source.generate, this.#startedMs, this.#seed)) {
      this.#insert(owner, connection, this.#startedMs);
    }
  }

  #insert(owner: CloudService | CloudCluster, source: ScenarioConnection, now: number): CloudConnection {
    if (this.#connections.has(source.id)) {
      throw new ScenarioError(`scenario: found a second connection \`${source.id}\`, expected another endpoint id`);
    }
    const createdAt = this.#createdAt(source, now);
    const row: Row = {
      id: source.id,
      serviceId: owner.id,
      markerId: source.marker_id ?? String(16_777_216 + (hashOf(`marker:${source.id}`).readUInt32BE() >>> 4)),
      domainId: source.domain_id,
      status: source.status ?? statusOfNew(owner),
      createdAt,
      updatedAt: createdAt,
      description: source.description ?? '',
      isFrozen: source.frozen ?? false,
      endpoint:
        source.endpoint === undefined
          ? null
          : {
              projectId: source.endpoint.project_id ?? owner.projectId,
              vpcId: source.endpoint.vpc_id ?? madeUpUuid(`vpc:${source.id}`),
              tags: new Map(Object.entries(source.endpoint.tags ?? {})),
            },
    };
    this.#connections.set(row.id, row);
    const list = this.#lists.get(owner.id);
    list?.rows.push(row);
    if (list !== undefined) {
      list.isSorted = false;
    }
    return row;
  }

  #createdAt(source: { readonly age?: string; readonly created_at?: string }, now: number): string {
    return source.created_at ?? formatTime(now - (parseDuration(source.age ?? '0s') ?? 0));
  }

  #sorted(serviceId: string): readonly Row[] {
    const list = this.#lists.get(serviceId);
    if (list !== undefined && !list.isSorted) {
      list.rows.sort(newestFirst);
      list.isSorted = true;
    }
    return list?.rows ?? [];
  }

  /** Lazily instead of with timers, so that a test's clock decides and an idle emulator does nothing. */
  #settle(): void {
    const now = this.#clock.now();
    for (const [endpointId, { atMs, cause }] of this.#arriving) {
      if (atMs > now) {
        return;
      }
      this.#arriving.delete(endpointId);
      this.#change(this.#rowOrThrow(endpointId), 'accepted', atMs, cause);
    }
  }

  #change(row: Row, to: ConnectionStatus, atMs: number, cause: ChangeCause): void {
    const from = row.status;
    const at = formatTime(atMs);
    row.status = to;
    row.updatedAt = at;
    const change = { at, serviceId: row.serviceId, endpointId: row.id, from, to, ...cause };
    this.#changes.push(change);
    this.onChange(change);
  }

  #rowOrThrow(endpointId: string): Row {
    const row = this.#connections.get(endpointId);
    if (row === undefined) {
      throw new ScenarioError(`cloud: found no connection \`${endpointId}\`, expected the id of one`);
    }
    return row;
  }

  #serviceOrThrow(serviceId: string): CloudService {
    const service = this.#services.get(serviceId);
    if (service === undefined) {
      throw new ScenarioError(`cloud: found no service \`${serviceId}\`, expected the id of one`);
    }
    return service;
  }
}

/** Returns a UUID that depends on `name` alone, for ids nobody has to choose. */
export function madeUpUuid(name: string): string {
  const hex = hashOf(name).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** A connection waits where somebody approves. Documented for CSS: it begins as accepted. */
function statusOfNew(owner: CloudService | CloudCluster): ConnectionStatus {
  return 'approvalEnabled' in owner && owner.approvalEnabled ? 'pendingAcceptance' : 'accepted';
}

/** Documented: Huawei Cloud's CSS counts from 0; that of Open Telekom Cloud as its pages had it until 2025. */
function dialectOf({ profile, css = {} }: ScenarioProject): CloudCssDialect {
  const isOtc = profile === 'otc';
  return {
    idsKey: css.ids_key ?? (isOtc ? 'endpointIdList' : 'endpoint_id_list'),
    pageParameter: css.page_parameter ?? (isOtc ? 'start' : 'offset'),
    firstItem: css.first_item ?? (isOtc ? 1 : 0),
  };
}

/** Created last comes first, then by id: the API's default order. */
function newestFirst(a: { createdAt: string; id: string }, b: { createdAt: string; id: string }): number {
  if (a.createdAt !== b.createdAt) {
    return a.createdAt < b.createdAt ? 1 : -1;
  }
  return a.id < b.id ? -1 : 1;
}

function* generated(
  serviceId: string,
  generator: ScenarioGenerator | undefined,
  startedMs: number,
  seed: number,
): Generator<ScenarioConnection> {
  const { connections = 0, domains = 1, status } = generator ?? {};
  for (let index = 0; index < connections; index += 1) {
    yield {
      id: madeUpUuid(`${seed}:${serviceId}:${index}`),
      domain_id: hashOf(`${seed}:domain:${index % domains}`)
        .toString('hex')
        .slice(0, 32),
      created_at: formatTime(startedMs - (index + 1) * 1_000),
      ...(status === undefined ? {} : { status }),
    };
  }
}

function hashOf(name: string): Buffer {
  return createHash('sha256').update(name).digest();
}
