/** Watches that governed services ask for approval at all. With approval off, connections are let in past every policy. */
import { CloudError } from '../cloud/cloud-error.ts';
import type { CallOptions, EndpointServices } from '../cloud/endpoint-services.ts';
import type { Service, ServiceRef } from '../core/connection.ts';
import { isUnknown, UNKNOWN, type Unknown } from '../core/fact.ts';
import type { Policy } from '../core/policy.ts';
import { type Run, report } from './run.ts';

/**
 * Reports a service whose approval is off (with `guard: enforce` switches it on and reads it back), and one whose whitelist
 * lets everybody ask, or nobody whom the policy would let in.
 */
export async function guardService(port: EndpointServices, ref: ServiceRef, service: Service, run: Run): Promise<void> {
  if (run.guard === 'off') return;
  await guardApproval(port, ref, service, run);
  await guardWhitelist(port, ref, run);
}

async function guardWhitelist(port: EndpointServices, ref: ServiceRef, run: Run): Promise<void> {
  const whitelist = await tryRead(() => port.getWhitelist(ref.serviceId, { signal: run.time.reading }));
  // Reading it takes a permission of its own; without, there is nothing to say.
  if (isUnknown(whitelist)) return;
  if (whitelist.isOpen) {
    const message = 'the whitelist lets every account connect, as far as approval does not stop it';
    report(run, { code: 'whitelist-open', severity: 'warning', message, details: {} }, ref);
    return;
  }
  const acceptable = acceptableDomains(run.policy);
  if (acceptable === null || whitelist.others.length > 0) return;
  // An empty list is of a cluster whose endpoint service is not enabled, or leaves VPCEP to the own account, which needs no entry.
  if (whitelist.domainIds.length === 0) return;
  if (whitelist.domainIds.some((domainId) => acceptable.has(domainId))) return;
  const message = 'no account on the whitelist is one that the policy would accept, so nobody can be let in';
  const details = { whitelisted: whitelist.domainIds.length, acceptable: acceptable.size };
  report(run, { code: 'whitelist-without-accept', severity: 'info', message, details }, ref);
}

/** The accounts that some accept rule names; `null` when an accept rule names none, since then it may accept any. */
function acceptableDomains(policy: Policy): ReadonlySet<string> | null {
  const domains = new Set<string>();
  for (const { when } of policy.rules.filter(({ effect }) => effect === 'accept')) {
    for (const clause of when) {
      const values = clause.find(({ attribute }) => attribute === 'domain_id')?.onlyValues;
      if (!values) return null;
      for (const value of values) domains.add(value);
    }
  }
  return domains;
}

async function tryRead<T>(read: () => Promise<T>): Promise<T | Unknown> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CloudError) return UNKNOWN;
    throw error;
  }
}

async function guardApproval(port: EndpointServices, ref: ServiceRef, service: Service, run: Run): Promise<void> {
  if (ref.kind !== 'vpcep' || service.approvalEnabled !== false) return;
  report(
    run,
    {
      code: 'approval-disabled',
      severity: 'warning',
      message: 'approval is switched off, so connections are accepted past every policy',
      details: { name: typeof service.name === 'string' ? service.name : null },
    },
    ref,
  );
  if (run.guard === 'enforce' && !run.time.stopping.aborted) await restoreApproval(port, ref, run);
}

async function restoreApproval(port: EndpointServices, ref: ServiceRef, run: Run): Promise<void> {
  const options = { signal: run.time.deadline };
  // No durable audit record, no action: the finding is the record of what is about to be changed, and why.
  await run.log.flush();
  try {
    await enableApproval(port, ref, options);
    const after = await port.getService(ref.serviceId, options);
    if (after?.approvalEnabled === true) {
      report(
        run,
        { code: 'approval-restored', severity: 'info', message: 'approval was switched on', details: {} },
        ref,
      );
      return;
    }
    reportNotRestored(run, ref, 'the service was read back and still has approval switched off', null);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    // Dry-run withholds the call; the finding before says all there is to say.
    if (error.code !== 'dry-run') reportNotRestored(run, ref, error.message, error.code);
  }
}

async function enableApproval(port: EndpointServices, ref: ServiceRef, options: CallOptions): Promise<void> {
  try {
    await port.enableApproval(ref.serviceId, options);
  } catch (error) {
    // A lost answer says nothing about the service; what is read back afterwards does.
    if (!(error instanceof CloudError) || error.effect === 'none') throw error;
  }
}

function reportNotRestored(run: Run, ref: ServiceRef, message: string, code: string | null): void {
  report(
    run,
    {
      code: 'service-failed',
      severity: 'error',
      message: `approval could not be switched on: ${message}`,
      details: { code },
    },
    ref,
  );
}
