import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectionRefOf, type RecordData, type SubjectRef, subjectOf } from '../../lib/audit/record.ts';
import schema from '../../lib/audit/record.schema.json' with { type: 'json' };
import { createRunLog } from '../../lib/audit/run-log.ts';
import {
  appliedData,
  clockAt,
  connectionRef,
  decisionData,
  decisionId,
  finishedData,
  NOON,
  runIdAt,
  startedData,
} from './support/samples.ts';
import { temporaryStore } from './support/stores.ts';

const validate = new Ajv2020({ strict: true, ownProperties: true, allErrors: true }).compile(schema);

/** One record of each kind and variant, as a run log writes it. */
async function everyRecord(): Promise<unknown[]> {
  const log = createRunLog({ store: await temporaryStore(), runId: runIdAt(NOON), clock: clockAt(NOON) });
  const error = { code: 'network', http_status: null, message: 'the cloud did not answer', retryable: true };
  const outcome = { decision_id: decisionId(), state: 'pending', attempts: 0, request_ids: [] } as const;
  const finding: RecordData['finding'] = {
    code: 'brake',
    severity: 'warning',
    message: 'too many rejects',
    details: { rejects: 51 },
  };
  return [
    log.append('run.started', startedData()),
    log.append('run.recovered', { run_id: runIdAt(NOON - 1), decisions: [decisionId()] }),
    log.append('decision', decisionData(), connectionRef()),
    log.append('outcome', appliedData(), connectionRef()),
    log.append('outcome', { ...outcome, status: 'withheld', by: 'dry-run' }, connectionRef()),
    log.append('outcome', { ...outcome, status: 'submitted', error, recovered: true }, connectionRef()),
    log.append('outcome', { ...outcome, status: 'superseded' }, connectionRef()),
    log.append('outcome', { ...outcome, status: 'failed', error: { ...error, http_status: 503 } }, connectionRef()),
    log.append('finding', finding),
    log.append('finding', finding, { kind: 'css', region: 'eu-de', projectId: 'p1' }),
    log.append('refused', { why: 'stale', source_ip: '192.0.2.1', message_id: null }),
    log.append('run.finished', finishedData()),
  ];
}

describe('record.schema.json', () => {
  test('takes every record that a run log writes', async () => {
    for (const record of await everyRecord())
      expect({ record, ok: validate(record), errors: validate.errors }).toMatchObject({ ok: true });
  });

  test('refuses an unknown key in every object of ours, and every missing key of the envelope', async () => {
    for (const record of (await everyRecord()) as Record<string, object>[]) {
      expect(validate({ ...record, extra: 1 })).toBe(false);
      expect(validate({ ...record, data: { ...record['data'], extra: 1 } })).toBe(false);
      for (const key of Object.keys(record).filter((key) => key !== 'subject')) {
        expect(validate(Object.fromEntries(Object.entries(record).filter(([name]) => name !== key)))).toBe(false);
      }
    }
  });

  test.each([
    { name: 'withheld without by', data: { status: 'withheld' } },
    { name: 'applied with by', data: { status: 'applied', by: 'hold' } },
    { name: 'failed without error', data: { status: 'failed' } },
    { name: 'recovered false', data: { status: 'applied', recovered: false } },
  ])('refuses an outcome that is $name', async ({ data }) => {
    const record = (await everyRecord())[3] as { data: object };
    expect(validate({ ...record, data: { ...record.data, ...data } })).toBe(false);
  });

  test('refuses a decision without subject', async () => {
    const { subject: _, ...record } = (await everyRecord())[2] as { subject: string };
    expect(validate(record)).toBe(false);
  });
});

describe('subjectOf', () => {
  test.each<{ ref: SubjectRef; subject: string }>([
    { ref: connectionRef(), subject: 'vpcep/eu-de/p1/s1/e1' },
    { ref: { kind: 'css', region: 'eu-de', projectId: 'p1', serviceId: 's1' }, subject: 'css/eu-de/p1/s1' },
    { ref: { kind: 'css', region: 'eu-de', projectId: 'p1' }, subject: 'css/eu-de/p1' },
  ])('returns $subject', ({ ref, subject }) => {
    expect(subjectOf(ref)).toBe(subject);
  });

  test('leads back to the same connection, whatever its ids hold', () => {
    const id = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(id, id, id, id, (region, projectId, serviceId, endpointId) => {
        const ref = { kind: 'css', region, projectId, serviceId, endpointId } as const;
        expect(connectionRefOf(subjectOf(ref))).toEqual(ref);
      }),
    );
  });
});

describe('connectionRefOf', () => {
  test.each([
    '',
    'vpcep/eu-de/p1',
    'other/eu-de/p1/s1/e1',
    'vpcep/eu-de/p1/s1/',
    'vpcep/eu-de/p1/s1/%E0%A4',
    'vpcep/a/b/c/d/e',
  ])('returns null for `%s`', (subject) => {
    expect(connectionRefOf(subject)).toBeNull();
  });
});
