/** How problems are written: pointers, quotes that are safe to print, hints. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProblem, pointerTo, quoteName, quoteValue } from '../../lib/core/problem.ts';

describe('formatProblem', () => {
  test('writes where, what was found and what was expected', () => {
    expect(formatProblem({ pointer: '/rules/0', found: '`5`', expected: 'an object' })).toBe(
      '/rules/0: found `5`, expected an object',
    );
  });

  test('adds the nearest name', () => {
    const problem = { pointer: '/efect', found: 'a', expected: 'b', suggestion: 'effect' };
    expect(formatProblem(problem)).toBe('/efect: found a, expected b (did you mean `effect`?)');
  });

  test('shows the document itself as `/`', () => {
    expect(formatProblem({ pointer: '', found: '`null`', expected: 'an object' })).toBe(
      '/: found `null`, expected an object',
    );
  });
});

describe('pointerTo', () => {
  test.each([
    ['/rules', 3, '/rules/3'],
    ['', 'a', '/a'],
    ['/when', 'a/b~c', '/when/a~1b~0c'],
    ['/when', '~1', '/when/~01'],
    ['/when', '', '/when/'],
  ])('appends to `%s` the token `%s`', (pointer, token, expected) => {
    expect(pointerTo(pointer, token)).toBe(expected);
  });
});

describe('quoteValue', () => {
  test.each([
    [undefined, 'nothing'],
    [null, '`null`'],
    [5, '`5`'],
    ['a"b', '`"a\\"b"`'],
    [{ a: [1] }, '`{"a":[1]}`'],
    [[1, 2, 3], '`[1,2,3]`'],
    [[1, 2, 3, 4], 'an array of 4 items'],
    [1n, '`1`'],
    [Symbol.iterator, '`Symbol(Symbol.iterator)`'],
  ])('shows %s', (value, expected) => {
    expect(quoteValue(value)).toBe(expected);
  });

  test('survives a value that refers to itself', () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(quoteValue(loop)).toBe('`[object Object]`');
  });
});

describe('quoteName', () => {
  test('keeps 80 characters and cuts the 81st, counted in code points', () => {
    expect(quoteName('x'.repeat(80))).toBe(`\`${'x'.repeat(80)}\``);
    expect(quoteName('x'.repeat(81))).toBe(`\`${'x'.repeat(80)}…\``);
    expect(quoteName('\u{1F600}'.repeat(80))).toBe(`\`${'\u{1F600}'.repeat(80)}\``);
    expect(quoteName('\u{1F600}'.repeat(81))).toBe(`\`${'\u{1F600}'.repeat(80)}…\``);
    expect(quoteName('x'.repeat(10_000_000))).toHaveLength(83);
  });

  test('lets no escape sequence, line break or direction override through to a terminal', () => {
    expect(quoteName('a\u001b[31mb')).toBe('`a�[31mb`');
    expect(quoteName('a\r\nb\tc\u0000\u007f\u009b')).toBe('`a��b�c���`');
    expect(quoteName('a\u202eb\u2066c\u200bd\ufeffe\u2028f\u2029')).toBe('`a�b�c�d�e�f�`');
  });

  test('always gives one short line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200, size: 'max' }), (text) => {
        for (const quoted of [quoteName(text), quoteValue(text), quoteValue({ [text]: text })]) {
          expect(Array.from(quoted).length).toBeLessThanOrEqual(83);
          expect(quoted).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
