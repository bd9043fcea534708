import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EMPTY_HELD, heldDigest, readHeld, writeHeld } from '../../lib/audit/held.ts';
import { decisionId, NOON } from './support/samples.ts';
import { temporaryStore, textOf } from './support/stores.ts';

describe('heldDigest', () => {
  test('is SHA-256 over the sorted ids, each once, joined by newlines', () => {
    const expected = createHash('sha256').update('sha256:a\nsha256:b').digest('hex');
    expect(heldDigest(['sha256:b', 'sha256:a', 'sha256:b'])).toBe(`sha256:${expected}`);
  });

  test('is the digest of nothing when nothing is held', () => {
    expect(heldDigest([])).toBe('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

describe('readHeld', () => {
  test('returns what writeHeld wrote', async () => {
    const store = await temporaryStore();
    const cache = { held: new Set([decisionId(2), decisionId(1)]), closedBefore: NOON + 1 };
    await writeHeld(store, cache);
    expect(await readHeld(store)).toEqual(cache);
    await writeHeld(store, EMPTY_HELD);
    expect(await readHeld(store)).toEqual(EMPTY_HELD);
    expect(await textOf(store, 'state/held.json')).toBe('{"closed_before":null,"held":[],"v":1}\n');
  });

  test.each([
    '',
    'null',
    '{',
    '[]',
    '{"v":2,"held":[],"closed_before":null}',
    '{"v":1,"held":{},"closed_before":null}',
    '{"v":1,"held":["x"],"closed_before":null}',
    '{"v":1,"held":[],"closed_before":"tomorrow"}',
    '{"v":1,"held":[],"closed_before":"2026-11-21"}',
    '{"v":1,"held":[],"closed_before":5}',
    '{"v":1,"held":[]}',
    '\u0000\ufffd',
  ])('returns the empty cache for `%s`', async (text) => {
    const store = await temporaryStore();
    await store.replace('state/held.json', Buffer.from(text));
    expect(await readHeld(store)).toEqual(EMPTY_HELD);
  });

  test('returns the empty cache when there is none', async () => {
    expect(await readHeld(await temporaryStore())).toEqual(EMPTY_HELD);
  });
});
