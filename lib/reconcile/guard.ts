/** Watches that governed services ask for approval at all. With approval off, connections are let in past every policy. */
import { CloudError } from '../cloud/cloud-error.ts';
import type { CallOptions, EndpointServices } from '../cloud/endpoint-services.ts';
import type { Service, ServiceRef } from '../core/connection.ts';
import { type Run, report } from './run.ts';

/** Reports a service whose approval is off; with `guard: enforce` switches it on and reads it back. */
export async function guardService(port: EndpointServices, ref: ServiceRef, service: Service, run: Run): Promise<void> {
  if (run.guard === 'off' || ref.kind !== 'vpcep' || service.approvalEnabled !== false) return;
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
