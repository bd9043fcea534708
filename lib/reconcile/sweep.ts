/** One run over all targets: what the timer starts. Straight down: recover, gather, judge, act, finish. */
import { EMPTY_HELD, type HeldCache, readHeld, writeHeld } from '../audit/held.ts';
import { StoreError } from '../audit/store.ts';
import { beginRun, judgeAndFinish, type RunRequest, type RunSettings } from './execute.ts';
import { gatherAll } from './gather.ts';
import { recoverDeadRuns } from './recover.ts';
import type { RunResult } from './run-result.ts';

/**
 * Runs one sweep. Failing services and connections are in the result; they never stop the others.
 *
 * @throws StoreError when the trail cannot be read or written: then nothing more was sent than the trail says.
 */
export async function sweep(settings: RunSettings, request: RunRequest): Promise<RunResult> {
  const run = beginRun(settings, request);
  try {
    const cache = await cached(settings);
    const closedBefore = await recoverDeadRuns(settings.store, cache.closedBefore, settings.targets, run);
    const gathered = await gatherAll(settings.targets, run);
    // A dry-run leaves the cache alone, and writes all its holds: it must not make an enforcing sweep skip a record.
    const isEnforcing = run.mode === 'enforce';
    const { result, holds } = await judgeAndFinish(gathered, isEnforcing ? cache.held : new Set(), run);
    if (isEnforcing) {
      // What an incomplete sweep did not see may well be held still, and is in the trail.
      const held = run.isComplete ? holds : new Set([...cache.held, ...holds]);
      await remember(settings, cache, { held, closedBefore });
    }
    return result;
  } finally {
    run.time.dispose();
  }
}

/** Without the cache a sweep repeats records; it is no reason not to sweep. A store that fails altogether shows at the first flush. */
async function cached({ store }: RunSettings): Promise<HeldCache> {
  try {
    return await readHeld(store);
  } catch (error) {
    if (error instanceof StoreError) return EMPTY_HELD;
    throw error;
  }
}

/** How far the search for dead runs may fall behind before an idle sweep writes the cache only for it. */
const CURSOR_STEP_MS = 60 * 60_000;

async function remember({ store }: RunSettings, before: HeldCache, after: HeldCache): Promise<void> {
  const isSame = after.held.size === before.held.size && [...after.held].every((id) => before.held.has(id));
  const step = (after.closedBefore ?? 0) - (before.closedBefore ?? 0);
  if (isSame && before.closedBefore !== null && step < CURSOR_STEP_MS) return;
  try {
    await writeHeld(store, after);
  } catch (error) {
    // The run is over and in the trail: that the next one repeats some records is no failure of this one.
    if (!(error instanceof StoreError)) throw error;
  }
}
