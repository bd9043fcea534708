/**
 * What the local cloud starts with: accounts' credentials, projects, services, connections. Holds the types for builders and
 * the reader for files; keeps no state.
 */
import { DURATION_FORM, parseDuration } from './duration.ts';
import { choice, fail, flag, integer, list, map, record, type Reader, text } from './scenario-reader.ts';

/** Everything the local cloud knows when it starts. Keys are the file's. */
export interface Scenario {
  readonly credentials: readonly ScenarioCredential[];
  /** IAM tokens that `X-Auth-Token` may carry. */
  readonly tokens?: readonly ScenarioToken[];
  /** Who may sign in at IAM with a password. */
  readonly users?: readonly ScenarioUser[];
  /** Which accounts let others act in theirs. */
  readonly agencies?: readonly ScenarioAgency[];
  /** How long a token that IAM issues lives, such as `90s`. Default `24h`. */
  readonly token_lifetime?: string;
  readonly projects: readonly ScenarioProject[];
  /** How long a connection is `creating` after it was received. Default 0: the answer already says `accepted`. */
  readonly accept_delay_ms?: number;
  /** Time that every API answer takes. Default 0. */
  readonly latency_ms?: number;
}

/** An access key. It may act in every project of its account. */
export interface ScenarioCredential {
  readonly access_key: string;
  readonly secret_key: string;
  /** Set for temporary keys: every request must then carry and sign it as `X-Security-Token`. */
  readonly security_token?: string;
  readonly domain_id: string;
}

/** A token of an account. */
export interface ScenarioToken {
  readonly token: string;
  readonly domain_id: string;
  /** `YYYY-MM-DDTHH:MM:SSZ`; never, when left out. */
  readonly expires_at?: string;
}

/** An IAM user. */
export interface ScenarioUser {
  readonly name: string;
  readonly password: string;
  /** The account's name. */
  readonly domain_name: string;
  readonly domain_id: string;
}

/** An agency: the account `delegated_domain_id` may act in the account `domain_id`, which created it. */
export interface ScenarioAgency {
  readonly name: string;
  readonly domain_name: string;
  readonly domain_id: string;
  readonly delegated_domain_id: string;
}

/**
 * How a region's API speaks: OTC sorts by `created_at`, has no connection descriptions, its gateway says `APIG.`, and its CSS takes
 * `endpointIdList` and pages by `start` from 1.
 */
export type ScenarioProfile = 'huaweicloud' | 'otc';

/** A project with the services in it. */
export interface ScenarioProject {
  readonly project_id: string;
  readonly region: string;
  /** The account that owns the project. */
  readonly domain_id: string;
  /** Default `huaweicloud`. */
  readonly profile?: ScenarioProfile;
  readonly services?: readonly ScenarioService[];
  /** CSS clusters. */
  readonly clusters?: readonly ScenarioCluster[];
  /** Where the region's CSS speaks in other words than the profile's. */
  readonly css?: ScenarioCssDialect;
}

export const CSS_IDS_KEYS = ['endpoint_id_list', 'endpointIdList'] as const;
export const CSS_PAGE_PARAMETERS = ['offset', 'start'] as const;

/** The words of a region's CSS. */
export interface ScenarioCssDialect {
  /** The body's key for the ids that an accept or reject is about. */
  readonly ids_key?: (typeof CSS_IDS_KEYS)[number];
  /** The query's key for where a page begins; the other one is ignored. */
  readonly page_parameter?: (typeof CSS_PAGE_PARAMETERS)[number];
  /** The number of the first item. */
  readonly first_item?: number;
}

export const CLUSTER_STATUSES = ['100', '200', '303'] as const;

/** A cluster's own state: being created, available, unavailable. */
export type ClusterStatus = (typeof CLUSTER_STATUSES)[number];

/** A CSS cluster, which has its own connections. */
export interface ScenarioCluster {
  readonly id: string;
  readonly name: string;
  /** Default `200`. */
  readonly status?: ClusterStatus;
  readonly tags?: Readonly<Record<string, string>>;
  /** Instead of `age`. Default: the start of the emulator. */
  readonly created_at?: string;
  /** Age at the start of the emulator, such as `2h`. */
  readonly age?: string;
  /** Default true. Without, nobody can connect: `CSS.5182`. */
  readonly vpcep_enabled?: boolean;
  /** Another operation is running, so accept and reject answer 202 `CSS.0011` and do nothing. */
  readonly busy?: boolean;
  /** The whitelist: account ids or `*`. None: everybody may connect. */
  readonly permissions?: readonly string[];
  /** Unlike a service's, they are `accepted` by default: documented for CSS. */
  readonly connections?: readonly ScenarioConnection[];
  /** Adds made-up connections, for load. */
  readonly generate?: ScenarioGenerator;
}

export const SERVICE_STATUSES = ['creating', 'available', 'failed', 'deleting'] as const;
export const SERVER_TYPES = ['VM', 'VIP', 'LB', 'BMS'] as const;

/** An endpoint service's own state. */
export type ServiceStatus = (typeof SERVICE_STATUSES)[number];

/** An endpoint service. */
export interface ScenarioService {
  readonly id: string;
  /** The full name, or its middle part: without a dot, `payments` becomes `{region}.payments.{id}`. */
  readonly service_name: string;
  /** Default `VM`. */
  readonly server_type?: (typeof SERVER_TYPES)[number];
  /** Default true. */
  readonly approval_enabled?: boolean;
  /** Default `available`. */
  readonly status?: ServiceStatus;
  readonly description?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Instead of `age`. Default: the start of the emulator. */
  readonly created_at?: string;
  /** Age at the start of the emulator, such as `2h`. */
  readonly age?: string;
  /** The whitelist, such as `iam:domain::<domain id>` or `*`. */
  readonly permissions?: readonly string[];
  readonly connections?: readonly ScenarioConnection[];
  /** Adds made-up connections, for load. */
  readonly generate?: ScenarioGenerator;
}

/** Made-up connections: `connections` of them over `domains` accounts, each one second older than the one before. */
export interface ScenarioGenerator {
  readonly connections: number;
  /** Default 1. */
  readonly domains?: number;
  /** Default: that of a new connection, which depends on the service's `approval_enabled`. */
  readonly status?: ConnectionStatus;
}

export const CONNECTION_STATUSES = [
  'pendingAcceptance',
  'creating',
  'accepted',
  'rejected',
  'failed',
  'deleting',
] as const;

/** A connection's state under the vendor's names. */
export type ConnectionStatus = (typeof CONNECTION_STATUSES)[number];

/** A connection. `id` is the consumer's endpoint. */
export interface ScenarioConnection {
  readonly id: string;
  /** Decimal digits, up to 2^63; written into answers exactly. Default: made up from the id. */
  readonly marker_id?: string;
  /** The consumer's account. */
  readonly domain_id: string;
  /** Default: `pendingAcceptance`, or `accepted` where the service has no approval and on clusters. */
  readonly status?: ConnectionStatus;
  readonly created_at?: string;
  readonly age?: string;
  readonly description?: string;
  /** A frozen endpoint refuses accept and reject. */
  readonly frozen?: boolean;
  /** The endpoint's detail. Without it, it is another account's and cannot be read. */
  readonly endpoint?: ScenarioEndpoint;
}

/** What the owner of an endpoint can read of it. */
export interface ScenarioEndpoint {
  /** Default: the service's project. */
  readonly project_id?: string;
  readonly vpc_id?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

const id = text('1 to 64 letters, digits, `-` or `_`', (value) => /^[\w-]{1,64}$/.test(value));
const time = text('a time `YYYY-MM-DDTHH:MM:SSZ`', isTime);
const age = text(DURATION_FORM, (value) => parseDuration(value) !== null);
const tags = map(text('text of up to 255 characters', (value) => value.length <= 255));
const description = text('text of up to 512 characters', (value) => value.length <= 512);
const headerText = text('printable ASCII without spaces', (value) => /^[\x21-\x7e]{1,4096}$/.test(value));
const anyText = text('text of 1 to 256 characters', (value) => value.length > 0 && value.length <= 256);
const markerId = text('decimal digits as text, below 2^63', (value) => {
  return /^(0|[1-9]\d{0,18})$/.test(value) && BigInt(value) < 2n ** 63n;
});

const readConnection = once(
  record<ScenarioConnection>(['id', 'domain_id'], {
    id,
    marker_id: markerId,
    domain_id: id,
    status: choice(CONNECTION_STATUSES),
    created_at: time,
    age,
    description,
    frozen: flag,
    endpoint: record<ScenarioEndpoint>([], { project_id: id, vpc_id: id, tags }),
  }),
);

const generator = record<ScenarioGenerator>(['connections'], {
  connections: integer(0, 1_000_000),
  domains: integer(1, 1_000_000),
  status: choice(CONNECTION_STATUSES),
});

const readService = once(
  record<ScenarioService>(['id', 'service_name'], {
    id,
    service_name: anyText,
    server_type: choice(SERVER_TYPES),
    approval_enabled: flag,
    status: choice(SERVICE_STATUSES),
    description,
    tags,
    created_at: time,
    age,
    permissions: list(anyText),
    connections: list(readConnection),
    generate: generator,
  }),
);

const readCluster = once(
  record<ScenarioCluster>(['id', 'name'], {
    id,
    name: anyText,
    status: choice(CLUSTER_STATUSES),
    tags,
    created_at: time,
    age,
    vpcep_enabled: flag,
    busy: flag,
    permissions: list(anyText),
    connections: list(readConnection),
    generate: generator,
  }),
);

const readShape = record<Scenario>(['credentials', 'projects'], {
  credentials: list(
    record<ScenarioCredential>(['access_key', 'secret_key', 'domain_id'], {
      access_key: headerText,
      secret_key: headerText,
      security_token: headerText,
      domain_id: id,
    }),
  ),
  users: list(
    record<ScenarioUser>(['name', 'password', 'domain_name', 'domain_id'], {
      name: anyText,
      password: anyText,
      domain_name: anyText,
      domain_id: id,
    }),
  ),
  agencies: list(
    record<ScenarioAgency>(['name', 'domain_name', 'domain_id', 'delegated_domain_id'], {
      name: anyText,
      domain_name: anyText,
      domain_id: id,
      delegated_domain_id: id,
    }),
  ),
  token_lifetime: age,
  tokens: list(record<ScenarioToken>(['token', 'domain_id'], { token: headerText, domain_id: id, expires_at: time })),
  projects: list(
    record<ScenarioProject>(['project_id', 'region', 'domain_id'], {
      project_id: id,
      region: id,
      domain_id: id,
      profile: choice(['huaweicloud', 'otc']),
      services: list(readService),
      clusters: list(readCluster),
      css: record<ScenarioCssDialect>([], {
        ids_key: choice(CSS_IDS_KEYS),
        page_parameter: choice(CSS_PAGE_PARAMETERS),
        first_item: integer(0, 1),
      }),
    }),
  ),
  accept_delay_ms: integer(0, 86_400_000),
  latency_ms: integer(0, 600_000),
});

/** Reads a scenario file's text. Throws `ScenarioError` on the first problem: one line with where, found, expected. */
export function parseScenario(source: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    return fail(
      '',
      `text that is not JSON (${error instanceof Error ? error.message : String(error)})`,
      'a JSON object',
    );
  }
  return readScenario(value);
}

/** Checks a value against the form of a scenario and that its ids do not collide. Throws `ScenarioError` on the first problem. */
export function readScenario(value: unknown): Scenario {
  const scenario = readShape(value, '');
  refuseRepeats(scenario);
  refuseForeignOwners(scenario);
  return scenario;
}

/** Checks one connection, for those that are added while the emulator runs. Throws `ScenarioError`. */
export function readScenarioConnection(value: unknown): ScenarioConnection {
  return readConnection(value, '');
}

function refuseRepeats(scenario: Scenario): void {
  const keys = uniqueness('another access key');
  for (const [index, credential] of scenario.credentials.entries()) {
    keys(credential.access_key, `/credentials/${index}/access_key`);
  }
  const users = uniqueness('another name');
  for (const [index, user] of (scenario.users ?? []).entries()) {
    users(`${user.name} of ${user.domain_name}`, `/users/${index}/name`);
  }
  const projects = uniqueness('another project id');
  const services = uniqueness('another service id');
  const endpoints = uniqueness('another endpoint id');
  for (const [p, project] of scenario.projects.entries()) {
    projects(project.project_id, `/projects/${p}/project_id`);
    for (const { owner, where } of ownersIn(project, p)) {
      services(owner.id, `${where}/id`);
      for (const [c, connection] of (owner.connections ?? []).entries()) {
        endpoints(connection.id, `${where}/connections/${c}/id`);
      }
    }
  }
}

/** Everything in a project that has connections, with its JSON pointer. */
function ownersIn(
  project: ScenarioProject,
  index: number,
): readonly { readonly owner: ScenarioService | ScenarioCluster; readonly where: string }[] {
  return [
    ...(project.services ?? []).map((owner, s) => ({ owner, where: `/projects/${index}/services/${s}` })),
    ...(project.clusters ?? []).map((owner, s) => ({ owner, where: `/projects/${index}/clusters/${s}` })),
  ];
}

function uniqueness(expected: string): (value: string, where: string) => void {
  const seen = new Map<string, string>();
  return (value, where) => {
    const first = seen.get(value);
    if (first !== undefined) {
      fail(where, `\`${value}\`, which ${first} has already`, expected);
    }
    seen.set(value, where);
  };
}

/** An endpoint in a project of ours that belongs to somebody else cannot exist, and would make tags readable that never are. */
function refuseForeignOwners(scenario: Scenario): void {
  const accounts = new Map(scenario.projects.map((project) => [project.project_id, project.domain_id]));
  for (const [p, project] of scenario.projects.entries()) {
    for (const { owner, where } of ownersIn(project, p)) {
      for (const [c, connection] of (owner.connections ?? []).entries()) {
        const account = accounts.get(connection.endpoint?.project_id ?? project.project_id);
        if (connection.endpoint !== undefined && account !== undefined && account !== connection.domain_id) {
          const found = `\`${connection.domain_id}\``;
          fail(`${where}/connections/${c}/domain_id`, found, `\`${account}\`, the owner of the endpoint's project`);
        }
      }
    }
  }
}

/** Refuses an object that says when it was created in both ways. */
function once<T extends { readonly age?: string; readonly created_at?: string }>(read: Reader<T>): Reader<T> {
  return (value, where) => {
    const found = read(value, where);
    if (found.age !== undefined && found.created_at !== undefined) {
      fail(`${where}/age`, 'both `age` and `created_at`', 'one of them');
    }
    return found;
  };
}

function isTime(value: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) && !Number.isNaN(Date.parse(value));
}
