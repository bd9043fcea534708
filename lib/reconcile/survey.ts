/**
 * Looks at the live services as a run would, and lets a policy decide about what it saw, for what-if. Calls reads only and
 * writes no trail.
 */
import pMap from 'p-map';
import { StoreError, type TrailStore } from '../audit/store.ts';
import { subjectOf } from '../audit/record.ts';
import type { ConnectionListing, EndpointServices } from '../cloud/endpoint-services.ts';
import { attributesOf, costsOf } from '../core/attributes.ts';
import type { Connection, ConnectionRef, Endpoint, Service, ServiceRef } from '../core/connection.ts';
import { type Decision, evaluate } from '../core/evaluate.ts';
import { UNKNOWN, type Unknown } from '../core/fact.ts';
import type { Policy } from '../core/policy.ts';
import { countByDomain } from './domain-counts.ts';
import { beginRun, type RunRequest, type RunSettings } from './execute.ts';
import {
  readEndpoints,
  reportFailure,
  reportUnknownStates,
  selectServices,
  serviceRefOf,
  targetRefOf,
  tryRead,
  withTags,
} from './gather.ts';
import { judgeAll } from './judge.ts';
import type { Finding, Run, Target } from './run.ts';

/** What a survey shares with a run. */
export type SurveySettings = Pick<RunSettings, 'limits' | 'targets' | 'clock' | 'newRunId' | 'build'>;

/** What is particular to one survey. */
export type SurveyRequest = Pick<RunRequest, 'stop' | 'observe'>;

/** One governed service, its connections in every state, and the facts that some policy reads. */
export interface SurveyedService {
  readonly ref: ServiceRef;
  readonly port: EndpointServices;
  readonly service: Service;
  readonly listing: ConnectionListing;
  readonly endpoints: ReadonlyMap<string, Endpoint | Unknown>;
  readonly listedAt: number;
}

/** What was seen. */
export interface Survey {
  readonly services: readonly SurveyedService[];
  readonly findings: readonly Finding[];
  /** False when something could not be read; `findings` name it, unless time ran out. */
  readonly isComplete: boolean;
}

/** What a policy says about one live connection. */
export interface LiveDecision {
  readonly ref: ConnectionRef;
  readonly connection: Connection;
  readonly decision: Pick<Decision, 'effect' | 'rules' | 'reason'> & { readonly cause: string };
}

/** Reads every governed service with its pending and accepted connections, and what any of `policies` reads of them. */
export async function survey(
  settings: SurveySettings,
  policies: readonly [Policy, ...Policy[]],
  request: SurveyRequest,
): Promise<Survey> {
  // Its log goes nowhere: it is never flushed, and there is no store to flush it to.
  const run = beginRun(
    {
      ...settings,
      policy: policies[0],
      mode: 'dry-run',
      guard: 'off',
      accepted: 'off',
      annotates: false,
      store: NO_STORE,
    },
    { ...request, trigger: 'cli', requestId: null, budgetMs: null },
  );
  try {
    const reads = policies.flatMap((policy) => policy.reads);
    const taken = new Set<string>();
    const perTarget = await Promise.all(settings.targets.map((target) => surveyTarget(target, reads, taken, run)));
    const services = perTarget.flat();
    const seen = services.flatMap(({ listing }) => listing.connections).filter(isSurveyed);
    run.observe({ stage: 'listed', services: services.length, pending: seen.length });
    return { services, findings: run.findings, isComplete: run.isComplete };
  } finally {
    run.time.dispose();
  }
}

async function surveyTarget(
  { port, selection }: Target,
  reads: readonly string[],
  taken: Set<string>,
  run: Run,
): Promise<readonly SurveyedService[]> {
  const listed = await tryRead(run, targetRefOf(port), () => port.listServices({ signal: run.time.stopping }));
  if (!listed) return [];
  const governed = (await selectServices(listed, selection, port, run)).filter(({ serviceId }) => {
    const name = subjectOf(serviceRefOf(port, serviceId));
    return !taken.has(name) && taken.add(name);
  });
  const { concurrency } = run.limits;
  const surveyed = await pMap(governed, (service) => surveyService(port, service, reads, run), { concurrency });
  return surveyed.filter((service) => service !== null);
}

async function surveyService(
  port: EndpointServices,
  service: Service,
  reads: readonly string[],
  run: Run,
): Promise<SurveyedService | null> {
  const ref = serviceRefOf(port, service.serviceId);
  const costs = costsOf(reads);
  const listedAt = run.clock.now();
  const listing = await tryRead(run, ref, () => port.listConnections(ref.serviceId, {}, { signal: run.time.stopping }));
  if (!listing) return null;
  if (!listing.isComplete) {
    reportFailure(run, ref, 'incomplete', 'its connections could not all be listed; those that were are compared');
  }
  reportUnknownStates(listing.connections, ref, run);
  const seen = listing.connections.filter(isSurveyed);
  return {
    ref,
    port,
    service: costs.has('service.tags') && seen.length > 0 ? await withTags(port, service, run) : service,
    listing,
    endpoints: costs.has('endpoint') ? await readEndpoints(port, ref, seen, run) : new Map(),
    listedAt,
  };
}

function isSurveyed({ state }: Connection): boolean {
  return state === 'pending' || state === 'accepted';
}

/**
 * Lets a policy decide about every surveyed connection, at `now`: pending ones as a run would, one after the other, each accept
 * counting for the next; accepted ones as they stand, not counting themselves. The run's own limits are not the policy's and
 * do not apply. Pending ones come first; of one survey the order is always the same.
 */
export function decideLive(services: readonly SurveyedService[], policy: Policy, now: number): readonly LiveDecision[] {
  const gathered = services.map(({ ref, port, service, listing, endpoints, listedAt }) => ({
    ref,
    port,
    service,
    pending: listing.connections.filter(({ state }) => state === 'pending'),
    accepted: [],
    // Each policy counts its own accepts.
    domainCounts: countByDomain(listing),
    endpoints,
    listedAt,
    pages: listing.pages,
  }));
  const { judgements } = judgeAll(gathered, policy, NO_LIMITS, now);
  return [...judgements, ...services.flatMap((service) => decideAccepted(service, policy, now))];
}

function decideAccepted(
  { ref, service, listing, endpoints }: SurveyedService,
  policy: Policy,
  now: number,
): readonly LiveDecision[] {
  const counts = countByDomain(listing);
  const accepted = listing.connections.filter(({ state }) => state === 'accepted');
  return accepted.map((connection) => {
    const attributes = attributesOf(
      {
        service: ref,
        connection,
        serviceFacts: service,
        endpoint: endpoints.get(connection.endpointId) ?? UNKNOWN,
        domainConnections: counts.of(connection),
        now,
      },
      policy.reads,
    );
    const decision = evaluate(policy, attributes, now);
    return { ref: { ...ref, endpointId: connection.endpointId }, connection, decision };
  });
}

const NO_LIMITS = {
  concurrency: 1,
  rejectsPerRun: null,
  acceptsPerDomainPerRun: null,
  confirmSeconds: 0,
  runMinutes: 1,
} as const;

const refuse = (): Promise<never> =>
  Promise.reject(new StoreError('denied', 'a look at the live services has no trail'));

const NO_STORE: TrailStore = {
  create: refuse,
  read: refuse,
  list: () => {
    throw new StoreError('denied', 'a look at the live services has no trail');
  },
  replace: refuse,
  describe: () => 'no store',
};
