/** The local cloud over HTTP with approvers in front of it, all on one clock. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Approver, createApprover } from '../../lib/approver.ts';
import { createDirectoryStore } from '../../lib/audit/directory-store.ts';
import type { TrailStore } from '../../lib/audit/store.ts';
import { readCredentials } from '../../lib/cloud/credentials.ts';
import { createAuthenticator } from '../../lib/cloud/iam-sign-in.ts';
import { UNKNOWN } from '../../lib/core/fact.ts';
import type { EndpointServices } from '../../lib/cloud/endpoint-services.ts';
import { createHttpClient, type HttpClientOptions } from '../../lib/cloud/http-client.ts';
import { createVpcep } from '../../lib/cloud/vpcep.ts';
import { loadConfig } from '../../lib/config.ts';
import { type Emulator, startEmulator } from '../../lib/emulator/emulator.ts';
import type { FaultFunction, FaultRequest } from '../../lib/emulator/faults.ts';
import type {
  Scenario,
  ScenarioCluster,
  ScenarioConnection,
  ScenarioProject,
  ScenarioService,
} from '../../lib/emulator/scenario.ts';
import { type QuickClock, quickClock } from './quick-clock.ts';
import { policyDocument, type RuleDraft } from './run-settings.ts';

export const PROJECT = '6e9dfd51d1124e8d8498dce894923a0d';
export const REGION = 'ap-southeast-1';
export const OWN_DOMAIN = 'db9b76a0d9ae431f8e85e89da2ca867c';
export const ENV = { HUAWEICLOUD_SDK_AK: 'TESTKEY1', HUAWEICLOUD_SDK_SK: 'test-secret-1' };

export interface EmulatedCloud extends Emulator {
  readonly clock: QuickClock;
}

/** Starts a local cloud with these services in one project; it stops with the test. */
export async function startCloud(
  services: readonly ScenarioService[],
  more: Partial<Scenario> & { readonly seed?: number } = {},
): Promise<EmulatedCloud> {
  const { seed = 1, ...scenario } = more;
  const clock = quickClock();
  const emulator = await startEmulator({
    clock,
    seed,
    scenario: {
      credentials: [{ access_key: ENV.HUAWEICLOUD_SDK_AK, secret_key: ENV.HUAWEICLOUD_SDK_SK, domain_id: OWN_DOMAIN }],
      projects: [{ project_id: PROJECT, region: REGION, domain_id: OWN_DOMAIN, services }],
      ...scenario,
    },
  });
  onTestFinished(() => emulator.close());
  return Object.assign(Object.create(emulator) as Emulator, { clock });
}

/** A service with these connections. */
export function service(
  id: string,
  connections: readonly ScenarioConnection[] = [],
  more: Partial<ScenarioService> = {},
): ScenarioService {
  return { id, service_name: id, connections, ...more };
}

/** A CSS cluster with these connections, which are accepted unless they say otherwise. */
export function cluster(
  id: string,
  connections: readonly ScenarioConnection[] = [],
  more: Partial<ScenarioCluster> = {},
): ScenarioCluster {
  return { id, name: id, connections, ...more };
}

/** Starts a local cloud with these clusters in one project. */
export function startCssCloud(
  clusters: readonly ScenarioCluster[],
  project: Partial<ScenarioProject> = {},
  more: Partial<Scenario> = {},
): Promise<EmulatedCloud> {
  const base = { project_id: PROJECT, region: REGION, domain_id: OWN_DOMAIN };
  return startCloud([], { ...more, projects: [{ ...base, clusters, ...project }] });
}

/** A target of the configuration: all of a kind in the cloud's project. */
export function targetOf(
  cloud: EmulatedCloud,
  kind: 'vpcep' | 'css',
  more: Readonly<Record<string, unknown>> = {},
): object {
  return { kind, region: REGION, project_id: PROJECT, services: 'all', endpoint: cloud.url, ...more };
}

/** One request with its body, which the cloud's own log leaves out. */
export interface SeenRequest extends FaultRequest {
  /** The body as JSON; `null` without one. */
  readonly json: unknown;
}

/** Notes every request from now on; `faults` decides what goes wrong with it. */
export function spyOn(cloud: EmulatedCloud, faults: FaultFunction = () => undefined): readonly SeenRequest[] {
  const seen: SeenRequest[] = [];
  cloud.setFaults((request) => {
    seen.push({ ...request, json: request.body === '' ? null : (JSON.parse(request.body) as unknown) });
    return faults(request);
  });
  return seen;
}

/** `count` connections, the first the oldest, each a second younger than the one before. */
export function connections(
  prefix: string,
  count: number,
  more: Partial<ScenarioConnection> | ((index: number) => Partial<ScenarioConnection>) = {},
): readonly ScenarioConnection[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${prefix}-${String(index).padStart(5, '0')}`,
    domain_id: 'a1',
    age: `${count - index + 60}s`,
    ...(typeof more === 'function' ? more(index) : more),
  }));
}

export interface ApproverDraft {
  readonly rules: readonly RuleDraft[];
  readonly policy?: object;
  readonly services?: unknown;
  /** Beside `targets`, `policy` and `audit`. */
  readonly config?: Readonly<Record<string, unknown>> & { readonly limits?: object };
  /** Default: one of its own. */
  readonly folder?: string;
  /** In place of the access key. IAM is always the local cloud's. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RealApprover extends Approver {
  readonly store: TrailStore;
  readonly folder: string;
}

/** A folder that goes away with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'approver-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Makes a real approver from real files: configuration, policy and a directory for the trail. */
export async function approverFor(cloud: EmulatedCloud, draft: ApproverDraft): Promise<RealApprover> {
  const { rules, policy, services = 'all', config, env = ENV } = draft;
  const files = await temporaryFolder();
  const folder = draft.folder ?? files;
  await writeFile(join(files, 'policy.json'), JSON.stringify(policyDocument(rules, policy)));
  await writeFile(
    join(files, 'approver.json'),
    JSON.stringify({
      policy: './policy.json',
      targets: [{ kind: 'vpcep', region: REGION, project_id: PROJECT, services, endpoint: cloud.url }],
      audit: { store: `file:${join(folder, 'audit')}` },
      guard: 'off',
      ...config,
      limits: { requests_per_second: null, rejects_per_run: null, ...config?.limits },
    }),
  );
  const approver = createApprover({
    config: loadConfig(join(files, 'approver.json'), {}),
    env: { HUAWEICLOUD_SDK_IAM_ENDPOINT: cloud.url, ...env },
    build: { version: '0.0.0', digest: null },
    clock: cloud.clock,
    random: () => 0.5,
    echoes: false,
  });
  return { ...approver, store: createDirectoryStore(join(folder, 'audit')), folder };
}

/** A port over HTTP to the cloud's project, with bounds of its own. */
export function portTo(cloud: EmulatedCloud, change: Partial<HttpClientOptions> = {}): EndpointServices {
  const http = createHttpClient({
    authenticator: createAuthenticator(readCredentials(ENV), {
      placeOf: () => undefined,
      clock: cloud.clock,
      random: () => 0.5,
    }),
    clock: cloud.clock,
    random: () => 0.5,
    concurrency: 8,
    requestsPerSecond: null,
    ...change,
  });
  return createVpcep({
    target: { region: REGION, projectId: PROJECT },
    profile: 'huaweicloud',
    baseUrl: new URL(cloud.url),
    http,
    ownDomainId: () => Promise.resolve(UNKNOWN),
  });
}

/** The requests that change something. */
export function writesOf({ requests }: Pick<Emulator, 'requests'>): Emulator['requests'] {
  return requests.filter(({ method }) => method !== 'GET');
}

/** How often each connection was changed by a request, for those that were. */
export function actedOn({ changes }: Pick<Emulator, 'changes'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { endpointId, from } of changes) {
    // The cloud's own step from creating to accepted belongs to the accept before it.
    if (from !== 'creating') counts.set(endpointId, (counts.get(endpointId) ?? 0) + 1);
  }
  return counts;
}
