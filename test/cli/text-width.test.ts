import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, widthOf, wrap } from '../../lib/cli/text-width.ts';

const RED = '\u001B[31m';
const PLAIN = '\u001B[39m';
const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '  ', '日', 'e\u0301', '😀', '-', 'longer') });

describe('widthOf', () => {
  test.each([
    ['', 0],
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['😀', 2],
    [`${RED}red${PLAIN}`, 3],
  ])('measures %j', (value, width) => {
    expect(widthOf(value)).toBe(width);
  });
});

describe('cut', () => {
  test.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
  ])('cuts %s to %d columns', (value, width, expected) => {
    expect(cut(value, width)).toBe(expected);
  });

  test('is never wider than asked', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 30 }), (value, width) => {
        expect(widthOf(cut(value, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('wrap', () => {
  test('breaks between words and indents what follows', () => {
    expect(wrap('  one two three four', 10)).toEqual(['  one two', '    three', '    four']);
  });

  test('breaks words that are wider than a line', () => {
    expect(wrap('a bbbbbbbbbbbbbbbbb', 8)).toEqual(['a', '  bbbbbb', '  bbbbbb', '  bbbbb']);
  });

  test('counts no colours', () => {
    expect(wrap(`${RED}one${PLAIN} two`, 7)).toEqual([`${RED}one${PLAIN} two`]);
  });

  test('loses nothing but white space, and is never wider than asked', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 10, max: 40 }), (value, width) => {
        const lines = wrap(value, width);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        expect(lines.join('').replaceAll(' ', '')).toBe(value.replaceAll(' ', ''));
      }),
    );
  });
});
