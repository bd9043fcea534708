import { afterEach, describe, expect, test } from 'vitest';
import { CloudError } from '../../lib/cloud/cloud-error.ts';
import { createCss } from '../../lib/cloud/css.ts';
import { CSS_HANDLING } from '../../lib/cloud/css-codes.ts';
import { handlingOf, handlingOfCode } from '../../lib/cloud/handling.ts';
import { createVpcep } from '../../lib/cloud/vpcep.ts';
import { VPCEP_HANDLING } from '../../lib/cloud/vpcep-codes.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import codes from '../fixtures/cloud/error-codes.json' with { type: 'json' };
import { errorOf, PATIENT, startBench, type Bench } from './client-bench.ts';

const open: Bench[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((bench) => bench.server.close()));
});

function error(code: string, httpStatus?: number, retryable = false): CloudError {
  return new CloudError('m', {
    code,
    ...(httpStatus === undefined ? {} : { httpStatus }),
    retryable,
    effect: 'none',
    attempts: 1,
    requestIds: [],
  });
}

/** What an accept fails with when the cloud answers it so. */
async function refusedWith(kind: 'vpcep' | 'css', status: number, body: object): Promise<CloudError> {
  const bench = await startBench(() => ({ status, body }));
  open.push(bench);
  const options = {
    target: { region: 'r', projectId: 'p' },
    profile: 'huaweicloud',
    baseUrl: bench.server.url,
    http: bench.http,
    ownDomainId: async () => UNKNOWN,
  } as const;
  const services = kind === 'css' ? createCss(options) : createVpcep(options);
  return errorOf(bench.run(services.accept('s', ['e'], PATIENT)));
}

const shapesOf = (code: string): readonly object[] => [
  { error: { code, message: 'm' } },
  { error_code: code, error_msg: 'm' },
  { error_msg: 'm', error_code: code, request_id: 'r' },
  { errCode: code, externalMessage: `${code} : m` },
];

/** The table of all documented codes (cloud-apis A7 and B), so that none is handled by accident. */
describe('handlingOf', () => {
  test.each(codes)('handles $status $code, $meaning, as $handling', async ({ code, status, handling }) => {
    const kind = code.startsWith('CSS.') ? 'css' : 'vpcep';
    for (const body of shapesOf(code)) {
      const refusal = await refusedWith(kind, status, body);
      expect(refusal).toMatchObject({ code, httpStatus: status });
      expect(handlingOf(refusal)).toBe(handling);
      // Only an answer that leaves open what was done may be taken for work that was done.
      expect(refusal.effect).toBe(status >= 500 ? 'unknown' : 'none');
    }
  });

  test.each(codes)('knows $code in any spelling', ({ code, handling }) => {
    expect([code.toLowerCase(), code.toUpperCase()].map(handlingOfCode)).toEqual([handling, handling]);
  });

  test('has a documented code for every rule', () => {
    const documented = new Set(codes.map(({ code }) => code.toLowerCase()));
    const rules = [...VPCEP_HANDLING.keys(), ...CSS_HANDLING.keys()];
    expect(rules.filter((code) => !documented.has(code))).toEqual([]);
  });

  test.each([
    { name: 'refused credentials', of: error('credentials-refused'), handling: 'configuration' },
    { name: 'an unheard-of 401', of: error('X.1', 401), handling: 'configuration' },
    { name: 'an unheard-of 403', of: error('http-403', 403), handling: 'configuration' },
    { name: 'an unheard-of 404', of: error('EndPoint.9999', 404), handling: 'superseded' },
    { name: 'an unheard-of 409', of: error('EndPoint.9999', 409), handling: 'superseded' },
    { name: 'an unheard-of 412', of: error('http-412', 412), handling: 'superseded' },
    { name: 'a 409 with words that mean failure', of: error('CSS.0001', 409), handling: 'superseded' },
    { name: 'a 412 with words that mean failure', of: error('CSS.0040', 412), handling: 'superseded' },
    { name: 'a 409 with words that mean later', of: error('CSS.5090', 409, true), handling: 'retry' },
    { name: 'an unheard-of 400', of: error('EndPoint.9999', 400), handling: 'failed' },
    { name: 'an unheard-of error with status 202', of: error('CSS.8888', 202, true), handling: 'retry' },
    { name: 'a lost answer', of: error('network', undefined, true), handling: 'retry' },
    { name: 'the deadline', of: error('deadline', undefined, true), handling: 'retry' },
    { name: 'an untrusted certificate', of: error('network'), handling: 'failed' },
    { name: 'dry-run', of: error('dry-run'), handling: 'failed' },
    { name: 'a call that this cloud has not', of: error('not-supported'), handling: 'failed' },
    { name: 'a call that no cloud would take', of: error('invalid-call'), handling: 'failed' },
  ])('handles $name as $handling', ({ of, handling }) => {
    expect(handlingOf(of)).toBe(handling);
  });
});

describe('handlingOfCode', () => {
  test('knows nothing of a code that is in no table', () => {
    expect(handlingOfCode('EndPoint.9999')).toBeUndefined();
  });
});
