/** The nouns of the domain: connections, endpoint services, consumer endpoints, and how they are named. Holds no behaviour and no API detail. */
import type { Fact, Tags, Unknown } from './fact.ts';

/** Which API a connection comes from. */
export type ServiceKind = 'vpcep' | 'css';

/** Where a governed project's services live. */
export interface TargetRef {
  readonly kind: ServiceKind;
  readonly region: string;
  readonly projectId: string;
}

/** Names one endpoint service (for CSS: one cluster). */
export interface ServiceRef extends TargetRef {
  readonly serviceId: string;
}

/** Names one connection. `endpointId` is the id of the consumer's endpoint; the cloud has no separate connection id. */
export interface ConnectionRef extends ServiceRef {
  readonly endpointId: string;
}

/** Where a connection is in its life. `unknown`: the cloud's answer named none, or one this build has never heard of. */
export type ConnectionState = 'pending' | 'creating' | 'accepted' | 'rejected' | 'failed' | 'deleting' | 'unknown';

/**
 * One connection as the cloud shows it to the provider.
 *
 * INVARIANT: a field that was missing from the answer, or was not of its documented type, is unknown, never absent.
 */
export interface Connection {
  readonly endpointId: string;
  readonly state: ConnectionState;
  readonly domainId: Fact<string>;
  /** Decimal digits, exact; may exceed 2^53. */
  readonly markerId: Fact<string>;
  /** Written by the consumer. `null` when empty. */
  readonly description: Fact<string>;
  /** As the cloud gave it, normally `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly createdAt: Fact<string>;
  /**
   * The allow-listed fields as the cloud gave them, for the audit record: `id`, `marker_id` (as text), `created_at`,
   * `updated_at`, `domain_id`, `status`, `description`, `error`. A field that the answer lacked is not in it.
   */
  readonly record: ConnectionRecord;
}

/** A connection's fields under the vendor's names, as they go into the audit trail. */
export type ConnectionRecord = Readonly<
  Partial<
    Record<'id' | 'marker_id' | 'created_at' | 'updated_at' | 'domain_id' | 'status' | 'description', string | null> & {
      error: readonly { readonly error_code?: string; readonly error_message?: string }[];
    }
  >
>;

/** One endpoint service of the provider. */
export interface Service {
  readonly serviceId: string;
  readonly name: Fact<string>;
  readonly serverType: Fact<string>;
  readonly tags: Tags;
  /** Whether connections wait for the provider's decision. `false` lets every whitelisted consumer in past any policy. */
  readonly approvalEnabled: boolean | Unknown;
}

/** The consumer's endpoint, as far as the provider's credentials can read it. */
export interface Endpoint {
  readonly vpcId: Fact<string>;
  readonly projectId: Fact<string>;
  readonly tags: Tags;
}
