/** The identity of a decision: same facts, same id. It is the idempotency key everywhere. */
import type { ConnectionRef } from './connection.ts';
import { type Digest, digestOfJson } from './digest.ts';
import type { Fact } from './fact.ts';
import type { Effect } from './policy.ts';

/**
 * Returns the decision id of policy.md, "Identity". `createdAt` is the connection's as the cloud gave it; what is not present
 * counts as `null`.
 */
export function decisionId(ref: ConnectionRef, createdAt: Fact<string>, policy: Digest, effect: Effect): Digest {
  return digestOfJson({
    region: ref.region,
    project_id: ref.projectId,
    kind: ref.kind,
    service_id: ref.serviceId,
    endpoint_id: ref.endpointId,
    created_at: typeof createdAt === 'string' ? createdAt : null,
    policy,
    effect,
  });
}
