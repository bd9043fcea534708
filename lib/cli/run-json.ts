/** A run as `--json` prints it. The shape is a contract (interfaces.md, "Command line"). */
import { isUnknown } from '../core/fact.ts';
import type { Finding } from '../reconcile/run.ts';
import type { ConnectionResult, RunResult } from '../reconcile/run-result.ts';
import { subjectOf } from '../audit/record.ts';

/** Returns the JSON document for a run. */
export function runToJson(result: RunResult): object {
  return {
    run_id: result.runId,
    mode: result.mode,
    policy: result.policy,
    counts: result.counts,
    complete: result.isComplete,
    connections: result.connections.map(connectionToJson),
    findings: result.findings.map(findingToJson),
  };
}

function connectionToJson({ ref, domainId, effect, cause, rules, reason, outcome }: ConnectionResult): object {
  return {
    kind: ref.kind,
    region: ref.region,
    project_id: ref.projectId,
    service_id: ref.serviceId,
    endpoint_id: ref.endpointId,
    domain_id: isUnknown(domainId) ? null : domainId,
    effect,
    cause,
    rules,
    reason,
    outcome,
  };
}

function findingToJson({ code, severity, message, details, subject }: Finding): object {
  return { code, severity, message, details, ...(subject && { subject: subjectOf(subject) }) };
}
