/**
 * The port to a cloud: the endpoint services of one target and what a provider can do with their connections.
 * One adapter per kind implements it; nothing outside this folder knows an API.
 */
import type { Connection, Endpoint, Service, TargetRef } from '../core/connection.ts';
import type { Tags, Unknown } from '../core/fact.ts';

/** What every call takes along. */
export interface CallOptions {
  /** Aborted when the run has no time left; a call under way then fails with `CloudError` code `deadline`. */
  readonly signal: AbortSignal;
}

/** What a call cost, for the outcome record. */
export interface CallTrace {
  /** Requests sent: at least 1 for a call that succeeded, 0 for one that failed before it was sent. */
  readonly attempts: number;
  /** The cloud's ids of those requests, where it named them. */
  readonly requestIds: readonly string[];
}

/** Which connections of a service to list. */
export interface ConnectionFilter {
  /** Only connections in this state; all states when left out. The cloud cannot filter by `creating` and `deleting`. */
  readonly state?: 'pending' | 'accepted' | 'rejected' | 'failed';
  /** Stop reading pages as soon as all of these endpoint ids have been seen. */
  readonly wanted?: ReadonlySet<string>;
  /** Stop after this many pages; the listing is then not complete, unless that was all. */
  readonly maxPages?: number;
}

/** The connections of a service, each once, in the cloud's order. One whose state cannot be told is in every listing. */
export interface ConnectionListing {
  readonly connections: readonly Connection[];
  /**
   * True when every connection that the cloud counted was seen and could be read. False when the list changed while it was
   * being paged, or an item had no id: then nothing may be concluded from what is not in it.
   */
  readonly isComplete: boolean;
  /** Pages read. */
  readonly pages: number;
  /** How many the filter matches, by the cloud's own count, where it names one. */
  readonly total?: number;
}

/** The cloud took an accept or reject. Taken is not done: the state may still be on its way. */
export interface ActionAnswer extends CallTrace {
  /** The connections as the answer showed them, where it did. */
  readonly connections: readonly Connection[];
}

/** Who may connect to a service at all; approval comes after that. */
export interface Whitelist {
  /** Every account may: an entry `*`, and for CSS also the empty list. */
  readonly isOpen: boolean;
  /** The accounts named, each once. */
  readonly domainIds: readonly string[];
  /** Entries that name no account, such as organization paths, as the cloud wrote them. */
  readonly others: readonly string[];
}

/** What an adapter found out about the API on the way, for people to know. Nothing that changes an outcome. */
export interface CloudNotice {
  /** `css-dialect`: an accept or reject went through under another name of its parameter than the profile's. */
  readonly code: 'css-dialect';
  /** One line for people. */
  readonly message: string;
  readonly details: Readonly<Record<string, string>>;
}

/**
 * The endpoint services of one target.
 *
 * Every method rejects with `CloudError` and nothing else. Reads are retried inside. `accept` and `reject` are sent again
 * inside only after an answer that says that nothing was done (throttled, refused connection); when the answer was lost the
 * error says `effect: 'unknown'` and the caller reads the state before it tries again.
 */
export interface EndpointServices extends TargetRef {
  /** All endpoint services of the project, each once. */
  listServices(options: CallOptions): Promise<readonly Service[]>;
  /** One service, or `null` when the cloud says that there is none. */
  getService(serviceId: string, options: CallOptions): Promise<Service | null>;
  /** The tags of a service, where its listing did not carry them. */
  getServiceTags(serviceId: string, options: CallOptions): Promise<Tags>;
  /** All connections of a service that the filter asks for, read to the end. */
  listConnections(serviceId: string, filter: ConnectionFilter, options: CallOptions): Promise<ConnectionListing>;
  /** One connection, or `null` when the service has none with this endpoint id. */
  getConnection(serviceId: string, endpointId: string, options: CallOptions): Promise<Connection | null>;
  /** The consumer's endpoint. What another account owns cannot be read: 403 and 404 give unknown facts, not an error. */
  getEndpoint(endpointId: string, options: CallOptions): Promise<Endpoint>;
  /** How many connections one accept or reject can name. */
  readonly endpointsPerAction: number;
  /** Whether {@link describeConnections} exists in this cloud. */
  readonly canDescribe: boolean;
  /** Lets consumers in. Takes 1 to `endpointsPerAction` ids. */
  accept(serviceId: string, endpointIds: readonly string[], options: CallOptions): Promise<ActionAnswer>;
  /** Turns consumers away, or cuts them off. Takes 1 to `endpointsPerAction` ids. */
  reject(serviceId: string, endpointIds: readonly string[], options: CallOptions): Promise<ActionAnswer>;
  /**
   * Writes descriptions of connections by endpoint id, which their consumers can read; as many calls as that takes. Each at most 512
   * characters, without `<` or `>`. When a later call fails, the earlier ones have written theirs.
   */
  describeConnections(
    serviceId: string,
    descriptions: ReadonlyMap<string, string>,
    options: CallOptions,
  ): Promise<CallTrace>;
  /** Who may connect to a service at all; unknown when it cannot be read. */
  getWhitelist(serviceId: string, options: CallOptions): Promise<Whitelist | Unknown>;
  /** The account that owns the target's services; unknown when nobody can say. Asked once, then remembered. */
  getOwnDomainId(options: CallOptions): Promise<string | Unknown>;
  /** Switches the service's approval on, and nothing else. CSS has no such switch: rejects with code `not-supported`. */
  enableApproval(serviceId: string, options: CallOptions): Promise<CallTrace>;
  /** Hands out what was noticed since it was last asked, each once. Left out by adapters that notice nothing. */
  takeNotices?(): readonly CloudNotice[];
}
