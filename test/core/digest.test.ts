/** Digests as they are written everywhere, and the identity of a policy document. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf, digestOfJson } from '../../lib/core/digest.ts';
import { compilePolicy } from '../../lib/core/policy.ts';
import { arbitraryPolicy } from './support/arbitrary-policy.ts';

describe('digestOf', () => {
  test('writes SHA-256 in lower-case hex (FIPS 180-4, "abc")', () => {
    expect(digestOf('abc')).toBe('sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  test('takes a text as its UTF-8 bytes', () => {
    expect(digestOf('é😀')).toBe(digestOf(new Uint8Array([0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80])));
  });
});

describe('digestOfJson', () => {
  test('is taken over the canonical form', () => {
    expect(digestOfJson({ b: 1, a: [2] })).toBe(digestOf('{"a":[2],"b":1}'));
  });
});

describe('the digest of a policy', () => {
  const file = new URL('../cases/decisions/policy-in-a-minute.json', import.meta.url);
  const inAMinute: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));

  test('never changes for a document that has not changed', () => {
    // Computed with Python's hashlib over json.dumps(…, sort_keys=True, separators=(',', ':')).
    expect(compilePolicy(inAMinute).digest).toBe(
      'sha256:c44be9ff630fff9118ddc7d525740935de14e3a169d71579700a1dd9e54ff908',
    );
  });

  test('does not depend on `$schema`', () => {
    expect(compilePolicy({ $schema: './policy.schema.json', ...inAMinute }).digest).toBe(
      compilePolicy(inAMinute).digest,
    );
  });

  test('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(arbitraryPolicy, (policy) => {
        expect(compilePolicy(reverseKeys(policy)).digest).toBe(compilePolicy(policy).digest);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['the name', { name: 'other' }],
    ['a description', { description: 'd' }],
    ['another description', { description: 'e' }],
    ['another default', { default: 'reject' }],
    ['a list more', { lists: { partners: ['6e9dfd51d1124e8d8498dce894923a0d'], unused: [] } }],
    [
      'a list in another order',
      { lists: { partners: (inAMinute['lists'] as { partners: string[] }).partners.toReversed() } },
    ],
    ['rules in another order', { rules: (inAMinute['rules'] as unknown[]).toReversed() }],
    ['a rule less', { rules: (inAMinute['rules'] as unknown[]).slice(1) }],
  ])('depends on %s', (_, change) => {
    const lists = { partners: ['6e9dfd51d1124e8d8498dce894923a0d', '1f0a4c7d2be04f1b9d0b6f7b8f3f2a11'] };
    expect(compilePolicy({ lists, ...inAMinute, ...change }).digest).not.toBe(compilePolicy(inAMinute).digest);
  });

  test('differs between a default that is spelled out and one that is not, since the documents differ', () => {
    const { default: _, ...implicit } = inAMinute;
    expect(compilePolicy(implicit).digest).not.toBe(compilePolicy(inAMinute).digest);
  });
});

function reverseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reverseKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reverseKeys(member)]),
  );
}
