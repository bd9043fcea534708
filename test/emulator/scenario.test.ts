import { describe, expect, test } from 'vitest';
import { parseScenario } from '../../lib/emulator/scenario.ts';
import { ScenarioError } from '../../lib/emulator/scenario-reader.ts';

const minimal = { credentials: [], projects: [] };
const withService = (service: object) => ({
  credentials: [],
  projects: [{ project_id: 'p', region: 'r', domain_id: 'd', services: [{ id: 's', service_name: 'n', ...service }] }],
});
const withCluster = (cluster: object, more: object = {}) => ({
  credentials: [],
  projects: [{ project_id: 'p', region: 'r', domain_id: 'd', clusters: [{ id: 's', name: 'n', ...cluster }], ...more }],
});
const withConnection = (more: object) => withService({ connections: [{ id: 'e', domain_id: 'x', ...more }] });
const inService = '`/projects/0/services/0';

describe('parseScenario', () => {
  test('reads the least there can be', () => {
    expect(parseScenario(JSON.stringify(minimal))).toEqual(minimal);
  });

  test('drops comments wherever they stand', () => {
    const source = {
      $comment: 'why',
      ...withConnection({ $comment: { any: 'thing' }, marker_id: '9223372036854775807' }),
    };
    expect(parseScenario(JSON.stringify(source))).toEqual(withConnection({ marker_id: '9223372036854775807' }));
  });

  test('reads clusters', () => {
    const cluster = {
      status: '200',
      tags: { env: 'prod' },
      age: '2h',
      vpcep_enabled: true,
      busy: false,
      permissions: ['*'],
      connections: [{ id: 'e', domain_id: 'x' }],
      generate: { connections: 3 },
    };
    const css = { ids_key: 'endpointIdList', page_parameter: 'start', first_item: 1 };
    expect(parseScenario(JSON.stringify(withCluster(cluster, { css })))).toEqual(withCluster(cluster, { css }));
  });

  test.each<[string, unknown, string]>([
    ['an array', [], 'scenario as a whole: found `[]`, expected an object'],
    ['no projects', { credentials: [] }, 'scenario `/projects`: found nothing, expected a value, for it is required'],
    [
      'an unknown key',
      { ...minimal, project: [] },
      'scenario `/project`: found an unknown key, expected one of `credentials`',
    ],
    ['an unknown key with a slash', { ...minimal, 'a/b~': 1 }, 'scenario `/a~1b~0`: found an unknown key'],
    [
      '__proto__ as a key',
      JSON.parse('{"credentials":[],"projects":[],"__proto__":{}}'),
      'scenario `/__proto__`: found an unknown key',
    ],
    [
      'a negative delay',
      { ...minimal, accept_delay_ms: -1 },
      'scenario `/accept_delay_ms`: found `-1`, expected a whole number from 0',
    ],
    [
      'a marker id as a number',
      withConnection({ marker_id: 5 }),
      `${inService}/connections/0/marker_id\`: found \`5\`, expected decimal digits`,
    ],
    ['a marker id of 2^63', withConnection({ marker_id: '9223372036854775808' }), 'below 2^63'],
    [
      'an unknown status',
      withConnection({ status: 'pending' }),
      'found `"pending"`, expected one of `pendingAcceptance`, `creating`',
    ],
    [
      'an age without unit',
      withConnection({ age: '5' }),
      `${inService}/connections/0/age\`: found \`"5"\`, expected a whole number with`,
    ],
    [
      'age and time',
      withConnection({ age: '5m', created_at: '2026-01-01T00:00:00Z' }),
      'found both `age` and `created_at`',
    ],
    [
      'a date that is none',
      withConnection({ created_at: '2026-13-01T00:00:00Z' }),
      'expected a time `YYYY-MM-DDTHH:MM:SSZ`',
    ],
    [
      'text for a flag',
      withService({ approval_enabled: 'no' }),
      `${inService}/approval_enabled\`: found \`"no"\`, expected true or false`,
    ],
    ['a tag that is no text', withService({ tags: { env: 1 } }), `${inService}/tags/env\`: found \`1\`, expected text`],
    [
      'connections that are no list',
      withService({ connections: {} }),
      `${inService}/connections\`: found \`{}\`, expected an array`,
    ],
    ['an id with a space', withConnection({ id: 'a b' }), 'expected 1 to 64 letters, digits'],
    ['a long value', withConnection({ description: 'x'.repeat(600) }), '…`, expected text of up to 512 characters'],
    [
      'an endpoint id twice',
      withService({ connections: [1, 2].map(() => ({ id: 'e', domain_id: 'x' })) }),
      'found `e`, which /projects/0/services/0/connections/0/id has already',
    ],
    [
      'a user twice',
      { ...minimal, users: [1, 2].map(() => ({ name: 'u', password: 'p', domain_name: 'n', domain_id: 'd' })) },
      'scenario `/users/1/name`: found `u of n`, which /users/0/name has already',
    ],
    ['a lifetime without unit', { ...minimal, token_lifetime: '5' }, 'scenario `/token_lifetime`: found `"5"`'],
    ['an agency for nobody', { ...minimal, agencies: [{ name: 'a' }] }, 'scenario `/agencies/0/domain_name`'],
    [
      'a project twice',
      { credentials: [], projects: [1, 2].map(() => ({ project_id: 'p', region: 'r', domain_id: 'd' })) },
      'scenario `/projects/1/project_id`',
    ],
    ['a cluster without a name', withCluster({ name: undefined }), 'scenario `/projects/0/clusters/0/name`'],
    ['a cluster status nobody knows', withCluster({ status: 200 }), 'expected one of `100`, `200`, `303`'],
    [
      'a cluster with the id of a service',
      withCluster({}, { services: [{ id: 's', service_name: 'n' }] }),
      'scenario `/projects/0/clusters/0/id`: found `s`, which /projects/0/services/0/id has already',
    ],
    [
      'a cluster’s connection with age and time',
      withCluster({ connections: [{ id: 'e', domain_id: 'x', age: '5m', created_at: '2026-01-01T00:00:00Z' }] }),
      'scenario `/projects/0/clusters/0/connections/0/age`',
    ],
    ['a first item of 2', withCluster({}, { css: { first_item: 2 } }), 'expected a whole number from 0 to 1'],
    [
      'a stranger’s endpoint in an own project',
      withConnection({ endpoint: {} }),
      'found `x`, expected `d`, the owner of the endpoint’s project'.replace('’', "'"),
    ],
  ])('refuses %s', (_what, value, message) => {
    const parse = () => parseScenario(typeof value === 'string' ? value : JSON.stringify(value));
    expect(parse).toThrow(ScenarioError);
    expect(parse).toThrow(message);
    expect(parse).toThrow(/^[^\n]*$/);
  });

  test('refuses text that is not JSON', () => {
    expect(() => parseScenario('{')).toThrow(
      /^scenario as a whole: found text that is not JSON \(.*\), expected a JSON object$/,
    );
  });
});
