/** Runs every case file under test/cases/decisions: decisions as a policy author writes them down. Holds no case of its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../lib/core/evaluate.ts';
import { explain } from '../../lib/core/explain.ts';
import { compilePolicy } from '../../lib/core/policy.ts';
import { parseTime } from '../../lib/core/time.ts';
import { attributesFrom } from './support/attributes-from.ts';

interface CaseFile {
  readonly policy: unknown;
  readonly cases: readonly {
    readonly name: string;
    readonly now: string;
    readonly connection: object;
    readonly expect: { readonly effect: string; readonly cause?: string; readonly rules?: readonly string[] };
  }[];
}

const folder = new URL('../cases/decisions/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const files = readdirSync(folder).filter((name) => name.endsWith('.cases.json'));

test('finds the case files', () => {
  expect(files.length).toBeGreaterThanOrEqual(15);
});

describe.each(files)('%s', (name) => {
  const file = read(name) as CaseFile;
  const policy = compilePolicy(typeof file.policy === 'string' ? read(file.policy) : file.policy);

  test.each(file.cases)('$name', ({ now, connection, expect: expected }) => {
    const time = parseTime(now) ?? Number.NaN;
    const attributes = attributesFrom(connection, policy.reads);
    const decision = evaluate(policy, attributes, time);

    expect(decision).toMatchObject(expected);
    expect(explain(policy, attributes, time).decision).toEqual(decision);
  });
});
