/** `policy explain --record`: a past decision under another policy, and what is no decision. */
import { describe, expect, test } from 'vitest';
import { compilePolicy } from '../../lib/core/policy.ts';
import { decisionData } from '../audit/support/samples.ts';
import { policyDocument } from '../support/run-settings.ts';
import { makeFolder, run } from './support/run.ts';

const NEW = policyDocument([
  { id: 'known', effect: 'accept', when: { domain_id: 'd1', 'service.tags.env': { exists: false } } },
  { id: 'frozen', effect: 'hold', when: { 'service.tags.freeze': { exists: true } } },
]);
const NARROW = policyDocument([{ id: 'known', effect: 'accept', when: { domain_id: 'd1' } }]);

function recordOf(change: object = {}, data: object = {}): object {
  return {
    specversion: '1.0',
    type: 'vpcep-approver.decision.v1',
    time: '2026-11-21T12:00:00.000Z',
    subject: 'vpcep/eu-de/p1/s1/e1',
    data: { ...decisionData(), ...data },
    ...change,
  };
}

function folderOf(...records: readonly unknown[]): string {
  const lines = records.map((record) => `${typeof record === 'string' ? record : JSON.stringify(record)}\n`);
  return makeFolder({ 'p.json': NEW, 'narrow.json': NARROW, 't.jsonl': lines.join('') });
}

function explainRecord(folder: string, words: readonly string[], policy = 'p.json') {
  return run(['policy', 'explain', policy, ...words], { folder });
}

describe('policy explain --record', () => {
  test('shows what was decided then, under which policy, and what the policy here would decide', async () => {
    const { code, stdout, stderr } = await explainRecord(folderOf('{}', recordOf()), ['--record', 't.jsonl:2']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatchInlineSnapshot(`
      "record    vpcep/eu-de/p1/s1/e1, decided 2026-11-21T12:00:00.000Z
      then      accept (rule) by partners-reach-prod: contracted partner
      policy    another: then payments-prod sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812, here test sha256:0cb02549d31927f605cee886a6c5e34211dc331da234b059db32fd2467c26545
      unknown   not in the record: service.tags.freeze

      hold (indeterminate): could not be decided: \`service.tags.freeze\` unknown

      > ?   frozen (hold)
          ?   when
              ?   service.tags.freeze  expected {"exists":true}, could not read it

        yes known (accept)
          yes when
              yes domain_id  expected "d1", found "d1"
              yes service.tags.env  expected {"exists":false}, found it absent
      "
    `);
  });

  test('says so when the policy is the same', async () => {
    const { name, digest } = compilePolicy(NARROW);
    const folder = folderOf(recordOf({}, { policy: { name, digest } }));
    const { stdout } = await explainRecord(folder, ['--record', 't.jsonl:1'], 'narrow.json');
    expect(stdout).toContain('policy    the same, test\n');
    expect(stdout).not.toContain('not in the record');
  });

  test('prints one document with --json', async () => {
    const { code, stdout } = await explainRecord(folderOf(recordOf()), ['--record', 't.jsonl:1', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      effect: 'hold',
      cause: 'indeterminate',
      rules: ['frozen'],
      unknown: ['service.tags.freeze'],
      record: {
        subject: 'vpcep/eu-de/p1/s1/e1',
        time: '2026-11-21T12:00:00.000Z',
        effect: 'accept',
        cause: 'rule',
        rules: ['partners-reach-prod'],
        policy: { name: 'payments-prod' },
        same_policy: false,
        not_recorded: ['service.tags.freeze'],
      },
    });
  });

  test('judges at the time of the record', async () => {
    const until = { until: '2026-11-21T12:00:00.001Z' };
    const rule = { id: 'known', effect: 'accept', when: { domain_id: 'd1' }, valid: until } as const;
    const folder = makeFolder({ 'p.json': policyDocument([rule]), 't.jsonl': JSON.stringify(recordOf()) });
    const { stdout } = await explainRecord(folder, ['--record', 't.jsonl:1', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ effect: 'accept' });
  });

  test.each([
    {
      name: 'a record of another type',
      record: recordOf({ type: 'vpcep-approver.run.started.v1' }),
      says: 'found a record of another type',
    },
    { name: 'no JSON', record: '{"type": ', says: 'found the end of the file' },
    { name: 'an empty line', record: '', says: 'found nothing but white space' },
    { name: 'no object', record: '[]', says: 'found no object' },
    { name: 'a __proto__ key', record: '{"__proto__": {}}', says: 'found the key `__proto__`' },
    { name: 'no time', record: recordOf({ time: 'noon' }), says: 'without a readable `time`' },
    { name: 'no connection', record: recordOf({ subject: 'vpcep/eu-de' }), says: '`subject` names no connection' },
    { name: 'no data', record: recordOf({ data: null }), says: 'without `data`' },
    { name: 'no attributes', record: recordOf({}, { attributes: [] }), says: 'without `attributes`' },
    {
      name: 'a value of the wrong kind',
      record: recordOf({}, { attributes: { domain_id: 5 } }),
      says: 'value of `domain_id`',
    },
    { name: 'an unknown effect', record: recordOf({}, { effect: 'allow' }), says: 'without readable `effect`' },
  ])('refuses $name on one line with its place', async ({ record, says }) => {
    const { code, stdout, stderr } = await explainRecord(folderOf('{}', record, '{}'), ['--record', 't.jsonl:2']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^\S*t\.jsonl:2: \S|^\S*t\.jsonl:2:\d+: \S/);
    expect(stderr).toContain(says);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  test.each([
    { words: ['--record', 't.jsonl:2'], says: 'found 1 lines, expected to find line 2' },
    { words: ['--record', 'gone.jsonl:1'], says: 'there is no such file' },
    { words: ['--record', 't.jsonl:0'], says: 'expected a file and a line from 1' },
    { words: ['--record', 't.jsonl'], says: 'expected a file and a line from 1' },
    { words: ['--record', 't.jsonl:1', '--connection', 'c.json'], says: 'expected one of the two' },
    { words: ['--record', 't.jsonl:1', '--now', '2026-11-21T12:00:00Z'], says: 'the record has its own time' },
    { words: [], says: 'expected a file (or --record' },
  ])('refuses $words with one line', async ({ words, says }) => {
    const { code, stdout, stderr } = await explainRecord(folderOf(recordOf()), words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr.trimEnd()).not.toContain('\n');
  });

  test('shows nothing of what a hostile record would do to a terminal', async () => {
    const hostile = 'x\u001b[2J\u202e\u0007';
    const data = {
      reason: hostile,
      rules: [hostile],
      policy: { name: hostile, digest: hostile },
      attributes: { domain_id: hostile },
    };
    const record = recordOf({ subject: `vpcep/eu-de/p1/s1/${hostile}` }, data);
    for (const words of [[], ['--json']]) {
      const { code, stdout } = await explainRecord(folderOf(record), ['--record', 't.jsonl:1', ...words]);
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    }
  });
});
