import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JsonTextError, parseJsonText } from '../lib/json-text.ts';

function parse(text: string | Uint8Array) {
  return parseJsonText(typeof text === 'string' ? new TextEncoder().encode(text) : text);
}

/** `line:column: message` of the error that `text` earns. */
function complaintOf(text: string | Uint8Array): string {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    const { position } = error;
    return `${position ? `${position.line}:${position.column}: ` : ''}${error.message}`;
  }
  return 'no complaint';
}

/** What `read` returns, or `no value` when it throws. */
function valueOf(read: () => unknown): unknown {
  try {
    return { value: read() };
  } catch {
    return 'no value';
  }
}

describe('parseJsonText', () => {
  test.each([
    ['an empty text', '', 'found nothing but white space, expected a JSON value'],
    ['white space', ' \n\t', 'found nothing but white space, expected a JSON value'],
    ['an object that ends too early', '{"a"', '1:5: found the end of the file, expected `:`'],
    ['an array that ends too early', '[1', '1:3: found the end of the file, expected `]`'],
    [
      'a comma before a brace',
      '{"a": 1,}',
      '1:9: found `}`, expected a key in double quotes (a comma before it is not JSON)',
    ],
    ['a comma before a bracket', '[1,\n]', '2:1: found `]`, expected a value (a comma before it is not JSON)'],
    ['a missing comma', '[1 2]', '1:4: found `2`, expected `,`'],
    ['a line comment', '{\n  // no\n}', '2:3: found a comment, expected JSON, which has none'],
    ['a block comment', '/* no */ {}', '1:1: found a comment, expected JSON, which has none'],
    ['a word', '{"a": nul}', '1:7: found `nul`, expected a JSON value'],
    ['a single quote', "{'a': 1}", "1:2: found `'a'`, expected a JSON value"],
    [
      'a raw line break in a text',
      '{"a": "x\ny"}',
      '1:7: found a text without its closing quote, expected `"` on the same line',
    ],
    [
      'a raw escape character',
      '["\u001B[31m"]',
      '1:2: found a control character inside a text, expected it escaped, like `\\n`',
    ],
    ['half an escape', '["\\u12"]', '1:2: found `\\u` without its digits, expected four hex digits'],
    ['a wrong escape', '["\\q"]', '1:2: found `\\` before a character that it cannot escape, expected `\\\\`'],
    ['a second value', '{} {}', '1:4: found `{`, expected the end of the file'],
    ['a key twice', '{"a": 1, "a": 2}', '1:10: found the key `a` a second time, expected each key once'],
    [
      'a key twice, once escaped',
      '{"a": 1, "\\u0061": 2}',
      '1:10: found the key `a` a second time, expected each key once',
    ],
    ['a key `__proto__`', '{"a": {"__proto__": 1}}', '1:8: found the key `__proto__`, expected any other name'],
    ['an escaped `__proto__`', '{"__proto\\u005f_": 1}', '1:2: found the key `__proto__`, expected any other name'],
    [
      'bytes that are no UTF-8',
      Uint8Array.of(0x22, 0xc3, 0x28, 0x22),
      '1:2: found bytes that are not UTF-8, expected JSON in UTF-8',
    ],
    [
      'UTF-16',
      Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0),
      '1:1: found bytes that are not UTF-8, expected JSON in UTF-8',
    ],
    [
      'a byte that is no UTF-8, lines down',
      Uint8Array.from([...Buffer.from('{\n  "ü": 1,\n  "'), 0xff, 0x22]),
      '3:4: found bytes that are not UTF-8, expected JSON in UTF-8',
    ],
    [
      'a lone surrogate as bytes',
      Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22),
      '1:2: found bytes that are not UTF-8, expected JSON in UTF-8',
    ],
  ])('refuses %s', (_, text, complaint) => {
    expect(complaintOf(text)).toBe(complaint);
  });

  test('shows no control or direction character of a broken text', () => {
    expect(complaintOf('[\u202Eabc\u009B]')).toBe('1:2: found `�abc�`, expected a JSON value');
  });

  test('skips a byte order mark', () => {
    expect(parse('\uFEFF{"a": 1}').value).toEqual({ a: 1 });
  });

  test('takes the same key in different objects', () => {
    expect(parse('[{"a": 1}, {"a": {"a": 2}}]').value).toEqual([{ a: 1 }, { a: { a: 2 } }]);
  });

  test.each([500, 501, 3_000, 100_000])('says what it thinks of %d levels', (depth) => {
    for (const text of ['['.repeat(depth) + ']'.repeat(depth), '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)]) {
      const expected =
        depth > 500 ? /^1:\d+: found more than 500 levels of nesting, expected fewer$/ : /^no complaint$/;
      expect(complaintOf(text)).toMatch(expected);
    }
  });

  test('refuses 100,000 levels that nobody closes', () => {
    expect(complaintOf('['.repeat(100_000))).toBe('1:501: found more than 500 levels of nesting, expected fewer');
  });

  test('counts levels by depth and not by number', () => {
    expect(parse(`[${'[{}],'.repeat(2_000)}1]`).value).toHaveLength(2_001);
  });

  test('reads what `JSON.parse` reads, and nothing else, wherever a text is cut or flipped', () => {
    const text = new TextEncoder().encode(
      JSON.stringify({ a: [1, -2.5e3, 'ü\u20AC\n"'], b: { c: null, d: true } }, null, 1),
    );
    const damage = fc.array(fc.tuple(fc.nat(text.length - 1), fc.nat(255)), { maxLength: 3 });
    fc.assert(
      fc.property(damage, fc.nat(text.length), (flips, end) => {
        const bytes = text.slice(0, end);
        for (const [at, mask] of flips) if (at < end) bytes[at] = (bytes[at] ?? 0) ^ mask;
        const complaint = complaintOf(bytes);
        // Stricter than RFC 8259 in these two, and in nothing else.
        fc.pre(!/a second time|__proto__/.test(complaint));
        expect(valueOf(() => parse(bytes).value)).toEqual(
          valueOf(() => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('positionOf', () => {
  const { positionOf } = parse('{\n  "a": [\n    10,\n    {"b/c": 1, "~": 2}\n  ]\n}');

  test.each([
    ['', { line: 1, column: 1 }],
    ['/a', { line: 2, column: 8 }],
    ['/a/0', { line: 3, column: 5 }],
    ['/a/1', { line: 4, column: 5 }],
    ['/a/1/b~1c', { line: 4, column: 13 }],
    ['/a/1/~0', { line: 4, column: 21 }],
    ['/a/2', undefined],
    ['/b', undefined],
    ['/a/0/x', undefined],
  ])('finds `%s`', (pointer, position) => {
    expect(positionOf(pointer)).toEqual(position);
  });

  test('finds a hundred thousand keys of one object without looking through all for each', () => {
    const keys = Array.from({ length: 100_000 }, (_, i) => `k${i}`);
    const many = parse(JSON.stringify(Object.fromEntries(keys.map((key) => [key, 1]))));
    expect(keys.every((key) => many.positionOf(`/${key}`)?.line === 1)).toBe(true);
  });

  test('counts from the first character after a byte order mark', () => {
    expect(parse('\uFEFF{"a": 1}').positionOf('/a')).toEqual({ line: 1, column: 7 });
  });
});
