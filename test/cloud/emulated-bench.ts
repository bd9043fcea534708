/** A client on a fake clock against the local cloud, whose one project is a test's own. */
import { AccessKey } from '../../lib/cloud/credentials.ts';
import type { AdapterOptions } from '../../lib/cloud/project-api.ts';
import { createHttpClient } from '../../lib/cloud/http-client.ts';
import { type Emulator, startEmulator } from '../../lib/emulator/emulator.ts';
import type { ScenarioProject } from '../../lib/emulator/scenario.ts';
import { FakeClock } from './fake-clock.ts';

const OWN = 'own';
const PROJECT = '6204a5bd270343b5885144cf9c8c158d';
const KEY = { accessKey: 'LOCALKEY', secretKey: 'local-secret-key' };

export interface EmulatedBench {
  readonly cloud: Emulator;
  /** What an adapter for the project needs besides the profile. */
  readonly options: Omit<AdapterOptions, 'profile'>;
  /** Settles as the call does, while the fake time passes whenever nothing but time is waited for. */
  readonly run: <T>(call: Promise<T>) => Promise<T>;
}

/** Starts a local cloud with this project. The caller closes it. */
export async function startEmulatedBench(project: Partial<ScenarioProject>): Promise<EmulatedBench> {
  const clock = new FakeClock();
  const cloud = await startEmulator({
    scenario: {
      credentials: [{ access_key: KEY.accessKey, secret_key: KEY.secretKey, domain_id: OWN }],
      projects: [{ project_id: PROJECT, region: 'eu-de', domain_id: OWN, ...project }],
    },
    clock,
  });
  let inFlight = 0;
  const http = createHttpClient({
    authenticator: new AccessKey(KEY, ['HUAWEICLOUD_SDK_AK', 'HUAWEICLOUD_SDK_SK']),
    clock,
    random: () => 0.999999,
    concurrency: 8,
    requestsPerSecond: null,
    observe: ({ type }) => {
      inFlight += type === 'sent' ? 1 : type === 'answered' ? -1 : 0;
    },
  });
  const isHeldBack = () => {
    const last = cloud.requests.at(-1);
    return last?.finishedMs === null && (last.fault === 'slow' || last.fault === 'hang');
  };
  return {
    cloud,
    options: {
      target: { region: 'eu-de', projectId: PROJECT },
      baseUrl: new URL(cloud.url),
      http,
      ownDomainId: async () => OWN,
    },
    run: (call) => clock.run(call, () => inFlight === 0 || isHeldBack()),
  };
}
