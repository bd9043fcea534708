import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../lib/audit/record.ts';
import { NO_PREVIOUS } from '../../lib/audit/record.ts';
import { createRunLog } from '../../lib/audit/run-log.ts';
import { digestOf, digestOfJson } from '../../lib/core/digest.ts';
import {
  appliedData,
  clockAt,
  connectionRef,
  decisionData,
  finishedData,
  MINUTE,
  NOON,
  runIdAt,
  startedData,
} from './support/samples.ts';
import { dyingStore, keysOf, temporaryStore, textOf } from './support/stores.ts';

const RUN = runIdAt(NOON);

async function temporaryLog() {
  const store = await temporaryStore();
  const clock = clockAt(NOON);
  const echoed: AuditRecord[] = [];
  const log = createRunLog({ store, runId: RUN, clock, echo: (record) => echoed.push(record) });
  return { store, clock, echoed, log };
}

async function recordsIn(store: Awaited<ReturnType<typeof temporaryStore>>): Promise<AuditRecord[]> {
  const texts = await Promise.all((await keysOf(store, 'trail/')).map((key) => textOf(store, key)));
  return texts.flatMap((text) => text.split('\n').slice(0, -1)).map((line) => JSON.parse(line) as AuditRecord);
}

describe('append', () => {
  test('returns a record that later changes to its data do not reach', async () => {
    const { log, store } = await temporaryLog();
    const rules = ['a'];
    log.append('run.started', startedData());
    const record = log.append('decision', decisionData(1, { rules }), connectionRef());
    rules.push('b');
    await log.flush();
    expect(record.data.rules).toEqual(['a']);
    expect((await recordsIn(store))[1]).toEqual(record);
  });

  test('never lets time run backwards, not even behind the run id', async () => {
    const { log, clock, store } = await temporaryLog();
    clock.time = NOON - 5 * MINUTE;
    log.append('run.started', startedData());
    clock.time = NOON + MINUTE;
    log.append('decision', decisionData(), connectionRef());
    clock.time = NOON - 90 * MINUTE;
    log.append('run.finished', finishedData());
    await log.flush();
    expect((await recordsIn(store)).map((record) => record.time)).toEqual([
      '2026-11-21T12:00:00.000Z',
      '2026-11-21T12:01:00.000Z',
      '2026-11-21T12:01:00.000Z',
    ]);
    expect(await keysOf(store, 'trail/2026/11/21/12/')).toHaveLength(1);
  });

  test('takes a description that is no well-formed text, and takes out a secret', async () => {
    const { log } = await temporaryLog();
    log.append('run.started', startedData());
    const connection = { description: 'x\ud800 Bearer abcdefghijklmnopqrstuvwxyz' };
    const record = log.append('decision', decisionData(1, { connection }), connectionRef());
    expect(record.data.connection.description).toBe('x\ufffd [redacted]');
  });

  test('refuses records before the first, after the last, and a second first', async () => {
    const { log } = await temporaryLog();
    const outOfOrder = expect.objectContaining({ name: 'RunLogError', code: 'out-of-order' });
    expect(() => log.append('run.finished', finishedData())).toThrow(outOfOrder);
    log.append('run.started', startedData());
    expect(() => log.append('run.started', startedData())).toThrow(outOfOrder);
    log.append('run.finished', finishedData());
    expect(() => log.append('outcome', appliedData(), connectionRef())).toThrow(outOfOrder);
  });

  test('leaves the log usable when the data cannot be written as JSON', async () => {
    const { log, store } = await temporaryLog();
    log.append('run.started', startedData());
    expect(() => log.append('run.finished', { ...finishedData(), duration_ms: Number.NaN })).toThrow(TypeError);
    log.append('run.finished', finishedData());
    await log.flush();
    expect((await recordsIn(store)).map((record) => record.id)).toEqual(['1', '2']);
  });

  test('refuses a run id that is no UUIDv7', async () => {
    const store = await temporaryStore();
    expect(() => createRunLog({ store, runId: 'run-1', clock: clockAt(NOON) })).toThrow(TypeError);
  });
});

describe('flush', () => {
  test('writes these bytes', async () => {
    const { log, clock, store } = await temporaryLog();
    log.append('run.started', startedData());
    clock.time = NOON + 1_500;
    log.append('run.finished', finishedData());
    await log.flush();
    const first =
      '{"data":{"build":{"digest":null,"version":"0.1.0"},"mode":"enforce","policy":{"digest":"sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812","name":"payments-prod"},"request_id":null,"targets":[{"kind":"vpcep","project_id":"p1","region":"eu-de"}],"trigger":"timer"},"datacontenttype":"application/json","id":"1","previous":"sha256:0000000000000000000000000000000000000000000000000000000000000000","sequence":"0000000001","source":"/vpcep-approver/runs/' +
      RUN +
      '","specversion":"1.0","time":"2026-11-21T12:00:00.000Z","type":"vpcep-approver.run.started.v1"}';
    const second = `{"data":{"complete":true,"counts":{"accepted":0,"failed":0,"held":0,"listed":0,"rejected":0,"submitted":0,"superseded":0},"duration_ms":12,"held_digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"datacontenttype":"application/json","id":"2","previous":"${digestOf(first)}","sequence":"0000000002","source":"/vpcep-approver/runs/${RUN}","specversion":"1.0","time":"2026-11-21T12:00:01.500Z","type":"vpcep-approver.run.finished.v1"}`;
    expect(await textOf(store, `trail/2026/11/21/12/${RUN}/000001.jsonl`)).toBe(`${first}\n${second}\n`);
  });

  test('makes one object of an idle run, and none when nothing is buffered', async () => {
    const { log, store } = await temporaryLog();
    await log.flush();
    expect(await keysOf(store)).toEqual([]);
    log.append('run.started', startedData());
    log.append('run.finished', finishedData());
    await log.flush();
    await log.flush();
    expect(await keysOf(store)).toHaveLength(1);
  });

  test('puts each segment into the hour of its writing, numbered through', async () => {
    const { log, clock, store } = await temporaryLog();
    log.append('run.started', startedData());
    await log.flush();
    clock.time = NOON + 61 * MINUTE;
    log.append('run.finished', finishedData());
    await log.flush();
    expect(await keysOf(store)).toEqual([
      `trail/2026/11/21/12/${RUN}/000001.jsonl`,
      `trail/2026/11/21/13/${RUN}/000002.jsonl`,
    ]);
  });

  test('echoes records only once they are durable, in order', async () => {
    const { log, echoed, store } = await temporaryLog();
    log.append('run.started', startedData());
    log.append('run.finished', finishedData());
    expect(echoed).toEqual([]);
    await log.flush();
    expect(echoed).toEqual(await recordsIn(store));
  });

  test.each([
    { inOneSegment: false, segments: 3, largest: 8 * 1024 * 1024 },
    { inOneSegment: true, segments: 1, largest: 21 * 1024 * 1024 },
  ])('makes $segments of 20 MiB when inOneSegment is $inOneSegment', async ({ inOneSegment, segments, largest }) => {
    const { log, store } = await temporaryLog();
    log.append('run.started', startedData());
    for (let number = 1; number <= 20; number += 1) {
      log.append('decision', decisionData(number, { reason: 'x'.repeat(1024 * 1024) }), connectionRef(number));
    }
    await log.flush({ inOneSegment });
    const sizes = await Promise.all((await keysOf(store)).map(async (key) => (await textOf(store, key)).length));
    expect(sizes).toHaveLength(segments);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(largest);
    expect((await recordsIn(store)).map((record) => Number(record.sequence))).toEqual(
      Array.from({ length: 21 }, (_, index) => index + 1),
    );
  });

  test('keeps sequence, chain and order for every way of appending and flushing', async () => {
    const steps = fc.array(
      fc.oneof(fc.constant('flush'), fc.constant('flush later'), fc.string(), fc.constant('clock back')),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (steps) => {
        const { log, clock, store, echoed } = await temporaryLog();
        const flushes: Promise<void>[] = [];
        log.append('run.started', startedData());
        for (const step of steps) {
          if (step === 'flush') await log.flush();
          else if (step === 'flush later') flushes.push(log.flush());
          else if (step === 'clock back') clock.time -= 45 * MINUTE;
          else {
            clock.time += 40 * MINUTE;
            log.append('decision', decisionData(1, { reason: step }), connectionRef());
          }
        }
        await Promise.all(flushes);
        await log.flush();
        const records = await recordsIn(store);
        expect(echoed).toEqual(records);
        let previous = NO_PREVIOUS;
        for (const [index, record] of records.entries()) {
          expect(record).toMatchObject({
            id: String(index + 1),
            sequence: String(index + 1).padStart(10, '0'),
            previous,
          });
          expect(record.time >= (records[index - 1]?.time ?? '')).toBe(true);
          previous = digestOfJson(record);
        }
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    { at: 1, moment: 'before', durable: 0 },
    { at: 1, moment: 'after', durable: 1 },
    { at: 2, moment: 'before', durable: 1 },
    { at: 2, moment: 'after', durable: 2 },
  ] as const)('is broken for good when the process dies $moment write $at', async ({ at, moment, durable }) => {
    const store = await temporaryStore();
    const echoed: AuditRecord[] = [];
    const echo = (record: AuditRecord) => echoed.push(record);
    const log = createRunLog({ store: dyingStore(store, at, moment), runId: RUN, clock: clockAt(NOON), echo });
    log.append('run.started', startedData());
    for (let write = 1; write < at; write += 1) {
      await log.flush();
      log.append('decision', decisionData(), connectionRef());
    }
    await expect(log.flush()).rejects.toThrow('killed');
    const killed = expect.objectContaining({ message: 'the process was killed' });
    const broken = { name: 'RunLogError', code: 'broken', cause: killed };
    expect(() => log.append('run.finished', finishedData())).toThrow(expect.objectContaining(broken));
    await expect(log.flush()).rejects.toMatchObject(broken);
    expect(await recordsIn(store)).toHaveLength(durable);
    expect(echoed).toHaveLength(at - 1);
  });

  test('fails a flush that waits behind a failed one', async () => {
    const store = await temporaryStore();
    const log = createRunLog({ store: dyingStore(store, 1, 'before'), runId: RUN, clock: clockAt(NOON) });
    log.append('run.started', startedData());
    const [first, second] = await Promise.allSettled([log.flush(), log.flush()]);
    expect([first?.status, second?.status]).toEqual(['rejected', 'rejected']);
  });

  test('writes nothing once the run has expired, and is broken from then on', async () => {
    const store = await temporaryStore();
    const clock = clockAt(NOON);
    const log = createRunLog({ store, runId: RUN, clock, expiresAt: NOON + 60 * MINUTE });
    log.append('run.started', startedData());
    clock.time = NOON + 60 * MINUTE - 1;
    await log.flush();
    log.append('decision', decisionData(), connectionRef());
    clock.time = NOON + 60 * MINUTE;
    await expect(log.flush()).rejects.toMatchObject({ name: 'RunLogError', code: 'expired' });
    expect(await recordsIn(store)).toHaveLength(1);
    await expect(log.flush()).rejects.toMatchObject({ code: 'broken' });
    expect(() => log.append('run.finished', finishedData())).toThrow(expect.objectContaining({ code: 'broken' }));
    // A clock that is set back does not bring it to life again.
    clock.time = NOON;
    await expect(log.flush()).rejects.toMatchObject({ code: 'broken' });
    expect(await keysOf(store, 'trail/')).toHaveLength(1);
  });

  test('has nothing to refuse when the run has expired with nothing buffered', async () => {
    const store = await temporaryStore();
    const clock = clockAt(NOON);
    const log = createRunLog({ store, runId: RUN, clock, expiresAt: NOON + MINUTE });
    log.append('run.started', startedData());
    log.append('run.finished', finishedData());
    await log.flush();
    clock.time = NOON + 2 * MINUTE;
    await log.flush();
    expect(await recordsIn(store)).toHaveLength(2);
  });

  test('lets one of two logs of the same run write', async () => {
    const { log, store } = await temporaryLog();
    const twin = createRunLog({ store, runId: RUN, clock: clockAt(NOON) });
    log.append('run.started', startedData());
    twin.append('run.started', startedData({ mode: 'dry-run' }));
    await log.flush();
    await expect(twin.flush()).rejects.toMatchObject({ code: 'exists' });
    expect(await recordsIn(store)).toHaveLength(1);
  });
});
