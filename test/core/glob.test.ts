/** The pattern language of `like`, against an obviously right reference and against patterns that are made to be slow. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../lib/core/glob.ts';
import { naiveGlob } from './support/naive-glob.ts';

describe('compileGlob', () => {
  test('agrees with the reference on short texts of few characters', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\', '\u{1F600}'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '\\', '\u{1F600}', '\n'), maxLength: 8 });
    let matched = 0;
    fc.assert(
      fc.property(pattern, text, (pattern, text) => {
        const expected = naiveGlob(pattern, text);
        if (expected) matched++;
        expect(compileGlob(pattern)(text)).toBe(expected);
      }),
      { numRuns: 20_000 },
    );
    expect(matched).toBeGreaterThan(300);
  });

  test('agrees with the reference on patterns that were made from the text', () => {
    const unit = fc.constantFrom('a', 'b', '\u{1F600}', '*');
    const pieces = fc.array(fc.tuple(unit, fc.constantFrom('itself', '?', '*', 'nothing', 'b')), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (pieces) => {
        const text = pieces.map(([character]) => character).join('');
        const spelled = { '?': '?', '*': '*', nothing: '', b: 'b' };
        const pattern = pieces.map(([character, as]) => (as === 'itself' ? `\\${character}` : spelled[as])).join('');
        expect(compileGlob(pattern)(text)).toBe(naiveGlob(pattern, text));
      }),
      { numRuns: 10_000 },
    );
  });

  test('agrees with the reference on any Unicode text', () => {
    const any = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(any, any, (pattern, text) => {
        expect(compileGlob(pattern)(text)).toBe(naiveGlob(pattern, text));
        expect(compileGlob('*')(text)).toBe(true);
        expect(
          compileGlob(
            Array.from(text)
              .map((character) => `\\${character}`)
              .join(''),
          )(text),
        ).toBe(true);
        expect(
          compileGlob(
            Array.from(text)
              .map(() => '?')
              .join(''),
          )(text),
        ).toBe(true);
        expect(
          compileGlob(
            `${Array.from(text)
              .map(() => '?')
              .join('')}?`,
          )(text),
        ).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  test('never matches half of a code point', () => {
    expect(compileGlob('*\ude00')('\u{1F600}')).toBe(false);
    expect(compileGlob('\ud83d*')('\u{1F600}')).toBe(false);
  });

  test('takes a backslash at the end for itself', () => {
    expect(compileGlob('a\\')('a\\')).toBe(true);
    expect(compileGlob('a\\')('a')).toBe(false);
    expect(compileGlob('a\\')('ab')).toBe(false);
  });

  test('treats what is special in other languages as literal', () => {
    for (const character of '.+^$()[]{}|/-,!@#%&') {
      expect(compileGlob(character)(character)).toBe(true);
      expect(compileGlob(character)('a')).toBe(false);
      expect(compileGlob(character)('')).toBe(false);
    }
  });

  // A matcher that backtracks into every run needs years for these; the test's time limit tells.
  test.each([
    ['*a*a*a*b', 'a'.repeat(100_000)],
    [`${'*a'.repeat(50)}*b`, 'a'.repeat(100_000)],
    [`${'*?'.repeat(50)}*b`, 'a'.repeat(100_000)],
    [`${'*'.repeat(5_000)}b`, 'a'.repeat(10_000)],
    [`*${'\u{1F600}'.repeat(50)}b`, '\u{1F600}'.repeat(50_000)],
    [`${'*aab'.repeat(30)}*c`, 'aab'.repeat(30_000)],
  ])('a pattern bomb stays harmless: %.20s', (pattern, text) => {
    const matches = compileGlob(pattern);
    expect(matches(text)).toBe(false);
    expect(matches(`${text}${pattern.at(-1)}`)).toBe(true);
  });
});
