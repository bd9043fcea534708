import { describe, expect, test } from 'vitest';
import { CloudError } from '../../lib/cloud/cloud-error.ts';
import { createCssDialect, type IdsKey, type SendAction } from '../../lib/cloud/css-action.ts';
import { errorOf } from './client-bench.ts';

function refusal(code: string, httpStatus: number, message = 'refused'): CloudError {
  return new CloudError(message, {
    code,
    httpStatus,
    retryable: false,
    effect: httpStatus >= 500 ? 'unknown' : 'none',
    attempts: 1,
    requestIds: [`${code}-${httpStatus}`],
  });
}

/** A cloud that knows one key, and the keys that it was sent. */
function cloudOf(known: IdsKey, ...refused: readonly CloudError[]) {
  const keys: string[] = [];
  const send: SendAction = async (body) => {
    const key = Object.keys(body).find((name) => name !== 'action') ?? '';
    keys.push(key);
    if (key === known) return { attempts: 1, requestIds: ['done'] };
    throw refused[0] ?? refusal('CSS.0001', 400);
  };
  return { keys, send };
}

const ACTION = { action: 'receive', endpointIds: ['e1', 'e2'] } as const;

describe('createCssDialect', () => {
  test.each([
    { profile: 'huaweicloud', key: 'endpoint_id_list' },
    { profile: 'otc', key: 'endpointIdList' },
  ] as const)('speaks as the page for $profile does, and has nothing to tell', async ({ profile, key }) => {
    const dialect = createCssDialect(profile);
    const { keys, send } = cloudOf(key);
    expect(await dialect.act(ACTION, send)).toEqual({ attempts: 1, requestIds: ['done'] });
    expect(keys).toEqual([key]);
    expect(dialect.takeNotices()).toEqual([]);
  });

  test.each([
    { name: 'CSS.0001', error: refusal('CSS.0001', 400) },
    { name: 'CSS.0017', error: refusal('CSS.0017', 400) },
    { name: 'a text that names the parameter', error: refusal('CSS.0036', 400, 'unknown endpointIdList') },
  ])('tries the other key once after $name, keeps it, and tells so once', async ({ error }) => {
    const dialect = createCssDialect('otc');
    const { keys, send } = cloudOf('endpoint_id_list', error);
    expect(await dialect.act(ACTION, send)).toEqual({ attempts: 2, requestIds: [...error.requestIds, 'done'] });
    await dialect.act(ACTION, send);
    expect(keys).toEqual(['endpointIdList', 'endpoint_id_list', 'endpoint_id_list']);
    expect(dialect.takeNotices()).toEqual([
      {
        code: 'css-dialect',
        message: 'profile `otc` expects `endpointIdList`, but here `endpoint_id_list` works',
        details: { profile: 'otc', expected: 'endpointIdList', worked: 'endpoint_id_list' },
      },
    ]);
    expect(dialect.takeNotices()).toEqual([]);
  });

  test.each([
    { name: 'another 400', error: refusal('CSS.5301', 400) },
    { name: 'the code with another status', error: refusal('CSS.0001', 409) },
    { name: 'an answer that leaves open what was done', error: refusal('CSS.9999', 500, 'endpointIdList') },
  ])('does not try another key after $name', async ({ error }) => {
    const { keys, send } = cloudOf('endpointIdList', error);
    expect(await errorOf(createCssDialect('huaweicloud').act(ACTION, send))).toBe(error);
    expect(keys).toEqual(['endpoint_id_list']);
  });

  test('shows the first answer, with the cost of both, when neither key will do', async () => {
    let call = 0;
    const first = refusal('CSS.0001', 400, 'bad id');
    const error = await errorOf(
      createCssDialect('otc').act(ACTION, async () => {
        call += 1;
        throw call === 1 ? first : refusal('CSS.0017', 400);
      }),
    );
    expect(error).toMatchObject({ message: 'bad id', code: 'CSS.0001', effect: 'none', attempts: 2 });
    expect(error.requestIds).toEqual(['CSS.0001-400', 'CSS.0017-400']);
  });

  test('says that the effect is unknown when the second answer was lost', async () => {
    let call = 0;
    const lost = refusal('network', 500);
    const error = await errorOf(
      createCssDialect('otc').act(ACTION, async () => {
        call += 1;
        throw call === 1 ? refusal('CSS.0001', 400) : lost;
      }),
    );
    expect(error).toMatchObject({ code: 'network', effect: 'unknown', attempts: 2 });
  });

  test('tries the other key for each of several calls that were on their way at once', async () => {
    const dialect = createCssDialect('otc');
    const { keys, send } = cloudOf('endpoint_id_list');
    const traces = await Promise.all([dialect.act(ACTION, send), dialect.act(ACTION, send)]);
    expect(traces.map(({ attempts }) => attempts)).toEqual([2, 2]);
    expect(keys).toHaveLength(4);
    expect(dialect.takeNotices()).toHaveLength(1);
  });

  test('takes a 400 for what it says once its key has worked', async () => {
    const dialect = createCssDialect('otc');
    await dialect.act(ACTION, cloudOf('endpointIdList').send);
    const { keys, send } = cloudOf('endpoint_id_list');
    expect(await errorOf(dialect.act(ACTION, send))).toMatchObject({ code: 'CSS.0001', attempts: 1 });
    expect(keys).toEqual(['endpointIdList']);
  });
});
