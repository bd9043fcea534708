/** Which names count as a slip of which. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nearestName } from '../../lib/core/nearest-name.ts';

describe('nearestName', () => {
  test.each([
    ['one letter less', 'efect', ['reason', 'effect', 'when'], 'effect'],
    ['one letter more', 'whenn', ['reason', 'effect', 'when'], 'when'],
    ['one letter changed', 'reasan', ['reason', 'effect', 'when'], 'reason'],
    ['two letters swapped', 'domian_id', ['domain_id', 'marker_id'], 'domain_id'],
    ['another case', 'DOMAIN_ID', ['domain_id', 'marker_id'], 'domain_id'],
    ['the nearer of two', 'ruless', ['rule', 'rules'], 'rules'],
    ['the first of two that are as near', 'bat', ['cat', 'hat'], 'cat'],
    ['one edit in a name of two letters', 'it', ['in', 'like'], 'in'],
    ['three edits in nine letters', 'aaaaaaxyz', ['aaaaaabcd'], 'aaaaaabcd'],
  ])('finds the name for %s', (_, name, candidates, expected) => {
    expect(nearestName(name, candidates)).toBe(expected);
  });

  test.each([
    ['something else altogether', 'colour', ['reason', 'effect', 'when']],
    ['four edits in nine letters', 'aaaaawxyz', ['aaaaabcde']],
    ['two edits in a name of two letters', 'ab', ['cd']],
    ['no candidates', 'effect', []],
    ['a long text', 'a'.repeat(81), ['a'.repeat(81)]],
  ])('finds nothing for %s', (_, name, candidates) => {
    expect(nearestName(name, candidates)).toBeUndefined();
  });

  test('finds every name itself', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z_]{1,12}$/), { minLength: 1 }), fc.nat(), (names, i) => {
        const name = names[i % names.length] as string;
        expect(nearestName(name, names)).toBe(name);
      }),
      { numRuns: 1_000 },
    );
  });
});
