import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadConnection, readConnection } from '../lib/connection-file.ts';
import { UNKNOWN } from '../lib/core/fact.ts';
import { DocumentError } from '../lib/document-error.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'connection-'));
const file = path.join(folder, 'connection.json');
afterAll(() => rmSync(folder, { recursive: true }));

describe('readConnection', () => {
  test('reads values, absence and what is unknown; what is not listed is absent', () => {
    const { attributes, problems } = readConnection(
      {
        domain_id: 'd',
        marker_id: '18446744073709551616',
        description: null,
        'service.tags.env': { unknown: true },
        'domain.connections': 3,
        age: '90m',
      },
      ['domain_id', 'region'],
      '',
    );
    expect(problems).toEqual([]);
    expect(Object.fromEntries(attributes)).toEqual({
      domain_id: 'd',
      marker_id: '18446744073709551616',
      description: null,
      'service.tags.env': UNKNOWN,
      'domain.connections': 3,
      age: 5_400,
      region: null,
    });
  });

  test.each<[string, unknown, string, string]>([
    ['a number for a text', { marker_id: 1 }, '`1`', 'a text, `null` (absent) or `{"unknown": true}`'],
    [
      'a text for a number',
      { 'domain.connections': '1' },
      '`"1"`',
      'a finite number, `null` (absent) or `{"unknown": true}`',
    ],
    [
      'a duration without unit',
      { age: '90' },
      '`"90"`',
      'a duration like `90s`, `15m`, `2h` or `7d`, `null` (absent) or `{"unknown": true}`',
    ],
    [
      'a negative duration',
      { age: -1 },
      '`-1`',
      'a duration like `90s`, `15m`, `2h` or `7d`, `null` (absent) or `{"unknown": true}`',
    ],
    [
      'unknown: false',
      { region: { unknown: false } },
      '`{"unknown":false}`',
      'a text, `null` (absent) or `{"unknown": true}`',
    ],
    ['an array', { region: ['a'] }, '`["a"]`', 'a text, `null` (absent) or `{"unknown": true}`'],
  ])('refuses %s', (_, value, found, expected) => {
    const [name = ''] = Object.keys(value as object);
    expect(readConnection(value, [], '').problems).toEqual([{ pointer: `/${name}`, found, expected }]);
  });

  test('suggests the nearest attribute', () => {
    const [problem] = readConnection({ domain_di: 'd' }, [], '').problems;
    expect(problem).toMatchObject({
      pointer: '/domain_di',
      found: 'unknown attribute `domain_di`',
      suggestion: 'domain_id',
    });
  });

  test.each([null, [], 'x', 1, true])('refuses %j as a connection', (value) => {
    expect(readConnection(value, [], '/cases/0').problems).toEqual([
      { pointer: '/cases/0', found: `\`${JSON.stringify(value)}\``, expected: 'an object of attributes by name' },
    ]);
  });

  test.each(['constructor', 'toString', 'service.tags.', 'endpoint.tags.', ''])('knows no attribute `%s`', (name) => {
    expect(readConnection({ [name]: 'x' }, [], '').problems).toHaveLength(1);
  });
});

describe('loadConnection', () => {
  test('lists every problem with its place', () => {
    writeFileSync(file, '{\n  "age": "x",\n  "domain.connections": "1",\n  "region": "eu-de"\n}');
    expect(() => loadConnection(file, [])).toThrow(DocumentError);
    expect(() => loadConnection(file, [])).toThrow(
      new RegExp(`^${file}:2:10: /age: found .*\\n${file}:3:25: /domain.connections: found .*$`),
    );
  });
});
