import { describe, expect, test } from 'vitest';
import { formatTime, parseDuration } from '../../lib/emulator/duration.ts';

describe('parseDuration', () => {
  test.each([
    ['0s', 0],
    ['800ms', 800],
    ['5s', 5_000],
    ['2m', 120_000],
    ['3h', 10_800_000],
    ['400d', 34_560_000_000],
    ['', null],
    ['5', null],
    ['1.5h', null],
    ['-1s', null],
    ['1w', null],
    ['1 s', null],
    ['1234567890s', null],
  ])('reads `%s` as %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
});

describe('formatTime', () => {
  test('drops milliseconds', () => {
    expect(formatTime(Date.parse('2026-11-21T12:00:00.999Z'))).toBe('2026-11-21T12:00:00Z');
  });
});
