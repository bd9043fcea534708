import { describe, expect, test } from 'vitest';
import { newRunId } from '../../lib/audit/new-run-id.ts';
import { isRunId, parseSegmentKey, runStart, segmentKey } from '../../lib/audit/segment-key.ts';
import { clockAt, NOON, runIdAt } from './support/samples.ts';

describe('segmentKey', () => {
  test('returns a key that parseSegmentKey understands', () => {
    const key = segmentKey(NOON + 61_000, runIdAt(NOON), 7);
    expect(key).toBe(`trail/2026/11/21/12/${runIdAt(NOON)}/000007.jsonl`);
    expect(parseSegmentKey(key)).toEqual({ hour: NOON, runId: runIdAt(NOON), number: 7 });
  });

  test('throws past the last number that sorts', () => {
    expect(() => segmentKey(NOON, runIdAt(NOON), 1_000_000)).toThrow(RangeError);
  });
});

describe('parseSegmentKey', () => {
  test.each([
    'state/held.json',
    `trail/2026/02/31/12/${runIdAt(NOON)}/000001.jsonl`,
    `trail/2026/11/21/24/${runIdAt(NOON)}/000001.jsonl`,
    `trail/2026/11/21/12/${runIdAt(NOON)}/1.jsonl`,
    `trail/2026/11/21/12/${runIdAt(NOON)}/000001.jsonl.bak`,
    'trail/2026/11/21/12/0193a1b2-0000-4000-8000-000000000000/000001.jsonl',
  ])('returns null for `%s`', (key) => {
    expect(parseSegmentKey(key)).toBeNull();
  });
});

describe('newRunId', () => {
  test('returns a UUIDv7 that holds the time of the clock, and another one each time', () => {
    const ids = Array.from({ length: 100 }, () => newRunId(clockAt(NOON + 123)));
    expect(ids.every(isRunId)).toBe(true);
    expect(new Set(ids.map(runStart))).toEqual(new Set([NOON + 123]));
    expect(new Set(ids).size).toBe(100);
  });
});

describe('runStart', () => {
  test('throws for what is no UUIDv7', () => {
    expect(() => runStart('../../etc')).toThrow(TypeError);
  });
});
