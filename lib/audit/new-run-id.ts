/** Makes run ids. The only place of the trail where chance comes in. */
import { v7 } from 'uuid';
import type { Clock } from '../clock.ts';

/**
 * Returns a new run id: a UUIDv7 whose time is the clock's. Recovery reads that time as the run's start, so the id is made
 * when the run begins, not earlier.
 */
export function newRunId(clock: Clock): string {
  return v7({ msecs: clock.now() });
}
