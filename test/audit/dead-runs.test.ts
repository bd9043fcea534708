import { describe, expect, test } from 'vitest';
import { claimDeadRun, type DeadRunFindings, findDeadRuns } from '../../lib/audit/dead-runs.ts';
import type { TrailStore } from '../../lib/audit/store.ts';
import { startRun, writeRecovery, writeRun } from './support/runs.ts';
import { connectionRef, decisionData, decisionId, finishedData, MINUTE, NOON, runIdAt } from './support/samples.ts';
import { countingStore, dyingStore, keysOf, temporaryStore } from './support/stores.ts';

const RUN_MINUTES = 60;
const HOUR = 60 * MINUTE;
const SWEEP = runIdAt(NOON);

async function search(
  store: TrailStore,
  change: { now?: number; closedBefore?: number | null; runs?: number } = {},
): Promise<DeadRunFindings> {
  const findings = await findDeadRuns(store, { now: NOON, runMinutes: RUN_MINUTES, closedBefore: null, ...change });
  if (findings === null) throw new Error('expected the search to come to its end');
  return findings;
}

async function deadIds(store: TrailStore, change: Parameters<typeof search>[1] = {}): Promise<string[]> {
  return (await search(store, change)).deadRuns.map((run) => run.runId);
}

/** Claims the one dead run of the trail for a run. */
async function claimOnly(store: TrailStore, runId: string, now = NOON) {
  const { deadRuns } = await search(store, { now });
  const [dead, ...others] = deadRuns;
  if (dead === undefined || others.length > 0) throw new Error(`expected one dead run, found ${deadRuns.length}`);
  return claimDeadRun(store, dead, { runId, now, runMinutes: RUN_MINUTES });
}

describe('findDeadRuns', () => {
  test('returns null, and reads no more, when it is stopped', async () => {
    const store = await temporaryStore();
    await writeRun(store, { at: NOON - 2 * HOUR, finishes: false });
    const options = { now: NOON, runMinutes: RUN_MINUTES, closedBefore: null, stop: AbortSignal.abort() };
    expect(await findDeadRuns(store, options)).toBeNull();
  });

  test.each([
    { name: 'finished', script: { at: NOON - 2 * HOUR, decides: [1], ends: [1] }, dead: false },
    { name: 'unfinished and young', script: { at: NOON - HOUR + 1, decides: [1], finishes: false }, dead: false },
    { name: 'unfinished and exactly of age', script: { at: NOON - HOUR, decides: [1], finishes: false }, dead: false },
    { name: 'unfinished and old', script: { at: NOON - HOUR - 1, decides: [1], finishes: false }, dead: true },
    {
      name: 'old, with every outcome but no end',
      script: { at: NOON - 2 * HOUR, decides: [1], ends: [1], finishes: false },
      dead: true,
    },
    { name: 'years old', script: { at: NOON - 900 * 24 * HOUR, finishes: false }, dead: true },
  ])('finds a run that is $name: $dead', async ({ script, dead }) => {
    const store = await temporaryStore();
    const runId = await writeRun(store, script);
    await writeRun(store, { at: NOON - 30 * MINUTE });
    expect(await deadIds(store)).toEqual(dead ? [runId] : []);
  });

  test('leaves out a dead run that some run has recovered, also when its claim is lost', async () => {
    const store = await temporaryStore();
    const deadRun = await writeRun(store, { at: NOON - 3 * HOUR, decides: [1], finishes: false });
    const log = startRun(store, runIdAt(NOON - MINUTE), NOON - MINUTE);
    await writeRecovery(log, { runId: deadRun, decisions: [] });
    expect(await keysOf(store, 'state/')).toEqual([]);
    expect(await deadIds(store)).toEqual([]);
  });

  test('returns a closedBefore that hides no run that may still die, nor one that is dead', async () => {
    const store = await temporaryStore();
    expect((await search(store)).closedBefore).toBe(NOON - HOUR - 10 * MINUTE);
    await writeRun(store, { at: NOON - 3 * HOUR });
    const dead = await writeRun(store, { at: NOON - 2 * HOUR, finishes: false });
    const { closedBefore } = await search(store);
    expect(closedBefore).toBe(NOON - 2 * HOUR);
    expect(await deadIds(store, { closedBefore })).toEqual([dead]);
  });

  test('reads only the runs that came of age since the last search', async () => {
    const store = countingStore(await temporaryStore());
    for (let minute = 300; minute >= 0; minute -= 1) await writeRun(store, { at: NOON - minute * MINUTE });
    await search(store);
    expect(store.reads.length).toBe(240);
    store.reads.length = 0;
    await search(store, { closedBefore: NOON - MINUTE - HOUR - 10 * MINUTE });
    expect(store.reads.length).toBe(11);
  });

  test('searches the whole trail when the cache is from the future', async () => {
    const store = await temporaryStore();
    const dead = await writeRun(store, { at: NOON - 5 * HOUR, finishes: false });
    expect(await deadIds(store, { closedBefore: NOON + HOUR })).toEqual([dead]);
  });

  test('goes through a long trail in bounded steps, and misses nothing', async () => {
    const store = await temporaryStore();
    const dead: string[] = [];
    for (let hour = 60; hour >= 2; hour -= 1) {
      for (let number = 0; number < 3; number += 1) {
        const isDead = hour % 20 === 0 && number === 1;
        const runId = await writeRun(store, { at: NOON - hour * HOUR + number, finishes: !isDead });
        if (isDead) dead.push(runId);
      }
    }
    const found: string[] = [];
    const log = startRun(store, SWEEP, NOON);
    let closedBefore: number | null = null;
    let searches = 0;
    do {
      const counted = countingStore(store);
      const findings = await search(counted, { closedBefore, runs: 10 });
      expect(findings.closedBefore).toBeGreaterThan(closedBefore ?? 0);
      for (const { runId } of findings.deadRuns) {
        found.push(runId);
        await writeRecovery(log, { runId, decisions: [] });
      }
      closedBefore = findings.closedBefore;
      searches += 1;
    } while (closedBefore < NOON - HOUR - 10 * MINUTE && searches < 100);
    expect(found).toEqual(dead);
    expect(searches).toBeGreaterThan(5);
  });
});

describe('claimDeadRun', () => {
  test('returns the decisions without outcome, in order, with their connections and the mode of the run', async () => {
    const store = await temporaryStore();
    const runId = await writeRun(store, {
      at: NOON - 2 * HOUR,
      decides: [3, 1, 2],
      ends: [1],
      finishes: false,
      mode: 'dry-run',
    });
    expect(await claimOnly(store, SWEEP)).toEqual({
      runId,
      decisions: [3, 2].map((number) => ({ ref: connectionRef(number), data: decisionData(number), mode: 'dry-run' })),
    });
    expect(await keysOf(store, 'state/')).toEqual([`state/recovery/${runId}/001.json`]);
  });

  test('returns a run without open decisions, so that it is closed', async () => {
    const store = await temporaryStore();
    const runId = await writeRun(store, { at: NOON - 2 * HOUR, finishes: false });
    expect(await claimOnly(store, SWEEP)).toEqual({ runId, decisions: [] });
  });

  test('does not take a recovered outcome for that of an own decision with the same id', async () => {
    const store = await temporaryStore();
    const first = await writeRun(store, { at: NOON - 6 * HOUR, decides: [1], finishes: false });
    const recoverer = runIdAt(NOON - 3 * HOUR);
    const log = startRun(store, recoverer, NOON - 3 * HOUR);
    log.append('decision', decisionData(1), connectionRef(1));
    await writeRecovery(log, {
      runId: first,
      decisions: [{ ref: connectionRef(1), data: decisionData(1), mode: 'enforce' }],
    });
    const claimed = await claimOnly(store, SWEEP);
    expect(claimed?.runId).toBe(recoverer);
    expect(claimed?.decisions.map(({ data }) => data.decision_id)).toEqual([decisionId(1)]);
  });

  test('gives a dead run to exactly one of many sweeps at once', async () => {
    const store = await temporaryStore();
    await writeRun(store, { at: NOON - 2 * HOUR, decides: [1], finishes: false });
    const sweeps = Array.from({ length: 10 }, (_, number) => claimOnly(store, runIdAt(NOON, number)));
    expect((await Promise.all(sweeps)).filter((claimed) => claimed !== null)).toHaveLength(1);
  });

  test('respects the claim of a run that is alive, also before it has written anything', async () => {
    const store = await temporaryStore();
    await writeRun(store, { at: NOON - 2 * HOUR, decides: [1], finishes: false });
    await claimOnly(store, SWEEP);
    expect(await claimOnly(store, runIdAt(NOON + HOUR), NOON + HOUR)).toBeNull();
  });

  test('claims again when the claimer died before it recovered anything', async () => {
    const store = await temporaryStore();
    const dead = await writeRun(store, { at: NOON - 2 * HOUR, decides: [1], finishes: false });
    await claimOnly(store, SWEEP);
    const later = NOON + HOUR + 1;
    expect(await claimOnly(store, runIdAt(later), later)).toMatchObject({
      runId: dead,
      decisions: [{ ref: connectionRef(1) }],
    });
    expect(await keysOf(store, 'state/')).toEqual([
      `state/recovery/${dead}/001.json`,
      `state/recovery/${dead}/002.json`,
    ]);
  });

  test('claims again when the claimer finished without recovering, and returns its own claim again', async () => {
    const store = await temporaryStore();
    await writeRun(store, { at: NOON - 2 * HOUR, decides: [1], finishes: false });
    await claimOnly(store, SWEEP);
    const log = startRun(store, SWEEP, NOON);
    log.append('run.finished', finishedData());
    await log.flush();
    const next = runIdAt(NOON + MINUTE);
    expect(await claimOnly(store, next, NOON + MINUTE)).not.toBeNull();
    expect(await claimOnly(store, next, NOON + MINUTE)).not.toBeNull();
    expect(await keysOf(store, 'state/')).toHaveLength(2);
  });

  test('goes on past the claim with number 999', async () => {
    const store = await temporaryStore();
    const dead = await writeRun(store, { at: NOON - 4 * HOUR, finishes: false });
    const claim = Buffer.from(`{"run_id":"${runIdAt(NOON - 2 * HOUR)}"}\n`);
    for (const number of ['001', '998', '999', '1000'])
      await store.create(`state/recovery/${dead}/${number}.json`, claim);
    expect(await claimOnly(store, SWEEP)).not.toBeNull();
    expect(await keysOf(store, 'state/')).toContain(`state/recovery/${dead}/1001.json`);
  });

  test('returns null when the claimer recovered the run after it was found', async () => {
    const store = await temporaryStore();
    await writeRun(store, { at: NOON - 2 * HOUR, decides: [1], finishes: false });
    const [dead] = (await search(store)).deadRuns;
    if (dead === undefined) throw new Error('expected a dead run');
    const first = await claimOnly(store, SWEEP);
    if (first === null) throw new Error('expected a claim');
    const log = startRun(store, SWEEP, NOON);
    await writeRecovery(log, first);
    log.append('run.finished', finishedData());
    await log.flush();
    for (const now of [NOON + 1, NOON + 5 * HOUR]) {
      expect(await claimDeadRun(store, dead, { runId: runIdAt(now), now, runMinutes: RUN_MINUTES })).toBeNull();
    }
  });

  test('refuses to guess when a claim cannot be read', async () => {
    const store = await temporaryStore();
    const dead = await writeRun(store, { at: NOON - 2 * HOUR, finishes: false });
    const key = `state/recovery/${dead}/001.json`;
    await store.create(key, Buffer.from('{}'));
    await expect(claimOnly(store, SWEEP)).rejects.toMatchObject({ name: 'TrailError', key });
  });

  test.each([
    { moment: 'before', recoveries: 1 },
    { moment: 'after', recoveries: 0 },
  ] as const)(
    'leaves all or nothing to recover when the recovering run dies $moment its write',
    async ({ moment, recoveries }) => {
      const store = await temporaryStore();
      const dead = await writeRun(store, { at: NOON - 2 * HOUR, decides: [1, 2, 3], finishes: false });
      const claimed = await claimOnly(store, SWEEP);
      if (claimed === null) throw new Error('expected a claim');
      const log = startRun(dyingStore(store, 1, moment), SWEEP, NOON);
      await expect(writeRecovery(log, claimed)).rejects.toThrow('killed');
      const later = NOON + 2 * HOUR;
      const { deadRuns } = await search(store, { now: later });
      const ids = deadRuns.map((run) => run.runId);
      expect(ids.filter((id) => id === dead)).toHaveLength(recoveries);
      const open: number[] = [];
      for (const run of deadRuns) {
        const again = await claimDeadRun(store, run, { runId: runIdAt(later), now: later, runMinutes: RUN_MINUTES });
        open.push(again?.decisions.length ?? -1);
      }
      expect(open).toEqual(recoveries === 1 ? [3] : [0]);
    },
  );
});
