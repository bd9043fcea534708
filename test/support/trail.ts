/** Reads whole trails back, and checks what holds for every trail: one outcome for each decision, and the order of writing. */
import { expect } from 'vitest';
import type { AuditRecord, RecordName, RecordOf } from '../../lib/audit/record.ts';
import type { TrailStore } from '../../lib/audit/store.ts';
import { listRuns, readRecords } from '../../lib/audit/trail-reader.ts';

/** One run as the trail has it. */
export interface ReadRun {
  readonly runId: string;
  readonly segments: readonly string[];
  readonly records: readonly AuditRecord[];
}

/** All runs of a trail, in the order of their first segments. Throws when a chain is broken. */
export async function runsIn(store: TrailStore): Promise<readonly ReadRun[]> {
  const runs: ReadRun[] = [];
  for await (const run of listRuns(store)) {
    const records: AuditRecord[] = [];
    for await (const { record } of readRecords(store, run)) records.push(record);
    runs.push({ runId: run.runId, segments: run.segments, records });
  }
  return runs;
}

/** All records of one name, in order. */
export function recordsOf<Name extends RecordName>(
  runs: readonly ReadRun[] | ReadRun,
  name: Name,
): readonly RecordOf<Name>[] {
  const all = 'records' in runs ? runs.records : runs.flatMap(({ records }) => records);
  return all.filter((record): record is RecordOf<Name> & AuditRecord => record.type === `vpcep-approver.${name}.v1`);
}

/** The names of a run's records, in order. */
export function namesOf({ records }: ReadRun): readonly string[] {
  return records.map(({ type }) => type.slice('vpcep-approver.'.length, -'.v1'.length));
}

/** The records of a segment's bytes. */
export function recordsIn(bytes: Uint8Array): readonly AuditRecord[] {
  const lines = Buffer.from(bytes).toString().trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as AuditRecord);
}

/** The last part of a record's subject. */
export function endpointOf({ subject }: { readonly subject?: string }): string {
  return subject?.split('/').at(-1) ?? '';
}

/** Decision ids that a run left without outcome, itself or in another run's recovery. */
export function openIn(runs: readonly ReadRun[]): readonly string[] {
  return runs.flatMap((run) => {
    const recovered = recoveredOutcomes(runs, run.runId);
    const own = recordsOf(run, 'outcome').filter(({ data }) => data.recovered !== true);
    const closed = new Set([...own, ...recovered].map(({ data }) => data.decision_id));
    return recordsOf(run, 'decision')
      .map(({ data }) => data.decision_id)
      .filter((id) => !closed.has(id));
  });
}

/** The outcomes that other runs wrote for a dead one: those that follow its `run.recovered` at once. */
export function recoveredOutcomes(runs: readonly ReadRun[], deadRunId: string): readonly RecordOf<'outcome'>[] {
  return runs.flatMap(({ records }) => {
    const at = records.findIndex(
      (record) => record.type === 'vpcep-approver.run.recovered.v1' && record.data.run_id === deadRunId,
    );
    const record = records[at];
    if (record?.type !== 'vpcep-approver.run.recovered.v1') return [];
    return records
      .slice(at + 1, at + 1 + record.data.decisions.length)
      .filter((next): next is RecordOf<'outcome'> => next.type === 'vpcep-approver.outcome.v1');
  });
}

/** Checks every law of "Order of writing" that a trail whose runs have all ended shows by itself. */
export function expectSoundTrail(runs: readonly ReadRun[]): void {
  expect(openIn(runs)).toEqual([]);
  for (const run of runs) {
    const names = namesOf(run);
    expect(names[0]).toBe('run.started');
    expect(names.slice(1)).not.toContain('run.started');
    const isFinished = names.includes('run.finished');
    if (isFinished) expect(names.indexOf('run.finished')).toBe(names.length - 1);
    const own = recordsOf(run, 'outcome').filter(({ data }) => data.recovered !== true);
    const outcomes = [...own, ...recoveredOutcomes(runs, run.runId)].map(({ data }) => data.decision_id);
    // Exactly one for each: no decision without, none with two, no outcome without its decision.
    expect(outcomes.sort()).toEqual(
      recordsOf(run, 'decision')
        .map(({ data }) => data.decision_id)
        .sort(),
    );
  }
}
