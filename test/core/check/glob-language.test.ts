/** Whether patterns have a text in common, against trying every short text with an obviously right matcher. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Effort } from '../../../lib/core/check/effort.ts';
import { findWord, GlobLanguage } from '../../../lib/core/check/glob-language.ts';
import { naiveGlob } from '../support/naive-glob.ts';

const CHARACTERS = ['a', 'b', 'z', '\u{1F600}'] as const;
const SHORT_TEXTS = ['', ...CHARACTERS].flatMap((a) =>
  ['', ...CHARACTERS].flatMap((b) => ['', ...CHARACTERS].flatMap((c) => ['', ...CHARACTERS].map((d) => a + b + c + d))),
);

const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\u{1F600}'), maxLength: 5 });
const patterns = fc.array(pattern, { maxLength: 3 });
const sets = fc.array(fc.uniqueArray(fc.constantFrom('', 'a', 'b', 'ab', 'aa', 'ba', '\u{1F600}', 'aab')), {
  maxLength: 2,
});

function find(
  matching: readonly string[],
  notMatching: readonly string[],
  avoiding: readonly (readonly string[])[],
  steps = 1e6,
) {
  return findWord(
    {
      matching: matching.map((each) => new GlobLanguage(each)),
      notMatching: notMatching.map((each) => new GlobLanguage(each)),
      avoiding: avoiding.map((each) => new Set(each)),
    },
    new Effort(steps),
  );
}

describe('findWord', () => {
  test('finds a text that is one, and says that there is none only when there is none', () => {
    const counts = { word: 0, none: 0 };
    fc.assert(
      fc.property(patterns, patterns, sets, (matching, notMatching, avoiding) => {
        const isAnswer = (text: string): boolean =>
          matching.every((each) => naiveGlob(each, text)) &&
          !notMatching.some((each) => naiveGlob(each, text)) &&
          !avoiding.some((set) => new Set<string>(set).has(text));
        const answer = find(matching, notMatching, avoiding);
        const words = typeof answer === 'object' ? [answer.word] : [];
        counts[answer === 'none' ? 'none' : 'word'] += 1;
        expect(answer).not.toBe('undecided');
        expect(words.filter(isAnswer)).toEqual(words);
        expect(answer === 'none' ? SHORT_TEXTS.filter(isAnswer) : []).toEqual([]);
      }),
      { numRuns: 5_000 },
    );
    expect(counts.word).toBeGreaterThan(500);
    expect(counts.none).toBeGreaterThan(500);
  });

  test.each<[string[], string[], string[][], unknown]>([
    [['a?', '?b'], [], [[]], 'ab'],
    [['ab*', '*ba'], ['ab*ba'], [], 'aba'],
    [['ab*', '*ba'], ['ab*ba'], [['aba']], 'none'],
    [['?'], [], [['a', 'b']], expect.any(String)],
    [['a*'], ['*'], [], 'none'],
    [[], ['?*'], [], ''],
    [[], ['?*'], [['']], 'none'],
    [['\\*'], [], [], '*'],
    [['\\*'], [], [['*']], 'none'],
    [['\u{1F600}?'], ['*\ude00'], [], expect.any(String)],
  ])('%j without %j and %j', (matching, notMatching, avoiding, expected) => {
    const wanted: unknown = expected === 'none' ? 'none' : { word: expected };
    expect(find(matching, notMatching, avoiding)).toEqual(wanted);
  });

  test('gives up when the effort is spent, and then knows nothing', () => {
    const bomb = `*a${'?'.repeat(30)}b*`;
    expect(find([bomb, `*b${'?'.repeat(29)}a*`], ['*ab*', '*ba*'], [], 2_000)).toBe('undecided');
  });
});

describe('GlobLanguage', () => {
  test.each([
    ['*?', '?*'],
    ['**', '*'],
    ['a?**?b', 'a*??b'],
    ['\\a', 'a'],
  ])('%s and %s are one pattern', (a, b) => {
    expect(new GlobLanguage(a).key).toBe(new GlobLanguage(b).key);
  });

  test('knows the patterns that match one text only, or every text', () => {
    expect(new GlobLanguage('a\\*b').onlyText).toBe('a*b');
    expect(new GlobLanguage('').onlyText).toBe('');
    expect(new GlobLanguage('a?').onlyText).toBeUndefined();
    expect(new GlobLanguage('**').isAny).toBe(true);
    expect(new GlobLanguage('*?').isAny).toBe(false);
  });
});
