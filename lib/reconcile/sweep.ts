/** One run over all targets: what the timer starts. Straight down: recover, gather, judge, act, finish. */
import { readHeld, writeHeld } from '../audit/held.ts';
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
    const cache = await readHeld(settings.store);
    const closedBefore = await recoverDeadRuns(settings.store, cache.closedBefore, settings.targets, run);
    const gathered = await gatherAll(settings.targets, run);
    // A dry-run leaves the cache alone, and writes all its holds: it must not make an enforcing sweep skip a record.
    const isEnforcing = run.mode === 'enforce';
    const { result, holds } = await judgeAndFinish(gathered, isEnforcing ? cache.held : new Set(), run);
    if (isEnforcing) {
      // What an incomplete sweep did not see may well be held still, and is in the trail.
      const held = run.isComplete ? holds : new Set([...cache.held, ...holds]);
      await writeHeld(settings.store, { held, closedBefore });
    }
    return result;
  } finally {
    run.time.dispose();
  }
}
