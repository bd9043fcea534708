/**
 * Signs in with user name and password, and takes on an agency where there is one: a token for each project. Says who may ask IAM
 * when, and what its refusals mean; `iam-token-cache.ts` keeps the tokens, `iam-token-request.ts` asks for one.
 */
import type { Clock } from '../clock.ts';
import { CloudError } from './cloud-error.ts';
import { IamUser, type Agency, type Authenticator, type Credentials, type PreparedRequest } from './credentials.ts';
import type { CallOptions } from './endpoint-services.ts';
import type { HttpEvent } from './http-client.ts';
import { outOfTime, TokenCache, type Issue } from './iam-token-cache.ts';
import { requestToken, type IssuedToken, type TokenAnswer } from './iam-token-request.ts';
import type { JsonObject } from './parse-json.ts';
import type { Profile } from './regions.ts';
import type { Failure } from './retry.ts';
import type { Fetch } from './send.ts';
import { Slots } from './slots.ts';

/** The IAM that knows a project. */
export interface IamPlace {
  /** See `iamUrlOf`. */
  readonly iamUrl: URL;
  readonly profile: Profile;
}

/** What signing in needs besides the user. */
export interface SignInOptions {
  /** Returns where a project's tokens come from, `undefined` for a project that is not governed. */
  readonly placeOf: (projectId: string) => IamPlace | undefined;
  readonly clock: Clock;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  /** The global `fetch` when left out. */
  readonly fetch?: Fetch;
  readonly observe?: (event: HttpEvent) => void;
}

/**
 * Returns what proves to the cloud who we are: the credentials themselves, or the sign-in of a user. Asks nobody yet. Make one and
 * keep it for as long as the program runs: a wrong password is remembered here, and must not be tried again by the next run.
 */
export function createAuthenticator(credentials: Credentials, options: SignInOptions): Authenticator {
  return credentials instanceof IamUser ? new IamSignIn(credentials, options) : credentials;
}

/** A 401 so soon after the same password was right is taken to be about the project. */
const PROOF_LIFETIME = 15 * 60_000;
/** But not more often than this in a row: the vendor locks a user out after five wrong passwords within 15 minutes. */
const MAX_DOUBTS = 2;

class IamSignIn implements Authenticator {
  readonly variables: readonly string[];
  readonly #user: IamUser;
  readonly #options: SignInOptions;
  readonly #tokens: TokenCache;
  // One log-in at a time until the password is known to be right: of several wrong ones each would count.
  readonly #turns = new Slots(1);
  #provenAt = Number.NEGATIVE_INFINITY;
  #doubts = 0;
  #wrongPassword: CloudError | undefined;

  constructor(user: IamUser, options: SignInOptions) {
    this.variables = user.variables;
    this.#user = user;
    this.#options = options;
    this.#tokens = new TokenCache(options.clock);
  }

  async authenticate(
    { projectId }: PreparedRequest,
    _now: number,
    options: CallOptions,
  ): Promise<Readonly<Record<string, string>>> {
    const place = projectId === undefined ? undefined : this.#options.placeOf(projectId);
    if (projectId === undefined || place === undefined) {
      throw errorOf(
        'credentials-refused',
        `no token is to be had for project \`${projectId ?? ''}\`: it is no target's`,
      );
    }
    const { agency } = this.#user;
    const issue: Issue = (signal) =>
      agency === undefined
        ? this.#logIn(place, { project: { id: projectId } }, `project \`${projectId}\``, signal)
        : this.#takeOn(agency, place, projectId, signal);
    const token = await this.#tokens.get(`project ${projectId}`, issue, options.signal);
    return { 'x-auth-token': token.text };
  }

  renew(refused: Readonly<Record<string, string>>): boolean {
    return this.#tokens.drop(refused['x-auth-token']);
  }

  toJSON(): string {
    return '[IAM sign-in]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toJSON();
  }

  /** Logs in with the password. One that is known to be wrong is never sent again, in whatever scope. */
  async #logIn(place: IamPlace, scope: JsonObject, what: string, signal: AbortSignal): Promise<IssuedToken> {
    if (this.#isProven()) return this.#logInNow(place, scope, what, signal);
    if (!(await this.#turns.acquire(signal))) throw outOfTime();
    try {
      return await this.#logInNow(place, scope, what, signal);
    } finally {
      this.#turns.release();
    }
  }

  async #logInNow({ iamUrl }: IamPlace, scope: JsonObject, what: string, signal: AbortSignal): Promise<IssuedToken> {
    if (this.#wrongPassword !== undefined) throw this.#wrongPassword;
    const secrets = this.#user.secrets();
    const answer = await this.#ask({ iamUrl, identity: this.#user.identity(), scope, secrets }, signal);
    if ('token' in answer) {
      this.#provenAt = this.#options.clock.now();
      this.#doubts = 0;
      return answer.token;
    }
    const error = this.#errorOf(answer, iamUrl, what);
    if (error.httpStatus === 401) {
      this.#doubts += 1;
      if (!this.#isProven() || this.#doubts > MAX_DOUBTS) this.#wrongPassword = error;
    }
    throw error;
  }

  /** Has the agency's token issued to the user's own, which is good for the user's account: that is where agencies are taken on. */
  async #takeOn(agency: Agency, place: IamPlace, projectId: string, signal: AbortSignal): Promise<IssuedToken> {
    const { domainName } = this.#user;
    const own = { domain: { name: domainName } };
    const scope = { project: { id: projectId } };
    for (let isSecond = false; ; isSecond = true) {
      const token = await this.#tokens.get(
        `own account at ${place.iamUrl.href}`,
        (inner) => this.#logIn(place, own, `account \`${domainName}\``, inner),
        signal,
      );
      const answer = await this.#askForAgency(agency, place, scope, token.text, signal);
      if ('token' in answer) return answer.token;
      if (answer.failure.httpStatus !== 401 || isSecond) {
        const error = this.#errorOf(answer, place.iamUrl, `agency \`${agency.name}\` in project \`${projectId}\``);
        // Not the password's fault, so not final.
        throw errorOf(error.code, error.message, error);
      }
      this.#tokens.drop(token.text);
    }
  }

  /** Asks in the cloud's dialect first, and in the other after a 400. */
  async #askForAgency(
    agency: Agency,
    { iamUrl, profile }: IamPlace,
    scope: JsonObject,
    authToken: string,
    signal: AbortSignal,
  ): Promise<TokenAnswer> {
    // Open Telekom Cloud documents `xrole_name` (api-ref, obtaining_an_agency_token), and so did Huawei Cloud before `agency_name`.
    const names = profile === 'otc' ? ['xrole_name', 'agency_name'] : ['agency_name', 'xrole_name'];
    const [first = '', second = ''] = names;
    const ask = (name: string) => {
      const assume = { domain_name: agency.domainName, [name]: agency.name };
      const identity = { methods: ['assume_role'], assume_role: assume };
      return this.#ask({ iamUrl, identity, scope, authToken, secrets: this.#user.secrets() }, signal);
    };
    const answer = await ask(first);
    return 'failure' in answer && answer.failure.httpStatus === 400 ? ask(second) : answer;
  }

  #ask(request: Parameters<typeof requestToken>[0], signal: AbortSignal): Promise<TokenAnswer> {
    const { clock, random, observe } = this.#options;
    return requestToken(request, { clock, random, observe, fetch: this.#options.fetch ?? fetch }, signal);
  }

  #isProven(): boolean {
    return this.#options.clock.now() < this.#provenAt + PROOF_LIFETIME;
  }

  /** Says who gave no token for what, why, and what to check. */
  #errorOf(
    { failure, requestIds }: { readonly failure: Failure; readonly requestIds: readonly string[] },
    iamUrl: URL,
    what: string,
  ): CloudError {
    if (failure.code === 'deadline') return outOfTime();
    const { httpStatus = 0, retryable, detail } = failure;
    const isRefused = httpStatus >= 400 && httpStatus < 500 && !retryable;
    const variables = isRefused ? this.variables : failure.code === 'network' ? ['HUAWEICLOUD_SDK_IAM_ENDPOINT'] : [];
    const check = variables.length === 0 ? '' : `; check ${variables.map((name) => `\`${name}\``).join(', ')}`;
    return new CloudError(`IAM at \`${iamUrl.host}\` gave no token for ${what}: ${detail}${check}`, {
      code: isRefused ? 'credentials-refused' : 'sign-in-failed',
      ...(failure.httpStatus === undefined ? {} : { httpStatus }),
      retryable,
      effect: 'none',
      attempts: 0,
      requestIds,
    });
  }
}

/** An error without a status; `like` gives the rest where there is one. */
function errorOf(code: string, message: string, like?: CloudError): CloudError {
  const retryable = like?.retryable ?? false;
  return new CloudError(message, { code, retryable, effect: 'none', attempts: 0, requestIds: like?.requestIds ?? [] });
}
