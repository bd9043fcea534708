import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Throttle } from '../../lib/cloud/throttle.ts';
import { FakeClock } from './fake-clock.ts';

const NEVER = new AbortController().signal;

/** Sends as fast as the throttle lets it, and returns when each was sent, in ms from the start. */
async function sendTimes(throttle: Throttle, clock: FakeClock, count: number): Promise<readonly number[]> {
  const start = clock.now();
  const times: number[] = [];
  const wait = async (ms: number) => {
    await clock.sleep(ms);
    return true;
  };
  const sendAll = async () => {
    for (let sent = 0; sent < count; sent += 1) {
      await throttle.take(wait, NEVER);
      times.push(clock.now() - start);
    }
  };
  await clock.run(sendAll(), () => true);
  return times;
}

/** The most that was sent within any window of `ms`. */
function mostWithin(times: readonly number[], ms: number): number {
  return Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + ms).length));
}

describe('Throttle', () => {
  test('spaces requests evenly after a small burst', async () => {
    const clock = new FakeClock();
    expect(await sendTimes(new Throttle(20, clock.now), clock, 6)).toEqual([0, 0, 50, 100, 150, 200]);
  });

  test('never exceeds the rate by more than the burst, at any rate', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.2, max: 200, noNaN: true }), async (rate) => {
        const clock = new FakeClock();
        const times = await sendTimes(new Throttle(rate, clock.now), clock, 60);
        expect(mostWithin(times, 1_000)).toBeLessThanOrEqual(rate + Math.max(1, rate / 10) + 1e-3);
        // And it is not slower than asked either: each wait is rounded up by less than a millisecond.
        expect(times.at(-1)).toBeLessThanOrEqual((60 / rate) * 1_000 + 60);
      }),
      { numRuns: 15 },
    );
  });

  test('does not limit what has no limit', async () => {
    const clock = new FakeClock();
    expect(await sendTimes(new Throttle(null, clock.now), clock, 500)).toEqual(Array(500).fill(0));
  });

  test('halves the rate when the cloud complains, once for what was sent before, and climbs back to what was configured', async () => {
    const clock = new FakeClock();
    const throttle = new Throttle(20, clock.now);
    await sendTimes(throttle, clock, 60);
    const sentAt = clock.now();
    clock.advance(100);
    throttle.slowDown('h', sentAt, undefined);
    const slow = throttle.requestsPerSecond ?? 0;
    expect(slow).toBeLessThanOrEqual(11);
    throttle.slowDown('h', sentAt, undefined);
    expect(throttle.requestsPerSecond).toBe(slow);
    const rates = Array.from({ length: 40 }, () => {
      throttle.speedUp();
      return throttle.requestsPerSecond ?? 0;
    });
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
    expect(rates.at(0)).toBeLessThan(13);
    expect(rates.at(-1)).toBe(20);
  });

  test('never goes below one request a second, nor above what was configured', async () => {
    const clock = new FakeClock();
    const throttle = new Throttle(20, clock.now);
    const slow = new Throttle(0.5, clock.now);
    for (let round = 0; round < 20; round += 1) {
      clock.advance(1_000);
      throttle.slowDown('h', clock.now(), undefined);
      slow.slowDown('h', clock.now(), undefined);
    }
    expect(throttle.requestsPerSecond).toBe(1);
    expect(slow.requestsPerSecond).toBeLessThanOrEqual(0.5);
    slow.speedUp();
    expect(slow.requestsPerSecond).toBe(0.5);
  });

  test('limits what has no limit for as long as it is needed', async () => {
    const clock = new FakeClock();
    const throttle = new Throttle(null, clock.now);
    await sendTimes(throttle, clock, 100);
    throttle.slowDown('h', clock.now(), undefined);
    expect(throttle.requestsPerSecond).toBe(50);
    for (let answers = 0; answers < 50; answers += 1) throttle.speedUp();
    expect(throttle.requestsPerSecond).toBeNull();
  });

  test('pauses the host that asked for it and no other, by the longest demand', () => {
    const clock = new FakeClock();
    const throttle = new Throttle(20, clock.now);
    throttle.slowDown('h', clock.now(), 5_000);
    throttle.slowDown('h', clock.now(), 2_000);
    expect([throttle.pauseOf('h'), throttle.pauseOf('other')]).toEqual([5_000, 0]);
    clock.advance(5_000);
    expect(throttle.pauseOf('h')).toBe(0);
  });
});
