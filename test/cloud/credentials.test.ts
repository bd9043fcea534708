import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  AccessKey,
  CredentialsError,
  IamToken,
  readCredentials,
  type PreparedRequest,
} from '../../lib/cloud/credentials.ts';
import vectors from '../fixtures/signing-vectors.json' with { type: 'json' };
import { NOON } from './fake-clock.ts';

const KEY = { HUAWEICLOUD_SDK_AK: 'canaryAK', HUAWEICLOUD_SDK_SK: 'canarySK' };
const REQUEST: PreparedRequest = {
  method: 'GET',
  host: 'vpcep.eu-de.otc.t-systems.com',
  path: '/v1/p/vpc-endpoint-services',
  query: '',
  headers: { 'content-type': 'application/json' },
  body: '',
  projectId: 'p',
};

function errorOf(read: () => unknown): CredentialsError {
  try {
    read();
  } catch (error) {
    if (error instanceof CredentialsError) return error;
    throw error;
  }
  throw new Error('expected a CredentialsError');
}

describe('readCredentials', () => {
  test.each([
    { name: 'the key pair', env: KEY, variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'] },
    {
      name: 'a temporary key',
      env: { ...KEY, HUAWEICLOUD_SDK_SECURITY_TOKEN: 'canaryST' },
      variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK', 'HUAWEICLOUD_SDK_SECURITY_TOKEN'],
    },
    {
      name: 'the older names',
      env: { CLOUD_SDK_AK: 'a', CLOUD_SDK_SK: 'b' },
      variables: ['CLOUD_SDK_AK', 'CLOUD_SDK_SK'],
    },
    {
      name: 'the newer names where both are set',
      env: { ...KEY, CLOUD_SDK_AK: 'a', CLOUD_SDK_SK: 'b' },
      variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'],
    },
    {
      name: 'the older names where the newer ones are empty',
      env: { HUAWEICLOUD_SDK_AK: '', HUAWEICLOUD_SDK_SK: '', CLOUD_SDK_AK: 'a', CLOUD_SDK_SK: 'b' },
      variables: ['CLOUD_SDK_AK', 'CLOUD_SDK_SK'],
    },
    { name: 'a token', env: { HUAWEICLOUD_SDK_TOKEN: 'canaryT' }, variables: ['HUAWEICLOUD_SDK_TOKEN'] },
    {
      name: 'the key pair where there is a token as well',
      env: { ...KEY, HUAWEICLOUD_SDK_TOKEN: 'canaryT' },
      variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'],
    },
  ])('reads $name', ({ env, variables }) => {
    expect(readCredentials(env).variables).toEqual(variables);
  });

  test.each([
    {
      name: 'nothing',
      env: {},
      code: 'credentials-missing',
      variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK', 'HUAWEICLOUD_SDK_TOKEN'],
    },
    {
      name: 'an access key without its secret',
      env: { HUAWEICLOUD_SDK_AK: 'canaryAK' },
      code: 'credentials-incomplete',
      variables: ['HUAWEICLOUD_SDK_SK'],
    },
    {
      name: 'a secret without its access key',
      env: { HUAWEICLOUD_SDK_SK: 'canarySK', HUAWEICLOUD_SDK_TOKEN: 'canaryT' },
      code: 'credentials-incomplete',
      variables: ['HUAWEICLOUD_SDK_AK'],
    },
    {
      name: 'halves of two pairs',
      env: { HUAWEICLOUD_SDK_AK: 'canaryAK', CLOUD_SDK_SK: 'canarySK' },
      code: 'credentials-incomplete',
      variables: ['HUAWEICLOUD_SDK_SK'],
    },
    {
      name: 'a security token alone',
      env: { HUAWEICLOUD_SDK_SECURITY_TOKEN: 'canaryST' },
      code: 'credentials-incomplete',
      variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'],
    },
    {
      name: 'a secret with the line break of its file',
      env: { ...KEY, HUAWEICLOUD_SDK_SK: 'canarySK\n' },
      code: 'credentials-malformed',
      variables: ['HUAWEICLOUD_SDK_SK'],
    },
    {
      name: 'a token that would break the header',
      env: { HUAWEICLOUD_SDK_TOKEN: 'canary\r\nx-evil: 1' },
      code: 'credentials-malformed',
      variables: ['HUAWEICLOUD_SDK_TOKEN'],
    },
  ])('names the variables when there is $name', ({ env, code, variables }) => {
    const error = errorOf(() => readCredentials(env));
    expect(error).toMatchObject({ code, variables });
    for (const variable of variables) expect(error.message).toContain(`\`${variable}\``);
    expect(error.message).toMatch(/^[a-z][^\n]*[^.]$/);
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('canary');
  });
});

describe('AccessKey', () => {
  test('signs with the security token and the project among the headers', async () => {
    const vector = vectors.vectors.find(({ name }) => name === 'temporary-credential');
    if (vector === undefined) throw new Error('no vector');
    const url = new URL(vector.url);
    const key = new AccessKey(
      {
        accessKey: vector.accessKey,
        secretKey: vector.secretKey,
        securityToken: vector.requestHeaders['X-Security-Token'] ?? '',
      },
      [],
    );
    const headers = await key.authenticate(
      {
        method: vector.method,
        host: url.host,
        path: url.pathname,
        query: '',
        headers: { 'content-type': vector.requestHeaders['content-type'] ?? '' },
        body: vector.body,
        projectId: vector.requestHeaders['X-Project-Id'] ?? '',
      },
      Date.UTC(2024, 0, 15, 8, 30, 15),
    );
    expect(headers).toEqual({
      'x-sdk-date': vector.date,
      'x-project-id': vector.requestHeaders['X-Project-Id'],
      'x-security-token': vector.requestHeaders['X-Security-Token'],
      authorization: vector.authorization,
    });
  });
});

describe('IamToken', () => {
  test('adds the token and nothing else', async () => {
    expect(await new IamToken('token', []).authenticate()).toEqual({ 'x-auth-token': 'token' });
  });
});

describe('credentials', () => {
  test.each([
    { name: 'an access key', env: { ...KEY, HUAWEICLOUD_SDK_SECURITY_TOKEN: 'canaryST' } },
    { name: 'a token', env: { HUAWEICLOUD_SDK_TOKEN: 'canaryT' } },
  ])('never show the secret of $name', async ({ env }) => {
    const credentials = readCredentials(env);
    await credentials.authenticate(REQUEST, NOON);
    const outputs = [
      inspect(credentials, { showHidden: true, depth: 9, getters: true }),
      inspect({ nested: [credentials] }, { customInspect: false, showHidden: true, depth: 9 }),
      JSON.stringify({ credentials }),
      JSON.stringify(Object.entries(credentials)),
      JSON.stringify(Object.getOwnPropertyDescriptors(credentials)),
    ];
    for (const output of outputs) expect(output).not.toContain('canary');
  });
});
