import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { DocumentError } from '../lib/document-error.ts';
import { loadPolicy, readJsonFile } from '../lib/policy-file.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'policy-'));
const file = path.join(folder, 'policy.json');
afterAll(() => rmSync(folder, { recursive: true }));

const RULE = { id: 'partners', effect: 'accept', reason: 'contract', when: { domain_id: { in: '@partners' } } };
const SOUND = {
  version: 1,
  name: 'p',
  lists: { partners: ['a', 'b'] },
  rules: [
    RULE,
    {
      ...RULE,
      id: 'old',
      when: [{ age: { gt: '7d' } }, { 'service.tags.env': { not: { like: 'p*' } } }],
      unless: { marker_id: '1' },
    },
  ],
};

function complaints(content: string | Uint8Array): readonly string[] {
  writeFileSync(file, content);
  try {
    loadPolicy(file);
  } catch (error) {
    if (!(error instanceof DocumentError)) throw error;
    return error.lines;
  }
  return [];
}

describe('loadPolicy', () => {
  test('reads a policy, with or without a byte order mark, to the same digest', () => {
    writeFileSync(file, JSON.stringify(SOUND));
    const { digest } = loadPolicy(file);
    writeFileSync(file, `\uFEFF${JSON.stringify(SOUND, null, 2)}\r\n`);
    expect(loadPolicy(file).digest).toBe(digest);
  });

  test('lists what the schema sees and what only the compiler sees, each with its place', () => {
    const text = `{
  "version": 1,
  "name": "p",
  "rules": [
    {"id": "a", "efect": "accept", "effect": "accept", "reason": "r", "when": {"domain_id": "x"}},
    {"id": "b", "effect": "accept", "reason": "r", "when": {"domain_id": {"in": "@partner"}}}
  ]
}`;
    expect(complaints(text)).toEqual([
      expect.stringMatching(
        /:5:26: \/rules\/0\/efect: found unknown key `efect`, expected .* \(did you mean `effect`\?\)$/,
      ),
      expect.stringMatching(/:6:\d+: \/rules\/1\/when\/domain_id\/in: found `"@partner"`, expected the name of a list/),
    ]);
  });

  test('refuses a text with half of a surrogate pair', () => {
    expect(complaints(JSON.stringify({ ...SOUND, description: '\uD800' }))).toEqual([
      `${file}:1:326: /description: found a text with half of a surrogate pair, expected well-formed Unicode text`,
    ]);
  });

  test('refuses nothing for being called like what every object has', () => {
    const when = { 'service.tags.__proto__x': 'a', 'service.tags.constructor': 'b', 'service.tags.toString': 'c' };
    expect(
      complaints(JSON.stringify({ ...SOUND, rules: [{ ...RULE, when: { ...when, domain_id: { in: '@partners' } } }] })),
    ).toEqual([]);
  });

  test('places ten thousand problems without reading the text ten thousand times', () => {
    const rules = Array.from({ length: 10_000 }, (_, i) => ({ ...RULE, id: `r${i}`, efect: 1 }));
    const lines = complaints(JSON.stringify({ ...SOUND, rules }, null, 1));
    expect(lines).toHaveLength(10_000);
    expect(lines.at(-1)).toContain('/rules/9999/efect');
  });

  test('reads or refuses a damaged policy, and never fails otherwise', () => {
    const sound = new TextEncoder().encode(JSON.stringify(SOUND, null, 1));
    const flips = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(flips, fc.nat(sound.length), fc.boolean(), (changes, end, isCut) => {
        const bytes = isCut ? sound.slice(0, end) : sound.slice();
        for (const [at, mask] of changes) if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ mask;
        for (const line of complaints(bytes)) {
          expect(line.startsWith(`${file}:`)).toBe(true);
          expect(line).not.toContain('\n');
          expect(line).toMatch(/found .*, expected /);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('reads or refuses a policy with any value anywhere', () => {
    const places = [
      ['version'],
      ['name'],
      ['lists'],
      ['lists', 'partners'],
      ['rules'],
      ['rules', 0],
      ['rules', 0, 'id'],
      ['rules', 0, 'when'],
      ['rules', 0, 'when', 'domain_id'],
      ['rules', 0, 'when', 'domain_id', 'in'],
      ['rules', 1, 'when', 1],
      ['rules', 1, 'unless'],
    ] as const;
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.jsonValue(), (place, value) => {
        const document: unknown = structuredClone(SOUND);
        const parent = place.slice(0, -1).reduce<unknown>((at, key) => Reflect.get(at as object, key), document);
        Reflect.set(parent as object, place.at(-1) as PropertyKey, value);
        for (const line of complaints(JSON.stringify(document))) expect(line).toMatch(/found .*, expected /);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('readJsonFile', () => {
  test.each([
    ['a file that is not there', 'missing.json', 'there is no such file'],
    ['a folder', '.', 'it is a folder'],
    ['a file below a file', 'policy.json/x', 'a part of the path is a file, not a folder'],
    ['a name that is too long', 'x'.repeat(300), 'the path is too long'],
  ])('refuses %s', (_, name, words) => {
    writeFileSync(file, '{}');
    const target = path.join(folder, name);
    expect(() => readJsonFile(target, 'a thing')).toThrow(`${target}: ${words}, expected a thing`);
  });

  test('refuses a device that never ends', () => {
    expect(() => readJsonFile('/dev/zero', 'a thing')).toThrow('/dev/zero: it is over 128 MiB, expected a thing');
  });

  test('reads a large file', () => {
    writeFileSync(file, JSON.stringify(Array.from({ length: 500_000 }, (_, i) => `item ${i}`)));
    expect(readJsonFile(file, 'a thing').value).toHaveLength(500_000);
  });
});
