/** Who we are to the cloud: an access key pair or a static IAM token, read from the environment. Keeps secrets out of every output; asks no IAM. */
import { sdkDate, signatureOf } from './sign.ts';

/** A request that is ready but for its authentication. */
export interface PreparedRequest {
  readonly method: string;
  /** Host with port, as in the `Host` header. */
  readonly host: string;
  /** Escaped, as it will be sent. */
  readonly path: string;
  /** Escaped, as it will be sent, without the question mark. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The project whose resources the request is about. */
  readonly projectId?: string;
}

/** Proves to the cloud who sends a request. The seam for every way to log in. */
export interface Authenticator {
  /** The environment variables it was made from, for messages that tell people what to check. Names only. */
  readonly variables: readonly string[];
  /** Returns the headers to add, names in lower case. Called once for each sending: a signature carries the time. `now` in ms. */
  authenticate(request: PreparedRequest, now: number): Promise<Readonly<Record<string, string>>>;
}

/** The credentials this build knows. */
export type Credentials = AccessKey | IamToken;

/** Why there are no usable credentials. */
export type CredentialsErrorCode = 'credentials-missing' | 'credentials-incomplete' | 'credentials-malformed';

/** The environment holds no usable credentials. `message` is one line that names variables and no values. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError';
  readonly code: CredentialsErrorCode;
  /** The variables that are missing or wrong. */
  readonly variables: readonly string[];

  constructor(message: string, code: CredentialsErrorCode, variables: readonly string[]) {
    super(message);
    this.code = code;
    this.variables = variables;
  }
}

/** How a secret-bearing object looks in logs and on terminals. Node looks this symbol up without an import. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** An access key pair, permanent or temporary (with a security token). Signs each request; the secret never leaves it. */
export class AccessKey implements Authenticator {
  readonly variables: readonly string[];
  readonly #accessKey: string;
  readonly #secretKey: string;
  readonly #securityToken: string | undefined;

  constructor(
    key: { readonly accessKey: string; readonly secretKey: string; readonly securityToken?: string | undefined },
    variables: readonly string[],
  ) {
    this.#accessKey = key.accessKey;
    this.#secretKey = key.secretKey;
    this.#securityToken = key.securityToken;
    this.variables = variables;
  }

  async authenticate(request: PreparedRequest, now: number): Promise<Readonly<Record<string, string>>> {
    const added = {
      'x-sdk-date': sdkDate(now),
      ...(request.projectId === undefined ? {} : { 'x-project-id': request.projectId }),
      ...(this.#securityToken === undefined ? {} : { 'x-security-token': this.#securityToken }),
    };
    const authorization = signatureOf(
      { ...request, headers: { ...request.headers, ...added, host: request.host } },
      { accessKey: this.#accessKey, secretKey: this.#secretKey },
    );
    return { ...added, authorization };
  }

  toJSON(): string {
    return '[access key]';
  }

  [INSPECT](): string {
    return this.toJSON();
  }
}

/** An IAM token that somebody else fetched and renews. */
export class IamToken implements Authenticator {
  readonly variables: readonly string[];
  readonly #token: string;

  constructor(token: string, variables: readonly string[]) {
    this.#token = token;
    this.variables = variables;
  }

  async authenticate(): Promise<Readonly<Record<string, string>>> {
    return { 'x-auth-token': this.#token };
  }

  toJSON(): string {
    return '[IAM token]';
  }

  [INSPECT](): string {
    return this.toJSON();
  }
}

/** Both spellings of a key pair in the environment; the first that has anything set counts, and pairs are never mixed. */
const KEY_PAIRS = [
  ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK'],
  ['CLOUD_SDK_AK', 'CLOUD_SDK_SK'],
] as const;
const SECURITY_TOKEN = 'HUAWEICLOUD_SDK_SECURITY_TOKEN';
const TOKEN = 'HUAWEICLOUD_SDK_TOKEN';

/**
 * Returns the credentials that the environment names; an access key wins over a token. An empty variable counts as unset.
 *
 * @throws CredentialsError when there are none, when half of a pair is missing, or when a value cannot stand in a header.
 */
export function readCredentials(env: Readonly<Record<string, string | undefined>>): Credentials {
  for (const names of KEY_PAIRS) {
    const [accessKey, secretKey] = names.map((name) => read(env, name));
    if (accessKey === undefined && secretKey === undefined) continue;
    if (accessKey === undefined) throw incomplete(names[0], names[1]);
    if (secretKey === undefined) throw incomplete(names[1], names[0]);
    const securityToken = read(env, SECURITY_TOKEN);
    const variables = securityToken === undefined ? names : [...names, SECURITY_TOKEN];
    return new AccessKey({ accessKey, secretKey, securityToken }, variables);
  }
  if (read(env, SECURITY_TOKEN) !== undefined) throw incomplete(KEY_PAIRS[0].join('` and `'), SECURITY_TOKEN);
  const token = read(env, TOKEN);
  if (token !== undefined) return new IamToken(token, [TOKEN]);
  const wanted = [...KEY_PAIRS[0], TOKEN];
  throw new CredentialsError(
    `no credentials: expected \`${wanted[0]}\` and \`${wanted[1]}\`, or \`${wanted[2]}\`, in the environment`,
    'credentials-missing',
    wanted,
  );
}

function incomplete(missing: string, present: string): CredentialsError {
  return new CredentialsError(
    `credentials are incomplete: \`${present}\` is set, \`${missing}\` is not`,
    'credentials-incomplete',
    missing.split('` and `'),
  );
}

function read(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  // A line break from a secret file would break the header or, in a secret key, earn one 401 after the other until the key is locked.
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new CredentialsError(
      `credentials are malformed: \`${name}\` holds white space or characters outside ASCII`,
      'credentials-malformed',
      [name],
    );
  }
  return value;
}
