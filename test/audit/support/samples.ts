/** Sample data of every record, and a clock that only a test moves. */
import type { Clock } from '../../../lib/clock.ts';
import type { ConnectionRef } from '../../../lib/core/connection.ts';
import { type Digest, digestOf } from '../../../lib/core/digest.ts';
import type { DecisionData, OutcomeData, RunFinishedData, RunStartedData } from '../../../lib/audit/record.ts';
import { heldDigest } from '../../../lib/audit/held.ts';

export const NOON = Date.parse('2026-11-21T12:00:00.000Z');
export const MINUTE = 60_000;

/** A clock that stands still until its `time` is set. */
export function clockAt(time: number): Clock & { time: number } {
  const clock = { time, now: () => clock.time, sleep: () => Promise.reject(new Error('a test must not sleep')) };
  return clock;
}

/** A run id of the given time; `number` tells two of one moment apart. */
export function runIdAt(time: number, number = 0): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

export const POLICY = { name: 'payments-prod', digest: digestOf('policy') };

export function connectionRef(number = 1): ConnectionRef {
  return { kind: 'vpcep', region: 'eu-de', projectId: 'p1', serviceId: 's1', endpointId: `e${number}` };
}

export function decisionId(number = 1): Digest {
  return digestOf(`decision ${number}`);
}

export function startedData(change: Partial<RunStartedData> = {}): RunStartedData {
  return {
    trigger: 'timer',
    mode: 'enforce',
    policy: POLICY,
    build: { version: '0.1.0', digest: null },
    targets: [{ kind: 'vpcep', region: 'eu-de', project_id: 'p1' }],
    request_id: null,
    ...change,
  };
}

export function decisionData(number = 1, change: Partial<DecisionData> = {}): DecisionData {
  return {
    decision_id: decisionId(number),
    connection: {
      id: `e${number}`,
      marker_id: '18446744073709551615',
      description: null,
      error: [{ error_code: 'EndPoint.1', error_message: 'no' }],
    },
    attributes: { domain_id: 'd1', 'service.tags.env': null, 'endpoint.vpc_id': { unknown: true }, age: 90 },
    effect: 'accept',
    cause: 'rule',
    rules: ['partners-reach-prod'],
    reason: 'contracted partner',
    unknown: [],
    policy: POLICY,
    ...change,
  };
}

export function appliedData(number = 1): OutcomeData {
  return { decision_id: decisionId(number), status: 'applied', state: 'accepted', attempts: 1, request_ids: ['r1'] };
}

export function finishedData(): RunFinishedData {
  return {
    counts: { listed: 0, accepted: 0, rejected: 0, held: 0, superseded: 0, failed: 0, submitted: 0 },
    held_digest: heldDigest([]),
    complete: true,
    duration_ms: 12,
  };
}
