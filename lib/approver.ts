/** The composition root: puts configuration, policy, credentials, cloud, trail and clock together. The one place that knows all of them. */
import { createEcho } from './audit/echo.ts';
import { newRunId } from './audit/new-run-id.ts';
import { openStore } from './audit/open-store.ts';
import type { BuildInfo } from './build-info.ts';
import { type Clock, systemClock } from './clock.ts';
import { readCredentials, readIamEndpoint } from './cloud/credentials.ts';
import { createCss } from './cloud/css.ts';
import { withholdWrites } from './cloud/dry-run.ts';
import type { EndpointServices } from './cloud/endpoint-services.ts';
import { createHttpClient, type HttpClient, type HttpEvent } from './cloud/http-client.ts';
import { createOwnAccount } from './cloud/iam-projects.ts';
import { createAuthenticator } from './cloud/iam-sign-in.ts';
import { cssUrl, iamUrlOf, vpcepUrl } from './cloud/regions.ts';
import { createVpcep } from './cloud/vpcep.ts';
import type { Config, TargetConfig } from './config.ts';
import type { Policy } from './core/policy.ts';
import { loadPolicy } from './policy-file.ts';
import type { RunRequest, RunSettings } from './reconcile/execute.ts';
import { reconcile, type ReconcileResult } from './reconcile/reconcile.ts';
import type { Run, Target } from './reconcile/run.ts';
import type { RunResult } from './reconcile/run-result.ts';
import { type Survey, type SurveyRequest, survey } from './reconcile/survey.ts';
import { sweep } from './reconcile/sweep.ts';

/** What an approver is made of. */
export interface ApproverOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly build: BuildInfo;
  /** The configuration's when left out. */
  readonly mode?: Run['mode'];
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Whether every audit record, once durable, also becomes a line on standard output. */
  readonly echoes: boolean;
  /** Gets what happens on the wire, for progress. */
  readonly onHttp?: (event: HttpEvent) => void;
}

/**
 * A ready approver. Its methods reject with StoreError, or with RunLogError `expired` when the process slept past `run_minutes`: the
 * next sweep recovers such a run. Everything else is in their results.
 */
export interface Approver {
  readonly policy: Policy;
  /** Runs once over all targets. */
  sweep(request: RunRequest): Promise<RunResult>;
  /** Runs over one connection. */
  reconcile(
    request: RunRequest,
    connection: { readonly serviceId: string; readonly endpointId: string },
  ): Promise<ReconcileResult>;
}

/**
 * Makes an approver. Talks to nobody yet.
 *
 * @throws DocumentError for a broken policy; CredentialsError for missing credentials; StoreError for a store it cannot use.
 */
export function createApprover(options: ApproverOptions): Approver {
  const { config, clock = systemClock, mode = config.mode } = options;
  const policy = loadPolicy(config.policyPath);
  const clouds = cloudsFor(options);
  const store = openStore(config.auditStore, config.folder);
  // The sign-in lasts from run to run; a client does not, so that what one run was refused the next may try once more.
  const settings = (): RunSettings => ({
    policy,
    mode,
    guard: config.guard,
    accepted: config.accepted,
    annotates: config.annotates,
    limits: config.limits,
    targets: clouds(mode),
    store,
    clock,
    newRunId,
    build: options.build,
    ...(options.echoes && { echo: createEcho() }),
  });
  return {
    policy,
    sweep: (request) => sweep(settings(), request),
    reconcile: (request, connection) => reconcile(settings(), request, connection),
  };
}

/** What a look at the live services takes. The configuration's own policy and trail are not even opened. */
export type SurveyOptions = Pick<ApproverOptions, 'config' | 'env' | 'build' | 'clock' | 'random' | 'onHttp'>;

/**
 * Reads the pending and accepted connections of all targets, with the facts that any of `policies` reads. Sends reads only,
 * and writes nothing.
 *
 * @throws CredentialsError for missing credentials.
 */
export function surveyLive(
  options: SurveyOptions,
  policies: readonly [Policy, ...Policy[]],
  request: SurveyRequest,
): Promise<Survey> {
  const { config, build, clock = systemClock } = options;
  const targets = cloudsFor(options)('dry-run');
  return survey({ limits: config.limits, targets, clock, newRunId, build }, policies, request);
}

/** What reaching the clouds takes. */
type CloudOptions = Pick<ApproverOptions, 'config' | 'env' | 'clock' | 'random' | 'onHttp'>;

/** Prepares the sign-in once; the returned function makes the ports for one run, all over one client: limits hold over all targets. */
function cloudsFor(options: CloudOptions): (mode: Run['mode']) => readonly Target[] {
  const { config, env, clock = systemClock, random = Math.random, onHttp } = options;
  const observing = onHttp && { observe: onHttp };
  const iamOverride = readIamEndpoint(env);
  const places = new Map(
    config.targets.map((target) => [
      target.projectId,
      { iamUrl: iamUrlOf(target, iamOverride), profile: target.profile },
    ]),
  );
  const placeOf = (projectId: string) => places.get(projectId);
  const authenticator = createAuthenticator(readCredentials(env), { placeOf, clock, random, ...observing });
  const { concurrency, requestsPerSecond } = config.limits;
  return (mode) => {
    const http = createHttpClient({ authenticator, clock, random, concurrency, requestsPerSecond, ...observing });
    return config.targets.map((target) => {
      const port = portFor(target, http, iamUrlOf(target, iamOverride));
      return { port: mode === 'dry-run' ? withholdWrites(port) : port, selection: target.services };
    });
  };
}

/** One line per kind of service. */
function portFor(target: TargetConfig, http: HttpClient, iamUrl: URL): EndpointServices {
  const { kind, profile, region, projectId, endpoint } = target;
  const ownDomainId = createOwnAccount({ http, iamUrl, projectId, configured: target.ownDomainId });
  const common = { target: { region, projectId }, profile, http, ownDomainId };
  switch (kind) {
    case 'vpcep':
      return createVpcep({
        ...common,
        baseUrl: endpoint === undefined ? vpcepUrl(profile, region) : new URL(endpoint),
      });
    case 'css':
      return createCss({ ...common, baseUrl: endpoint === undefined ? cssUrl(profile, region) : new URL(endpoint) });
    default:
      return kind satisfies never;
  }
}
