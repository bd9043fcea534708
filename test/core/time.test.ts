/** RFC 3339 read strictly. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTime } from '../../lib/core/time.ts';

describe('parseTime', () => {
  test.each([
    ['1970-01-01T00:00:00Z', 0],
    ['1970-01-01T00:00:00.001Z', 1],
    ['1970-01-01T00:00:00.1Z', 100],
    ['1970-01-01t00:00:01z', 1_000],
    ['1970-01-01T01:00:00+01:00', 0],
    ['1969-12-31T19:30:00-04:30', 0],
    ['1970-01-01T00:00:00-00:00', 0],
    ['1969-12-31T23:59:59Z', -1_000],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['2026-12-31T23:59:59.999Z', Date.UTC(2027, 0, 1) - 1],
    ['2026-01-01T00:00:00.123456789Z', Date.UTC(2026, 0, 1) + 123],
  ])('reads %s', (text, time) => {
    expect(parseTime(text)).toBe(time);
  });

  test.each([
    ['nothing', ''],
    ['a date alone', '2026-01-01'],
    ['a time without a zone', '2026-01-01T00:00:00'],
    ['a time without seconds', '2026-01-01T00:00Z'],
    ['a space for the T', '2026-01-01 00:00:00Z'],
    ['30 February', '2026-02-30T00:00:00Z'],
    ['29 February of a common year', '2026-02-29T00:00:00Z'],
    ['29 February of a common century', '2100-02-29T00:00:00Z'],
    ['31 April', '2026-04-31T00:00:00Z'],
    ['32 January', '2026-01-32T00:00:00Z'],
    ['day zero', '2026-01-00T00:00:00Z'],
    ['month zero', '2026-00-01T00:00:00Z'],
    ['month 13', '2026-13-01T00:00:00Z'],
    ['hour 24', '2026-01-01T24:00:00Z'],
    ['hour 24 with a fraction', '2026-01-01T24:00:00.000Z'],
    ['hour 25', '2026-01-01T25:00:00Z'],
    ['minute 60', '2026-01-01T00:60:00Z'],
    ['second 61', '2026-01-01T00:00:61Z'],
    ['a zone of 24 hours', '2026-01-01T00:00:00+24:00'],
    ['a zone of 60 minutes', '2026-01-01T00:00:00+01:60'],
    ['a zone without a colon', '2026-01-01T00:00:00+0100'],
    ['an empty fraction', '2026-01-01T00:00:00.Z'],
    ['a comma', '2026-01-01T00:00:00,5Z'],
    ['a year of five digits', '12026-01-01T00:00:00Z'],
    ['a signed year', '+002026-01-01T00:00:00Z'],
    ['space before', ' 2026-01-01T00:00:00Z'],
    ['a line break after', '2026-01-01T00:00:00Z\n'],
    ['digits of another script', '٢٠٢٦-01-01T00:00:00Z'],
    ['words', 'tomorrow'],
  ])('refuses %s', (_, text) => {
    expect(parseTime(text)).toBeNull();
  });

  test('reads every moment as Date writes it', () => {
    const moment = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moment, (date) => {
        expect(parseTime(date.toISOString())).toBe(date.getTime());
      }),
      { numRuns: 1_000 },
    );
  });
});
