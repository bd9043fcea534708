/**
 * Who we are to the cloud: an access key pair, an IAM token or an IAM user, read from the environment. Keeps secrets out of every
 * output; asks no IAM, `iam-sign-in.ts` does.
 */
import type { CallOptions } from './endpoint-services.ts';
import { isLoopback } from './regions.ts';
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
  /** See `HttpRequest`. */
  readonly isGlobal?: boolean;
}

/** Proves to the cloud who sends a request. The seam for every way to log in. */
export interface Authenticator {
  /** The environment variables it was made from, for messages that tell people what to check. Names only. */
  readonly variables: readonly string[];
  /** What people should know besides when it is refused, if anything. */
  readonly advice?: string;
  /**
   * Returns the headers to add, names in lower case. Called once for each sending: a signature carries the time. `now` in ms.
   * May have to ask IAM first; rejects with `CloudError` and nothing else when IAM gives nothing, or with code `deadline` when
   * there is no time left.
   */
  authenticate(request: PreparedRequest, now: number, options: CallOptions): Promise<Readonly<Record<string, string>>>;
  /**
   * Notes that a service refused (401) what these headers prove, so that the next {@link authenticate} gets something new. Returns
   * false when that is not worth another try, because what was refused was new itself. Missing where there is nothing to renew.
   */
  renew?(refused: Readonly<Record<string, string>>): boolean;
}

/** The credentials this build knows. All but {@link IamUser} authenticate by themselves. */
export type Credentials = AccessKey | IamToken | IamUser;

/** Why there are no usable credentials. */
export type CredentialsErrorCode =
  | 'credentials-missing'
  | 'credentials-incomplete'
  | 'credentials-malformed'
  | 'credentials-conflict';

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
      // IAM knows no projects; the vendor's SDKs sign for it without one.
      ...(request.projectId === undefined || request.isGlobal === true ? {} : { 'x-project-id': request.projectId }),
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
  readonly advice = 'a given token is not renewed, and lives 24 hours at most';
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

/** The delegation that an IAM user acts under: an account lets ours work in its projects. */
export interface Agency {
  readonly name: string;
  /** The name of the account that created it, and whose projects are governed. */
  readonly domainName: string;
}

/** An IAM user with a password, and the agency to take on where there is one. Proves nothing by itself: IAM gives tokens for it. */
export class IamUser {
  readonly variables: readonly string[];
  readonly domainName: string;
  readonly agency: Agency | undefined;
  readonly #name: string;
  readonly #password: string;

  constructor(
    user: { readonly name: string; readonly password: string; readonly domainName: string; readonly agency?: Agency },
    variables: readonly string[],
  ) {
    this.#name = user.name;
    this.#password = user.password;
    this.domainName = user.domainName;
    this.agency = user.agency;
    this.variables = variables;
  }

  /** Returns `auth.identity` of a log-in. Holds the password: for the body of a request and nothing else. */
  identity(): Readonly<Record<string, unknown>> {
    const user = { name: this.#name, password: this.#password, domain: { name: this.domainName } };
    return { methods: ['password'], password: { user } };
  }

  /** Returns what must not appear in any output. */
  secrets(): readonly string[] {
    return [this.#password];
  }

  toJSON(): string {
    return '[IAM user]';
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
const USER = ['HUAWEICLOUD_SDK_USERNAME', 'HUAWEICLOUD_SDK_PASSWORD', 'HUAWEICLOUD_SDK_DOMAIN_NAME'] as const;
const AGENCY = ['HUAWEICLOUD_SDK_AGENCY_NAME', 'HUAWEICLOUD_SDK_AGENCY_DOMAIN_NAME'] as const;
const IAM_ENDPOINT = 'HUAWEICLOUD_SDK_IAM_ENDPOINT';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the credentials that the environment names. An access key wins over a token, and a token over a user with a password.
 * An empty variable counts as unset.
 *
 * @throws CredentialsError when there are none, when a part is missing, when a value cannot be used, or when an agency is named for
 * credentials that cannot take it on.
 */
export function readCredentials(env: Environment): Credentials {
  const credentials = readAccessKey(env) ?? readToken(env) ?? readUser(env);
  if (credentials === undefined) {
    const [accessKey, secretKey] = KEY_PAIRS[0];
    throw new CredentialsError(
      `no credentials: expected \`${accessKey}\` and \`${secretKey}\`, or \`${TOKEN}\`, or \`${USER.join('`, `')}\`, in the environment`,
      'credentials-missing',
      [accessKey, secretKey, TOKEN, ...USER],
    );
  }
  const agency = AGENCY.find((name) => readText(env, name) !== undefined);
  if (agency !== undefined && !(credentials instanceof IamUser)) {
    // Fail closed: without the agency the same calls would go out as another account.
    throw new CredentialsError(
      `credentials conflict: \`${agency}\` needs \`${USER[0]}\`, but \`${credentials.variables[0]}\` comes first`,
      'credentials-conflict',
      [agency, ...credentials.variables],
    );
  }
  return credentials;
}

/**
 * Returns the URL that takes the place of IAM's in every region, `undefined` where the environment names none. It may be a host
 * alone, and may end in `/v3` as such URLs often do.
 *
 * @throws CredentialsError when it is no such URL, or not https: the password goes there.
 */
export function readIamEndpoint(env: Environment): URL | undefined {
  const value = read(env, IAM_ENDPOINT);
  if (value === undefined) return undefined;
  const text = (value.includes('://') ? value : `https://${value}`).replace(/\/+(v3\/*)?$/, '');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url !== undefined && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));
  if (!isSafe || `${url.username}${url.password}${url.search}${url.hash}` !== '') {
    throw new CredentialsError(
      `credentials are malformed: \`${IAM_ENDPOINT}\`: expected an https URL without user, query and fragment`,
      'credentials-malformed',
      [IAM_ENDPOINT],
    );
  }
  return url;
}

function readAccessKey(env: Environment): AccessKey | undefined {
  for (const names of KEY_PAIRS) {
    const [accessKey, secretKey] = names.map((name) => read(env, name));
    if (accessKey === undefined && secretKey === undefined) continue;
    if (accessKey === undefined) throw incomplete([names[0]], names[1]);
    if (secretKey === undefined) throw incomplete([names[1]], names[0]);
    const securityToken = read(env, SECURITY_TOKEN);
    const variables = securityToken === undefined ? names : [...names, SECURITY_TOKEN];
    return new AccessKey({ accessKey, secretKey, securityToken }, variables);
  }
  if (read(env, SECURITY_TOKEN) !== undefined) throw incomplete(KEY_PAIRS[0], SECURITY_TOKEN);
  return undefined;
}

function readToken(env: Environment): IamToken | undefined {
  const token = read(env, TOKEN);
  return token === undefined ? undefined : new IamToken(token, [TOKEN]);
}

function readUser(env: Environment): IamUser | undefined {
  const agencyGiven = readAll(env, AGENCY);
  const given = readAll(env, USER);
  if (given === undefined) {
    if (agencyGiven !== undefined) throw incomplete(USER, AGENCY[0]);
    return undefined;
  }
  const [name = '', password = '', domainName = ''] = given;
  if (agencyGiven === undefined) return new IamUser({ name, password, domainName }, USER);
  const [agencyName = '', agencyDomain = ''] = agencyGiven;
  const agency = { name: agencyName, domainName: agencyDomain };
  return new IamUser({ name, password, domainName, agency }, [...USER, ...AGENCY]);
}

/** Returns the values of variables that belong together, `undefined` when none is set. */
function readAll(env: Environment, names: readonly string[]): readonly string[] | undefined {
  const set = names.filter((name) => readText(env, name) !== undefined);
  const [first] = set;
  if (first === undefined) return undefined;
  const missing = names.filter((name) => !set.includes(name));
  if (missing.length > 0) throw incomplete(missing, first);
  return names.map((name) => readText(env, name) ?? '');
}

function incomplete(missing: readonly string[], present: string): CredentialsError {
  const names = missing.map((name) => `\`${name}\``).join(' and ');
  return new CredentialsError(
    `credentials are incomplete: \`${present}\` is set, ${names} ${missing.length > 1 ? 'are' : 'is'} not`,
    'credentials-incomplete',
    missing,
  );
}

/** A value that goes into a header. */
function read(env: Environment, name: string): string | undefined {
  // A line break from a secret file would break the header or, in a secret key, earn one 401 after the other until the key is locked.
  return readMatching(env, name, /^[\x21-\x7e]+$/, 'white space or characters outside ASCII');
}

/** A value that goes into JSON: names and passwords may hold spaces and letters of any language. */
function readText(env: Environment, name: string): string | undefined {
  // A line break from a secret file would count as a wrong password, and enough of those lock the user out.
  return readMatching(env, name, /^\P{Cc}+$/u, 'a line break or another control character');
}

function readMatching(env: Environment, name: string, form: RegExp, problem: string): string | undefined {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  if (form.test(value)) return value;
  throw new CredentialsError(`credentials are malformed: \`${name}\` holds ${problem}`, 'credentials-malformed', [
    name,
  ]);
}
