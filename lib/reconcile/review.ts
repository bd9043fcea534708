/** Picks the accepted connections that a run may judge again. The owner's own access to a CSS cluster is never among them. */
import type { EndpointServices } from '../cloud/endpoint-services.ts';
import type { Connection, ConnectionRef, ServiceRef } from '../core/connection.ts';
import { isUnknown } from '../core/fact.ts';
import type { RunDecision } from './judge.ts';
import { type Finding, type Run, report } from './run.ts';

/**
 * Returns those of `connections` that are accepted and may be cut off. CSS lists the endpoint through which the owner reaches
 * the cluster among the others: rejecting it would cut the owner off, so there everything of the own account is left out, and
 * everything at all while nobody can say which account that is.
 */
export async function reviewable(
  port: EndpointServices,
  ref: ServiceRef,
  connections: readonly Connection[],
  run: Run,
): Promise<readonly Connection[]> {
  const accepted = connections.filter(({ state }) => state === 'accepted');
  if (ref.kind !== 'css' || accepted.length === 0) return accepted;
  const own = await port.getOwnDomainId({ signal: run.time.reading });
  if (isUnknown(own)) {
    report(
      run,
      {
        code: 'own-account-unknown',
        severity: 'warning',
        message: 'accepted connections are not reviewed: set `own_domain_id`, so that the owner is never cut off',
        details: { accepted: accepted.length },
      },
      ref,
    );
    return [];
  }
  // Fail closed: a connection whose account cannot be read may be the owner's.
  return accepted.filter(({ domainId }) => typeof domainId === 'string' && domainId !== own);
}

/** The finding for an accepted connection that a reject rule matches now, and that is not cut off, or not yet. */
export function driftFinding(
  subject: ConnectionRef,
  { rules, reason }: Pick<RunDecision, 'rules' | 'reason'>,
): Finding {
  return {
    code: 'accepted-against-policy',
    severity: 'warning',
    message: `an accepted connection matches a reject rule: ${reason}`,
    details: { rules: [...rules] },
    subject,
  };
}

/** The finding for a connection that was accepted, and was cut off by this run. */
export function revokedFinding(
  subject: ConnectionRef,
  { rules, reason }: Pick<RunDecision, 'rules' | 'reason'>,
): Finding {
  return {
    code: 'revoked',
    severity: 'warning',
    message: `an accepted connection was rejected: ${reason}`,
    details: { rules: [...rules] },
    subject,
  };
}
