/** Reading and running policy cases: every problem with its place, and what makes a case pass. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DocumentError } from '../lib/document-error.ts';
import { loadCases, runCase, rulesInQuestion } from '../lib/policy-cases.ts';
import { makeFolder } from './cli/support/run.ts';
import { BY_DOMAIN, policyDocument } from './support/run-settings.ts';

const NOW = '2026-11-21T12:00:00Z';
const POLICY = policyDocument(BY_DOMAIN);

function caseOf(change: object = {}): object {
  return { name: 'a case', now: NOW, connection: { domain_id: 'a1' }, expect: { effect: 'accept' }, ...change };
}

/** The lines of the error that loading this file's content gives, without the folder. */
function problemsOf(content: unknown, more: Readonly<Record<string, unknown>> = {}): readonly string[] {
  const folder = makeFolder({ 'x.cases.json': content, ...more });
  try {
    loadCases(path.join(folder, 'x.cases.json'));
  } catch (error) {
    if (error instanceof DocumentError) return error.lines.map((line) => line.replaceAll(`${folder}/`, ''));
    throw error;
  }
  return [];
}

function load(content: unknown, more: Readonly<Record<string, unknown>> = {}) {
  return loadCases(path.join(makeFolder({ 'x.cases.json': content, ...more }), 'x.cases.json'));
}

describe('loadCases', () => {
  test('reads every case file of the decisions', () => {
    const folder = path.join(import.meta.dirname, 'cases/decisions');
    const files = readdirSync(folder).filter((name) => name.endsWith('.cases.json'));
    expect(files.length).toBeGreaterThan(10);
    for (const name of files) {
      const { policy, cases } = loadCases(path.join(folder, name));
      expect(cases.filter((each) => !runCase(policy, each).passes)).toEqual([]);
    }
  });

  test('finds the policy relative to the file', () => {
    const folder = makeFolder({ 'cases/x.cases.json': { policy: '../p.json', cases: [caseOf()] }, 'p.json': POLICY });
    expect(loadCases(path.join(folder, 'cases/x.cases.json')).policy.name).toBe('test');
  });

  test('takes what is not listed as absent, null as absent, and the unknown form as unknown', () => {
    const connection = { domain_id: null, 'service.tags.__proto__': 'x', region: { unknown: true } };
    const { cases } = load({ $schema: 'x', policy: POLICY, cases: [caseOf({ connection })] });
    expect([...(cases[0]?.attributes ?? [])]).toEqual([
      ['domain_id', null],
      ['service.tags.__proto__', 'x'],
      ['region', { unknown: true }],
    ]);
  });

  test('lists every problem of cases and policy with its place and the nearest name', () => {
    const text = `{
  "policy": "p.json",
  "cases": [
    {"name": "a", "now": "2026-02-30T00:00:00Z", "connection": {"domain": "a1", "age": "soon"}, "expect": {"effect": "accept"}},
    {"name": "a", "now": "${NOW}", "connection": {}, "expect": {"effect": "allow", "why": 1}},
    {"nam": "b"},
    {"name": "a", "now": "${NOW}", "connection": {"domain.connections": "5"}, "expect": {"effect": "hold"}}
  ]
}`;
    expect(problemsOf(text, { 'p.json': '{"version": 2}' })).toMatchInlineSnapshot(`
      [
        "x.cases.json:5:105: /cases/1/expect/why: found unknown key \`why\`, expected one of \`effect\`, \`cause\`, \`rules\`",
        "x.cases.json:5:89: /cases/1/expect/effect: found \`"allow"\`, expected one of \`"accept"\`, \`"reject"\`, \`"hold"\`",
        "x.cases.json:6:5: /cases/2: found no key \`name\`, expected \`name\`, which is required",
        "x.cases.json:6:5: /cases/2: found no key \`now\`, expected \`now\`, which is required",
        "x.cases.json:6:5: /cases/2: found no key \`connection\`, expected \`connection\`, which is required",
        "x.cases.json:6:5: /cases/2: found no key \`expect\`, expected \`expect\`, which is required",
        "x.cases.json:6:13: /cases/2/nam: found unknown key \`nam\`, expected one of \`name\`, \`now\`, \`connection\`, \`expect\` (did you mean \`name\`?)",
        "x.cases.json:4:26: /cases/0/now: found \`"2026-02-30T00:00:00Z"\`, expected a time that exists, like \`2026-11-21T12:00:00Z\`",
        "x.cases.json:4:75: /cases/0/connection/domain: found unknown attribute \`domain\`, expected one of \`domain_id\`, \`endpoint_id\`, \`marker_id\`, \`description\`, \`age\`, \`region\`, \`project_id\`, \`service.kind\`, \`service.id\`, \`service.name\`, \`service.server_type\`, \`endpoint.vpc_id\`, \`endpoint.project_id\`, \`domain.connections\`, \`service.tags.KEY\`, \`endpoint.tags.KEY\`",
        "x.cases.json:4:88: /cases/0/connection/age: found \`"soon"\`, expected a duration like \`90s\`, \`15m\`, \`2h\` or \`7d\`, \`null\` (absent) or \`{"unknown": true}\`",
        "x.cases.json:7:14: /cases/3/name: found \`a\` again, expected a name that \`/cases/0\` does not have",
        "x.cases.json:7:87: /cases/3/connection/domain.connections: found \`"5"\`, expected a finite number, \`null\` (absent) or \`{"unknown": true}\`",
        "p.json:1:1: /: found no key \`name\`, expected \`name\`, which is required",
        "p.json:1:1: /: found no key \`rules\`, expected \`rules\`, which is required",
        "p.json:1:13: /version: found \`2\`, expected \`1\`",
      ]
    `);
  });

  test('names a rule that the policy does not have', () => {
    const file = {
      policy: POLICY,
      cases: [caseOf({ expect: { effect: 'accept', rules: ['acept-a', 'zzzzzzzzzzz'] } })],
    };
    expect(problemsOf(file)).toMatchInlineSnapshot(`
      [
        "x.cases.json:1:473: /cases/0/expect/rules/0: found \`acept-a\`, which is no rule of the policy \`test\`, expected the id of one of its rules (did you mean \`accept-a\`?)",
        "x.cases.json:1:483: /cases/0/expect/rules/1: found \`zzzzzzzzzzz\`, which is no rule of the policy \`test\`, expected the id of one of its rules",
      ]
    `);
  });

  test.each([
    { name: 'no object', content: '[]' },
    { name: 'no case', content: { policy: POLICY, cases: [] } },
    { name: 'no policy file', content: { policy: 'gone.json', cases: [caseOf()] } },
    { name: 'a policy of the wrong kind', content: { policy: 7, cases: [caseOf()] } },
    { name: 'an inline policy with a flaw', content: { policy: { ...POLICY, defualt: 'hold' }, cases: [caseOf()] } },
    { name: 'a second meaning', content: '{"policy": "p.json", "cases": [], "cases": []}' },
    { name: 'a __proto__ key', content: '{"policy": "p.json", "cases": [{"__proto__": {}}]}' },
    { name: 'an inherited name', content: { policy: POLICY, cases: [caseOf({ connection: { constructor: 'x' } })] } },
    {
      name: 'a rule named twice',
      content: { policy: POLICY, cases: [caseOf({ expect: { effect: 'hold', rules: ['hold-h', 'hold-h'] } })] },
    },
  ])('refuses $name on one line', ({ content }) => {
    const [line = '', ...more] = problemsOf(content);
    expect(more).toEqual([]);
    expect(line).toMatch(/: found .*, expected |there is no such file/);
  });

  test('reads thousands of cases', () => {
    const cases = Array.from({ length: 5_000 }, (_, i) => caseOf({ name: `case ${i}` }));
    expect(load({ policy: POLICY, cases }).cases).toHaveLength(5_000);
  });

  test('lists the problems of thousands of cases', () => {
    const cases = Array.from({ length: 5_000 }, () => caseOf({ expect: { effect: 'hold', rules: ['hold-hh'] } }));
    const lines = problemsOf({ policy: POLICY, cases });
    // Each rule, and each name but the first.
    expect(lines).toHaveLength(9_999);
  });
});

describe('runCase', () => {
  const outcomes = [
    { expected: { effect: 'accept' }, passes: true },
    { expected: { effect: 'hold' }, passes: false },
    { expected: { effect: 'accept', cause: 'rule' }, passes: true },
    { expected: { effect: 'accept', cause: 'no-match' }, passes: false },
    { expected: { effect: 'accept', rules: ['b-too', 'accept-a'] }, passes: true },
    { expected: { effect: 'accept', rules: ['accept-a'] }, passes: false },
    { expected: { effect: 'accept', rules: [] }, passes: false },
  ];
  const policy = policyDocument([
    ...BY_DOMAIN,
    { id: 'b-too', effect: 'accept', when: { domain_id: { exists: true } } },
  ]);

  test.each(outcomes)('says $passes to $expected', ({ expected, passes }) => {
    const file = load({ policy, cases: [caseOf({ expect: expected })] });
    expect(file.cases.map((each) => runCase(file.policy, each).passes)).toEqual([passes]);
  });
});

function inQuestion(rules: Parameters<typeof policyDocument>[0], connection: object, expected: object) {
  const file = load({ policy: policyDocument(rules), cases: [caseOf({ connection, expect: expected })] });
  return file.cases.flatMap((each) => rulesInQuestion(file.policy, runCase(file.policy, each))).map(({ id }) => id);
}

describe('rulesInQuestion', () => {
  test('gives the rules that decided and those that were expected to', () => {
    expect(inQuestion(BY_DOMAIN, { domain_id: 'r1' }, { effect: 'accept', rules: ['accept-a'] })).toEqual([
      'reject-r',
      'accept-a',
    ]);
  });

  test('gives the rule that came nearest where none is named', () => {
    const rules = [
      { id: 'far', effect: 'accept', when: { domain_id: 'x', region: 'x' } },
      { id: 'near', effect: 'accept', when: [{ domain_id: 'x' }, { domain_id: 'a', region: 'x' }] },
      { id: 'other', effect: 'reject', when: { domain_id: 'b' } },
    ] as const;
    expect(inQuestion(rules, { domain_id: 'a' }, { effect: 'accept' })).toEqual(['near']);
  });

  test('leaves out a rule that was true and overruled', () => {
    const rules = [
      { id: 'yes', effect: 'accept', when: { domain_id: 'a' } },
      { id: 'no', effect: 'reject', when: { domain_id: 'a' } },
    ] as const;
    expect(inQuestion(rules, { domain_id: 'a' }, { effect: 'accept' })).toEqual(['no']);
  });
});
