/**
 * What an audit record is: a CloudEvents 1.0 envelope and, by name, its data. Writes and reads nothing; `record.schema.json`
 * is the machine-readable form and agrees with this file word for word.
 */
import type {
  ConnectionRecord,
  ConnectionRef,
  ConnectionState,
  ServiceKind,
  ServiceRef,
  TargetRef,
} from '../core/connection.ts';
import type { Digest } from '../core/digest.ts';
import type { Fact } from '../core/fact.ts';
import type { Json } from '../core/canonical-json.ts';

/** Whether a run sends its accepts and rejects or withholds them all. */
export type RunMode = 'enforce' | 'dry-run';

/** The policy that a run or a decision rests on. */
export interface PolicyIdentity {
  readonly name: string;
  readonly digest: Digest;
}

/** The first record of every run, and in no other place. */
export interface RunStartedData {
  readonly trigger: 'timer' | 'webhook' | 'queue' | 'cli';
  readonly mode: RunMode;
  readonly policy: PolicyIdentity;
  /** `digest` is that of the bundle's file; `null` when the program runs from its sources. */
  readonly build: { readonly version: string; readonly digest: Digest | null };
  readonly targets: readonly { readonly kind: ServiceKind; readonly region: string; readonly project_id: string }[];
  /** The platform's id of the invocation; `null` where there is no platform. */
  readonly request_id: string | null;
}

/** What the policy, or the run's own brake or limit, says about one connection. What happened then is an outcome. */
export interface DecisionData {
  readonly decision_id: Digest;
  readonly connection: ConnectionRecord;
  /** Every attribute that a rule read, by its name in the policy language. */
  readonly attributes: Readonly<Record<string, Fact>>;
  readonly effect: 'accept' | 'reject' | 'hold';
  readonly cause: 'rule' | 'no-match' | 'indeterminate' | 'brake' | 'limit';
  readonly rules: readonly string[];
  readonly reason: string;
  readonly unknown: readonly string[];
  readonly policy: PolicyIdentity;
}

/** A call that failed for good, as the cloud (or the run) named it. */
export interface OutcomeError {
  readonly code: string;
  /** `null` when there was no answer. */
  readonly http_status: number | null;
  readonly message: string;
  readonly retryable: boolean;
}

interface OutcomeFacts {
  readonly decision_id: Digest;
  /** The last state seen. */
  readonly state: ConnectionState;
  /** Requests sent to carry the decision out; 0 when none was. */
  readonly attempts: number;
  readonly request_ids: readonly string[];
  /** The decision is one of a dead run's, named by the `run.recovered` record before this one. */
  readonly recovered?: true;
}

/** What became of a decision. Exactly one per decision record, in the run itself or, `recovered`, in a later one. */
export type OutcomeData = OutcomeFacts &
  (
    | { readonly status: 'withheld'; readonly by: 'hold' | 'dry-run' | 'deadline'; readonly error?: OutcomeError }
    | { readonly status: 'applied' | 'submitted' | 'superseded'; readonly by?: never; readonly error?: OutcomeError }
    | { readonly status: 'failed'; readonly by?: never; readonly error: OutcomeError }
  );

/** Something a person should know. */
export interface FindingData {
  /** `approval-disabled`, `brake`, `service-failed`, …: the list in the contract is open. */
  readonly code: string;
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
  readonly details: Readonly<Record<string, Json>>;
}

/** A webhook call that was turned away. Never holds any part of its body. */
export interface RefusedData {
  readonly why: 'signature' | 'stale' | 'replayed' | 'malformed' | 'too-large';
  readonly source_ip: string | null;
  readonly message_id: string | null;
}

/** How many connections a run listed and what became of them. */
export interface RunCounts {
  readonly listed: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly held: number;
  readonly superseded: number;
  readonly failed: number;
  readonly submitted: number;
}

/** The last record of a run that did not die. */
export interface RunFinishedData {
  readonly counts: RunCounts;
  /** See `heldDigest`. Covers also the holds that were not written again. */
  readonly held_digest: Digest;
  /** `false` when the deadline or an error cut the run short. */
  readonly complete: boolean;
  readonly duration_ms: number;
}

/** Closes a dead run. The `recovered` outcomes of its open decisions follow it at once, in the order of `decisions`. */
export interface RunRecoveredData {
  readonly run_id: string;
  /** Decision ids; empty when the run died with none open. */
  readonly decisions: readonly Digest[];
}

/** The data of each record, by name. */
export interface RecordData {
  readonly 'run.started': RunStartedData;
  readonly decision: DecisionData;
  readonly outcome: OutcomeData;
  readonly finding: FindingData;
  readonly refused: RefusedData;
  readonly 'run.finished': RunFinishedData;
  readonly 'run.recovered': RunRecoveredData;
}

/** The names of the records. */
export type RecordName = keyof RecordData;

/** What a record is about, as arguments of `append`: a connection, anything in a target or the whole run, or the run itself. */
export type SubjectArguments<Name extends RecordName> = Name extends 'decision' | 'outcome'
  ? [subject: ConnectionRef]
  : Name extends 'finding'
    ? [subject?: SubjectRef]
    : [];

/** Whatever a record can be about. */
export type SubjectRef = TargetRef | ServiceRef | ConnectionRef;

type SubjectField<Name extends RecordName> = Name extends 'decision' | 'outcome'
  ? { readonly subject: string }
  : Name extends 'finding'
    ? { readonly subject?: string }
    : { readonly subject?: never };

/** One record of the given name. */
export type RecordOf<Name extends RecordName> = SubjectField<Name> & {
  readonly specversion: '1.0';
  /** The sequence number as text, without leading zeros. */
  readonly id: string;
  readonly source: string;
  readonly type: `vpcep-approver.${Name}.v1`;
  /** RFC 3339, UTC, milliseconds, `Z`. Never earlier than that of the record before it in the run. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  /** Ten digits, from `0000000001`, without gaps in a run. */
  readonly sequence: string;
  /** Digest of the canonical JSON of the record before it in the run; {@link NO_PREVIOUS} in the first. */
  readonly previous: Digest;
  readonly data: RecordData[Name];
};

/** One audit record; `type` tells which. */
export type AuditRecord = { [Name in RecordName]: RecordOf<Name> }[RecordName];

/** `previous` of a run's first record. */
export const NO_PREVIOUS: Digest = `sha256:${'0'.repeat(64)}`;

/** Returns a record's `source`. */
export function sourceOf(runId: string): string {
  return `/vpcep-approver/runs/${runId}`;
}

/**
 * Returns a record's `subject`: `<kind>/<region>/<project_id>/<service_id>/<endpoint_id>`, as far as the ref goes. The ids
 * in it are percent-encoded, which changes nothing in the ids that the clouds give out.
 */
export function subjectOf(ref: SubjectRef): string {
  const parts: string[] = [ref.kind, ref.region, ref.projectId];
  if ('serviceId' in ref) parts.push(ref.serviceId);
  if ('endpointId' in ref) parts.push(ref.endpointId);
  // An id that held a slash would name another connection; one with a lone surrogate would throw.
  return parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/');
}

/** Returns the connection that a subject names, or `null` when it names something else or nothing. Inverse of {@link subjectOf}. */
export function connectionRefOf(subject: string): ConnectionRef | null {
  const parts = subject.split('/').map(decodePart);
  const [kind, region, projectId, serviceId, endpointId] = parts;
  if (parts.length !== 5 || (kind !== 'vpcep' && kind !== 'css')) return null;
  return region && projectId && serviceId && endpointId ? { kind, region, projectId, serviceId, endpointId } : null;
}

function decodePart(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
