import { describe, expect, test } from 'vitest';
import { CloudError } from '../../lib/cloud/cloud-error.ts';
import { handlingOf, handlingOfCode } from '../../lib/cloud/vpcep-codes.ts';

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

/** Every code of the vendor's table (cloud-apis A7), so that none is handled by accident. */
const TABLE = {
  retry: '0001 0013 0022 2004 2051 3045',
  superseded: '0005 2006 2007 2008 2013 2014 2018 2019 2047',
  failed:
    '0002 0006 0007 0010 0016 0017 0018 0019 0020 0021 1018 2012 2015 2027 2029 2030 2031 2045 2050 3002 3035 3036 3049 3066 3067 3068 3069 3070 3071 3072 3073',
  configuration: '0003 0004 0009 0014 2003 3062',
};

describe('handlingOf', () => {
  test.each(Object.entries(TABLE).flatMap(([handling, codes]) => codes.split(' ').map((code) => ({ code, handling }))))(
    'handles EndPoint.$code as $handling, in either spelling',
    ({ code, handling }) => {
      expect(handlingOf(error(`EndPoint.${code}`, 400))).toBe(handling);
      expect(handlingOf(error(`Endpoint.${code}`, 400))).toBe(handling);
    },
  );

  test.each([
    { name: 'throttling at the gateway', of: error('APIGW.0308', 429, true), handling: 'retry' },
    { name: 'a wrong signature', of: error('APIG.0301', 401), handling: 'configuration' },
    { name: 'refused credentials', of: error('credentials-refused'), handling: 'configuration' },
    { name: 'an unheard-of 401', of: error('X.1', 401), handling: 'configuration' },
    { name: 'an unheard-of 403', of: error('http-403', 403), handling: 'configuration' },
    { name: 'an unheard-of 404', of: error('EndPoint.9999', 404), handling: 'superseded' },
    { name: 'an unheard-of 409', of: error('EndPoint.9999', 409), handling: 'superseded' },
    { name: 'an unheard-of 400', of: error('EndPoint.9999', 400), handling: 'failed' },
    { name: 'a lost answer', of: error('network', undefined, true), handling: 'retry' },
    { name: 'the deadline', of: error('deadline', undefined, true), handling: 'retry' },
    { name: 'an untrusted certificate', of: error('network'), handling: 'failed' },
    { name: 'dry-run', of: error('dry-run'), handling: 'failed' },
  ])('handles $name as $handling', ({ of, handling }) => {
    expect(handlingOf(of)).toBe(handling);
  });
});

describe('handlingOfCode', () => {
  test('knows nothing of a code that is not in the table', () => {
    expect(handlingOfCode('EndPoint.9999')).toBeUndefined();
  });
});
