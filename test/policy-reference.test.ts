/** The README's policy reference is the schema's, and the schema explains every key to an editor. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');

interface Schema {
  readonly [key: string]: unknown;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Every key that a policy can have, with the schema of its value. */
function keysOf(schema: Schema, where: string): readonly (readonly [string, Schema])[] {
  const named = ['properties', 'patternProperties'].flatMap((keyword) =>
    Object.entries(Object(schema[keyword]) as object),
  );
  const here = named.map(([key, value]) => [`${where}/${key}`, value as Schema] as const);
  const nested = ['properties', '$defs'].flatMap((keyword) => Object.entries(Object(schema[keyword]) as object));
  return [...here, ...nested.flatMap(([key, value]) => (isSchema(value) ? keysOf(value, `${where}/${key}`) : []))];
}

describe('policy reference', () => {
  test('is what the generator makes of the schema', () => {
    const check = () =>
      execFileSync(process.execPath, ['deploy/policy-reference.ts', '--check'], { cwd: root, stdio: 'pipe' });
    expect(check).not.toThrow();
  });
});

describe('policy.schema.json', () => {
  const schema = JSON.parse(readFileSync(path.join(root, 'policies/policy.schema.json'), 'utf8')) as Schema;

  test.each(keysOf(schema, ''))('has title, description and examples for %s', (_where, value) => {
    expect(value).toMatchObject({ title: expect.any(String), description: expect.any(String) });
    expect(value['examples']).not.toEqual([]);
    expect(value['examples']).toBeInstanceOf(Array);
  });
});
