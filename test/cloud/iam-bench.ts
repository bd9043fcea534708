/** A client that signs in with a password, on a fake clock, against one scripted server that is both IAM and the service. */
import { IamUser, type Agency, type Authenticator } from '../../lib/cloud/credentials.ts';
import { createHttpClient, type HttpClient, type HttpEvent } from '../../lib/cloud/http-client.ts';
import { createAuthenticator } from '../../lib/cloud/iam-sign-in.ts';
import type { Profile } from '../../lib/cloud/regions.ts';
import { FakeClock } from './fake-clock.ts';
import { startServer, type Reply, type ScriptedServer, type SeenRequest } from './scripted-server.ts';

export const PASSWORD = 'canary pässword "1"';
export const USER_VARIABLES = ['HUAWEICLOUD_SDK_USERNAME', 'HUAWEICLOUD_SDK_PASSWORD', 'HUAWEICLOUD_SDK_DOMAIN_NAME'];
export const HOUR = 60 * 60_000;

/** Answers a request; `index` counts those of its kind, from 0. */
export type Script = (request: SeenRequest, index: number) => Reply | Promise<Reply>;

export interface IamBench {
  readonly server: ScriptedServer;
  readonly clock: FakeClock;
  readonly http: HttpClient;
  readonly authenticator: Authenticator;
  readonly events: HttpEvent[];
  /** What IAM was asked for tokens, and what the service was asked. */
  readonly logIns: () => readonly SeenRequest[];
  readonly calls: () => readonly SeenRequest[];
  readonly run: <T>(call: Promise<T>) => Promise<T>;
}

/** A time as IAM writes it. */
function time(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '123Z');
}

function isLogIn({ method, target }: SeenRequest): boolean {
  return method === 'POST' && target.startsWith('/v3/auth/tokens');
}

/** A token as IAM issues it, by a clock of its own that may be wrong. */
export function issued(clock: FakeClock, text: string, lifetime = 24 * HOUR, skew = 0): Reply {
  const at = clock.now() + skew;
  const body = { token: { methods: ['password'], issued_at: time(at), expires_at: time(at + lifetime) } };
  return { status: 201, headers: { 'x-subject-token': text }, body };
}

/** Starts server and client. The caller closes the server. Without scripts IAM issues `canary-token-1` and so on, and all calls succeed. */
export async function startIamBench(
  scripts: { readonly iam?: (bench: { readonly clock: FakeClock }) => Script; readonly service?: Script } = {},
  options: { readonly agency?: Agency; readonly profile?: Profile; readonly concurrency?: number } = {},
): Promise<IamBench> {
  const clock = new FakeClock();
  const iam = scripts.iam?.({ clock }) ?? ((_, index) => issued(clock, `canary-token-${index + 1}`));
  const service: Script = scripts.service ?? (() => ({ body: { fine: true } }));
  const server = await startServer((request) => {
    const isIam = isLogIn(request);
    const index = server.requests.filter((each) => isLogIn(each) === isIam).length - 1;
    return (isIam ? iam : service)(request, index);
  });
  const events: HttpEvent[] = [];
  const count = (type: HttpEvent['type']) => events.filter((event) => event.type === type).length;
  const observe = (event: HttpEvent) => {
    events.push(event);
  };
  const { agency, profile = 'huaweicloud', concurrency = 8 } = options;
  const user = new IamUser(
    { name: 'IAM User', password: PASSWORD, domainName: 'IAMDomain', ...(agency && { agency }) },
    USER_VARIABLES,
  );
  const authenticator = createAuthenticator(user, {
    placeOf: (projectId) => (projectId.startsWith('p') ? { iamUrl: server.url, profile } : undefined),
    clock,
    random: () => 0.999999,
    observe,
  });
  return {
    server,
    clock,
    authenticator,
    events,
    http: createHttpClient({
      authenticator,
      clock,
      random: () => 0.999999,
      concurrency,
      requestsPerSecond: null,
      observe,
    }),
    logIns: () => server.requests.filter(isLogIn),
    calls: () => server.requests.filter((request) => !isLogIn(request)),
    run: (call) => clock.run(call, () => count('sent') === count('answered')),
  };
}
