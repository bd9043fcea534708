import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  AccessKey,
  CredentialsError,
  IamToken,
  IamUser,
  readCredentials,
  readIamEndpoint,
  type PreparedRequest,
} from '../../lib/cloud/credentials.ts';
import vectors from '../fixtures/signing-vectors.json' with { type: 'json' };
import { NOON } from './fake-clock.ts';

const KEY = { HUAWEICLOUD_SDK_AK: 'canaryAK', HUAWEICLOUD_SDK_SK: 'canarySK' };
const TOKEN = { HUAWEICLOUD_SDK_TOKEN: 'canaryT' };
const USER = {
  HUAWEICLOUD_SDK_USERNAME: 'canary user',
  HUAWEICLOUD_SDK_PASSWORD: 'canary pässword "1"',
  HUAWEICLOUD_SDK_DOMAIN_NAME: 'canary domain',
};
const USER_VARIABLES = Object.keys(USER);
const AGENCY = { HUAWEICLOUD_SDK_AGENCY_NAME: 'canary', HUAWEICLOUD_SDK_AGENCY_DOMAIN_NAME: 'canary' };
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
    { name: 'a token', env: TOKEN, variables: ['HUAWEICLOUD_SDK_TOKEN'] },
    { name: 'a user', env: USER, variables: USER_VARIABLES },
    {
      name: 'a user with an agency',
      env: { ...USER, ...AGENCY },
      variables: [...USER_VARIABLES, ...Object.keys(AGENCY)],
    },
    {
      name: 'the key pair where there are a token and a user as well',
      env: { ...KEY, ...TOKEN, ...USER },
      variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'],
    },
    {
      name: 'the token where there is a user as well',
      env: { ...TOKEN, ...USER },
      variables: ['HUAWEICLOUD_SDK_TOKEN'],
    },
  ])('reads $name', ({ env, variables }) => {
    expect(readCredentials(env).variables).toEqual(variables);
  });

  test.each([
    {
      name: 'nothing',
      env: {},
      code: 'credentials-missing',
      variables: ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK', 'HUAWEICLOUD_SDK_TOKEN', ...USER_VARIABLES],
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
      name: 'a user without a password and an account',
      env: { HUAWEICLOUD_SDK_USERNAME: 'canary' },
      code: 'credentials-incomplete',
      variables: ['HUAWEICLOUD_SDK_PASSWORD', 'HUAWEICLOUD_SDK_DOMAIN_NAME'],
    },
    {
      name: 'a password with the line break of its file',
      env: { ...USER, HUAWEICLOUD_SDK_PASSWORD: 'canary\n' },
      code: 'credentials-malformed',
      variables: ['HUAWEICLOUD_SDK_PASSWORD'],
    },
    {
      name: 'an agency without its account',
      env: { ...USER, HUAWEICLOUD_SDK_AGENCY_NAME: 'canary' },
      code: 'credentials-incomplete',
      variables: ['HUAWEICLOUD_SDK_AGENCY_DOMAIN_NAME'],
    },
    {
      name: 'an agency without a user',
      env: AGENCY,
      code: 'credentials-incomplete',
      variables: USER_VARIABLES,
    },
    {
      name: 'an agency that an access key cannot take on',
      env: { ...KEY, ...USER, ...AGENCY },
      code: 'credentials-conflict',
      variables: ['HUAWEICLOUD_SDK_AGENCY_NAME', 'HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'],
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
    for (const variable of variables.slice(0, 2)) expect(error.message).toContain(`\`${variable}\``);
    expect(error.message).toMatch(/^[a-z][^\n]*[^.]$/);
    expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('canary');
  });
});

describe('readIamEndpoint', () => {
  test.each([
    ['iam.eu-de.otc.t-systems.com', 'https://iam.eu-de.otc.t-systems.com/'],
    ['https://iam.myhuaweicloud.com', 'https://iam.myhuaweicloud.com/'],
    ['https://iam.eu-de.otc.t-systems.com/v3', 'https://iam.eu-de.otc.t-systems.com/'],
    ['https://proxy.example/iam/', 'https://proxy.example/iam'],
    ['http://127.0.0.1:9080', 'http://127.0.0.1:9080/'],
    ['http://localhost:9080/v3/', 'http://localhost:9080/'],
  ])('reads %s', (value, url) => {
    expect(readIamEndpoint({ HUAWEICLOUD_SDK_IAM_ENDPOINT: value })?.href).toBe(url);
  });

  test('finds none where none is named', () => {
    expect(readIamEndpoint({ HUAWEICLOUD_SDK_IAM_ENDPOINT: '' })).toBeUndefined();
  });

  test.each([
    'http://iam.myhuaweicloud.com',
    'http://127.0.0.1.canary.example',
    'ftp://canary.example',
    'https://canary:canary@iam.example',
    'https://iam.example/?canary',
    'https://',
    'iam canary',
  ])('refuses %s, to which no password must go', (value) => {
    const error = errorOf(() => readIamEndpoint({ HUAWEICLOUD_SDK_IAM_ENDPOINT: value }));
    expect(error.code).toBe('credentials-malformed');
    expect(error.message).toContain('`HUAWEICLOUD_SDK_IAM_ENDPOINT`');
    expect(error.message).not.toContain('canary');
  });
});

describe('AccessKey', () => {
  test('signs a question to IAM without the project', async () => {
    const key = new AccessKey({ accessKey: 'a', secretKey: 'b' }, []);
    expect(await key.authenticate(REQUEST, NOON)).toHaveProperty('x-project-id', 'p');
    expect(await key.authenticate({ ...REQUEST, isGlobal: true }, NOON)).not.toHaveProperty('x-project-id');
  });

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
    { name: 'a token', env: TOKEN },
    { name: 'a user', env: { ...USER, HUAWEICLOUD_SDK_USERNAME: 'u', HUAWEICLOUD_SDK_DOMAIN_NAME: 'd' } },
  ])('never show the secret of $name', async ({ env }) => {
    const credentials = readCredentials(env);
    if (!(credentials instanceof IamUser)) await credentials.authenticate(REQUEST, NOON);
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
