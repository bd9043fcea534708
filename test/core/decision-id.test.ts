/** The identity of a decision: golden values, and that each fact in it counts. */
import { describe, expect, test } from 'vitest';
import type { ConnectionRef } from '../../lib/core/connection.ts';
import { decisionId } from '../../lib/core/decision-id.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';

const ref: ConnectionRef = {
  kind: 'vpcep',
  region: 'eu-de',
  projectId: '6204a5bd270343b5885144cf9c8c158d',
  serviceId: '4189d3c2-8882-4871-a3c2-d380272eed83',
  endpointId: '3e5f2a1c-0000-4000-8000-000000000001',
};
const policy = `sha256:${'a1'.repeat(32)}` as const;
const createdAt = '2026-01-02T03:04:05Z';

describe('decisionId', () => {
  // Computed with Python's hashlib over the sorted, compact JSON that policy.md describes.
  test.each([
    ['accept', createdAt, 'sha256:75af39f29573848ecd644a8ee18389cd2fee3434dffa0bb32083aeb28eabbee9'],
    ['reject', createdAt, 'sha256:37c24dcd75b6ed173ccc347d371485d6cde45822c81d566d94ef64d80fc79cf5'],
    ['hold', null, 'sha256:86f9dd9ee2ade805f354be08bef2b8d490340bb4bcf0d430999f1509ed658025'],
  ] as const)('gives the golden value of %s at %s', (effect, time, id) => {
    expect(decisionId(ref, time, policy, effect)).toBe(id);
  });

  test('takes a creation time that is unknown for null', () => {
    expect(decisionId(ref, UNKNOWN, policy, 'hold')).toBe(decisionId(ref, null, policy, 'hold'));
    expect(decisionId(ref, { unknown: true }, policy, 'hold')).toBe(decisionId(ref, null, policy, 'hold'));
  });

  test('is the same for the same facts, whatever else the ref carries', () => {
    const more = { extra: 1, ...ref };
    expect(decisionId(more, createdAt, policy, 'accept')).toBe(decisionId(ref, createdAt, policy, 'accept'));
  });

  test('differs as soon as one fact differs', () => {
    const ids = [
      decisionId(ref, createdAt, policy, 'accept'),
      decisionId({ ...ref, kind: 'css' }, createdAt, policy, 'accept'),
      decisionId({ ...ref, region: 'eu-nl' }, createdAt, policy, 'accept'),
      decisionId({ ...ref, projectId: 'x' }, createdAt, policy, 'accept'),
      decisionId({ ...ref, serviceId: 'x' }, createdAt, policy, 'accept'),
      decisionId({ ...ref, endpointId: 'x' }, createdAt, policy, 'accept'),
      decisionId(ref, '2026-01-02T03:04:06Z', policy, 'accept'),
      decisionId(ref, null, policy, 'accept'),
      decisionId(ref, createdAt, `sha256:${'b2'.repeat(32)}`, 'accept'),
      decisionId(ref, createdAt, policy, 'hold'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
