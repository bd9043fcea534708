import { describe, expect, test } from 'vitest';
import { DocumentError, invalidDocument, unreadableDocument } from '../lib/document-error.ts';
import { JsonTextError } from '../lib/json-text.ts';

describe('unreadableDocument', () => {
  test.each([
    ['ENOENT', 'there is no such file'],
    ['EISDIR', 'it is a folder'],
    ['EACCES', 'it may not be read by this user'],
    ['EPERM', 'it may not be read by this user'],
    ['ENOTDIR', 'a part of the path is a file, not a folder'],
    ['ELOOP', 'its symbolic links lead in a circle'],
    ['ENAMETOOLONG', 'the path is too long'],
    ['EFBIG', 'it is over 128 MiB'],
    ['EIO', 'it cannot be read (EIO)'],
  ])('says what %s means', (code, words) => {
    const error = unreadableDocument('a.json', 'a policy', Object.assign(new Error('no'), { code }));
    expect(error).toBeInstanceOf(DocumentError);
    expect(error.lines).toEqual([`a.json: ${words}, expected a policy`]);
  });

  test('begins with file, line and column where a text is no JSON', () => {
    const error = unreadableDocument(
      'a.json',
      'a policy',
      new JsonTextError('found x, expected y', { line: 3, column: 7 }),
    );
    expect(error.lines).toEqual(['a.json:3:7: found x, expected y']);
  });

  test('leaves the place out where the text as a whole is wrong', () => {
    expect(unreadableDocument('a.json', 'a policy', new JsonTextError('found x, expected y')).lines).toEqual([
      'a.json: found x, expected y',
    ]);
  });
});

describe('invalidDocument', () => {
  test('writes one line for each problem, with its place, where there is one', () => {
    const problems = [
      { pointer: '/a', found: '`1`', expected: 'a text' },
      { pointer: '/efect', found: 'unknown key `efect`', expected: 'one of `effect`', suggestion: 'effect' },
    ];
    const error = invalidDocument('a.json', problems, (pointer) =>
      pointer === '/a' ? { line: 1, column: 2 } : undefined,
    );
    expect(error.lines).toEqual([
      'a.json:1:2: /a: found `1`, expected a text',
      'a.json: /efect: found unknown key `efect`, expected one of `effect` (did you mean `effect`?)',
    ]);
  });
});
