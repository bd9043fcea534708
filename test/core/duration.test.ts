/** Durations as policies write them. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../lib/core/duration.ts';

describe('parseDuration', () => {
  test.each([
    ['0s', 0],
    ['90s', 90],
    ['15m', 900],
    ['2h', 7_200],
    ['7d', 604_800],
    ['007d', 604_800],
    ['9007199254740991s', Number.MAX_SAFE_INTEGER],
  ])('reads %s as %d seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test.each(
    [
      ['', 's', '5', '5w', '5S', '5M', '5ms', '-5s', '+5s', '1.5h', '1e3s', ' 5s', '5s ', '5 s', '5s\n', '1h30m', '٥s'],
      ['9007199254740992s', '200000000000d', `${'9'.repeat(400)}s`],
    ].flat(),
  )('refuses `%s`', (text) => {
    expect(parseDuration(text)).toBeNull();
  });
});

describe('formatDuration', () => {
  test('writes what parseDuration reads back exactly', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (seconds) => {
        expect(parseDuration(formatDuration(seconds))).toBe(seconds);
      }),
      { numRuns: 1_000 },
    );
  });
});
