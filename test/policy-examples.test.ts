/** The examples that people copy: each has cases, all pass, together they exercise every rule, and nothing in it is odd. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../lib/core/check-policy.ts';
import { loadCases, runCase } from '../lib/policy-cases.ts';
import { PolicyCoverage } from '../lib/policy-coverage.ts';
import { loadPolicy } from '../lib/policy-file.ts';

const policies = path.resolve(import.meta.dirname, '../policies');
const folder = path.join(policies, 'examples');
const intents = readdirSync(folder)
  .filter((file) => file.endsWith('.json') && !file.endsWith('.cases.json'))
  .map((file) => file.replace('.json', ''));
const NOW = Date.parse('2026-11-21T02:00:00Z');

describe('policies/examples', () => {
  test('has an example for every intent that the README names', () => {
    expect(intents.sort()).toEqual([
      'block-a-domain',
      'change-freeze',
      'known-accounts-only',
      'migration-window',
      'new-accounts-held',
      'production-tag',
      'quota-per-account',
      'same-project-endpoints',
    ]);
  });

  test.each(intents)('has cases for %s that pass and exercise every rule both ways', (intent) => {
    const file = loadCases(path.join(folder, `${intent}.cases.json`));
    expect(file.policy.name).toBe(intent);
    const coverage = new PolicyCoverage(file.policy);
    for (const each of file.cases) {
      expect([each.name, runCase(file.policy, each).passes]).toEqual([each.name, true]);
      coverage.add(each.attributes, each.now);
    }
    expect(coverage.gaps()).toEqual({ neverTrue: [], neverFalse: [] });
  });

  test.each(intents)('has nothing odd in %s, but rules whose time is yet to come', (intent) => {
    const file = path.join(folder, `${intent}.json`);
    expect(existsSync(file)).toBe(true);
    const findings = checkPolicy(loadPolicy(file), NOW).filter(({ code }) => code !== 'not-yet-valid-rule');
    expect(findings).toEqual([]);
  });
});

describe('policies/policy.json', () => {
  test('has nothing odd in it', () => {
    expect(checkPolicy(loadPolicy(path.join(policies, 'policy.json')), NOW)).toEqual([]);
  });
});
