/** Reads from the cloud what a run decides on: governed services, their pending connections, and the facts that some rule reads. Changes nothing but what the guard may. */
import pMap from 'p-map';
import { CloudError } from '../cloud/cloud-error.ts';
import type { ConnectionListing, EndpointServices } from '../cloud/endpoint-services.ts';
import { subjectOf } from '../audit/record.ts';
import { type CostlyFact, costsOf } from '../core/attributes.ts';
import type { Connection, Endpoint, Service, ServiceRef, TargetRef } from '../core/connection.ts';
import { isUnknown, UNKNOWN, type Unknown } from '../core/fact.ts';
import { countByDomain, type DomainCounts } from './domain-counts.ts';
import { guardService } from './guard.ts';
import { reviewable } from './review.ts';
import { type AcceptedReview, type Run, report, type ServiceSelection, type Target } from './run.ts';

/** One governed service and everything its pending connections are judged by. */
export interface GatheredService {
  readonly ref: ServiceRef;
  readonly port: EndpointServices;
  readonly service: Service;
  readonly pending: readonly Connection[];
  /** The accepted connections that may be judged again; empty unless the run reviews them. */
  readonly accepted: readonly Connection[];
  readonly domainCounts: DomainCounts;
  /** The consumers' endpoints by id; empty when no rule reads them. */
  readonly endpoints: ReadonlyMap<string, Endpoint | Unknown>;
  /** When the connections were listed, in milliseconds since the Unix epoch, and in how many pages. */
  readonly listedAt: number;
  readonly pages: number;
}

/** Reads all governed services of all targets. A target or service that fails becomes a finding and is left out. */
export async function gatherAll(targets: readonly Target[], run: Run): Promise<readonly GatheredService[]> {
  // A service that several targets select is judged once: two decisions with one id could not be told apart in the trail.
  const taken = new Set<string>();
  const perTarget = await Promise.all(targets.map((target) => gatherTarget(target, taken, run)));
  const gathered = perTarget.flat();
  const pending = gathered.reduce((sum, service) => sum + service.pending.length, 0);
  run.observe({ stage: 'listed', services: gathered.length, pending });
  return gathered;
}

async function gatherTarget(
  { port, selection }: Target,
  taken: Set<string>,
  run: Run,
): Promise<readonly GatheredService[]> {
  const target = targetRefOf(port);
  const services = await tryRead(run, target, () => port.listServices({ signal: run.time.reading }));
  if (!services) return [];
  const governed = await selectServices(services, selection, port, run);
  const untaken = governed.filter(({ serviceId }) => {
    const name = subjectOf(serviceRefOf(port, serviceId));
    return !taken.has(name) && taken.add(name);
  });
  const gathered = await pMap(
    untaken,
    async (service) => {
      await guardService(port, serviceRefOf(port, service.serviceId), service, run);
      return gatherService(port, service, run);
    },
    { concurrency: run.limits.concurrency },
  );
  return gathered.filter((service) => service !== null);
}

/** Returns those of `services` that the selection governs; what cannot be told becomes a finding. */
export async function selectServices(
  services: readonly Service[],
  selection: ServiceSelection,
  port: EndpointServices,
  run: Run,
): Promise<readonly Service[]> {
  switch (selection.by) {
    case 'all':
      return services;
    case 'ids': {
      const byId = new Map(services.map((service) => [service.serviceId, service]));
      for (const serviceId of selection.ids.filter((id) => !byId.has(id))) {
        reportFailure(run, serviceRefOf(port, serviceId), 'not-found', 'the project has no service with this id');
      }
      return selection.ids.map((id) => byId.get(id)).filter((service) => service !== undefined);
    }
    case 'tags': {
      const tagged = await pMap(services, (service) => withTags(port, service, run), {
        concurrency: run.limits.concurrency,
      });
      return tagged.filter((service) => hasTags(service, selection.tags, port, run));
    }
    default:
      return selection satisfies never;
  }
}

/** True when a service has all `wanted` tags. False, after a finding, when they cannot be read. */
export function hasTags(
  service: Service,
  wanted: ReadonlyMap<string, string>,
  port: EndpointServices,
  run: Run,
): boolean {
  const { tags } = service;
  const isUnreadable = isUnknown(tags) || [...wanted.keys()].some((key) => isUnknown(tags.get(key)));
  if (isUnreadable) {
    // Fail closed: a service that may be governed is not silently left to nobody.
    reportFailure(
      run,
      serviceRefOf(port, service.serviceId),
      'unreadable',
      'its tags cannot be read, so it is left alone',
    );
    return false;
  }
  return [...wanted].every(([key, value]) => tags.get(key) === value);
}

/** Reads one service. Returns `null`, after a finding, when its connections cannot be listed. */
export async function gatherService(
  port: EndpointServices,
  service: Service,
  run: Run,
  review: AcceptedReview = run.accepted,
): Promise<GatheredService | null> {
  const ref = serviceRefOf(port, service.serviceId);
  const costs = costsOf(run.policy.reads);
  const listedAt = run.clock.now();
  // Counting a domain's connections needs those in every state, and one listing is a truer picture than two.
  const needsAll = costs.has('domain.connections') || review !== 'off';
  const filter = needsAll ? {} : { state: 'pending' as const };
  const listing = await tryRead(run, ref, () =>
    port.listConnections(ref.serviceId, filter, { signal: run.time.reading }),
  );
  if (listing && !listing.isComplete) {
    reportFailure(run, ref, 'incomplete', 'its connections could not all be listed; those that were are judged');
  }
  return listing && complete(port, service, { listing, listedAt, costs, review }, run);
}

/** Reads one service with one of its connections, `only`; the others count for `domain.connections` alone. */
export async function gatherConnection(
  port: EndpointServices,
  service: Service,
  only: Connection,
  run: Run,
): Promise<GatheredService | null> {
  const costs = costsOf(run.policy.reads);
  if (costs.has('domain.connections')) {
    const gathered = await gatherService(port, service, run, 'off');
    const pending = gathered?.pending.filter(({ endpointId }) => endpointId === only.endpointId) ?? [];
    return gathered && { ...gathered, pending };
  }
  const listing = { connections: [only], isComplete: false, pages: 1 };
  return complete(port, service, { listing, listedAt: run.clock.now(), costs, review: 'off' }, run);
}

/** What was listed of a service, and what is still to be found out about it. */
interface Listed {
  readonly listing: ConnectionListing;
  readonly listedAt: number;
  readonly costs: ReadonlySet<CostlyFact>;
  readonly review: AcceptedReview;
}

async function complete(
  port: EndpointServices,
  service: Service,
  { listing, listedAt, costs, review }: Listed,
  run: Run,
): Promise<GatheredService> {
  const pending = listing.connections.filter((connection) => connection.state === 'pending');
  const ref = serviceRefOf(port, service.serviceId);
  const accepted = review === 'off' ? [] : await reviewable(port, ref, listing.connections, run);
  const judged = [...pending, ...accepted];
  reportUnknownStates(listing.connections, ref, run);
  return {
    ref,
    port,
    service: costs.has('service.tags') && judged.length > 0 ? await withTags(port, service, run) : service,
    pending,
    accepted,
    domainCounts: countByDomain(listing),
    endpoints: costs.has('endpoint') ? await readEndpoints(port, ref, judged, run) : new Map(),
    listedAt,
    pages: listing.pages,
  };
}

/** Returns a service with its tags, which cost a call where the listing did not carry them; unreadable ones stay unknown. */
export async function withTags(port: EndpointServices, service: Service, run: Run): Promise<Service> {
  if (!isUnknown(service.tags)) return service;
  const failures: CloudError[] = [];
  const options = { signal: run.time.reading };
  const tags = await valueOrUnknown(() => port.getServiceTags(service.serviceId, options), failures);
  reportUnread('the tags', failures, serviceRefOf(port, service.serviceId), run);
  return { ...service, tags };
}

/** Reads the consumers' endpoints of these connections; what cannot be read is unknown. */
export async function readEndpoints(
  port: EndpointServices,
  ref: ServiceRef,
  connections: readonly Connection[],
  run: Run,
): Promise<ReadonlyMap<string, Endpoint | Unknown>> {
  const failures: CloudError[] = [];
  const options = { signal: run.time.reading };
  const entries = await pMap(
    connections,
    async ({ endpointId }) => {
      return [endpointId, await valueOrUnknown(() => port.getEndpoint(endpointId, options), failures)] as const;
    },
    { concurrency: run.limits.concurrency },
  );
  reportUnread(`the endpoints of ${failures.length} connections`, failures, ref, run);
  return new Map(entries);
}

async function valueOrUnknown<T>(read: () => Promise<T>, failures: CloudError[]): Promise<T | Unknown> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    failures.push(error);
    return UNKNOWN;
  }
}

/** Facts that a failing call kept unknown hold what needs them, and somebody has to know why. What is not ours to read is no failure. */
function reportUnread(what: string, failures: readonly CloudError[], ref: ServiceRef, run: Run): void {
  const [first] = failures;
  if (!first) return;
  reportFailure(
    run,
    ref,
    first.code,
    `${what} could not be read, so rules that need them hold: ${first.message}`,
    first,
  );
}

/** Runs a read; a failure becomes a finding and `null`. */
export async function tryRead<T>(run: Run, subject: TargetRef | ServiceRef, read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    reportFailure(run, subject, error.code, error.message, error);
    return null;
  }
}

/** Records that a target or a service could not be worked on. */
export function reportFailure(
  run: Run,
  subject: TargetRef | ServiceRef,
  code: string,
  message: string,
  error?: CloudError,
): void {
  run.isComplete = false;
  const details = {
    code,
    http_status: error?.httpStatus ?? null,
    attempts: error?.attempts ?? 0,
    request_ids: [...(error?.requestIds ?? [])],
  };
  // Running out of time is not the service's failure, though it may be its slowness; the next run goes on.
  const finding = code === 'deadline' ? 'deadline' : 'service-failed';
  const severity = code === 'deadline' ? 'warning' : 'error';
  report(run, { code: finding, severity, message, details }, subject);
}

/** Records that some of a service's connections are in an unknown state, if any are. */
export function reportUnknownStates(connections: readonly Connection[], ref: ServiceRef, run: Run): void {
  const strange = connections.filter((connection) => connection.state === 'unknown');
  if (strange.length === 0) return;
  const statuses = [...new Set(strange.map(({ record }) => record.status ?? 'none'))].sort();
  report(
    run,
    {
      code: 'unknown-state',
      severity: 'warning',
      message: `${strange.length} connections are in a state that this build does not know; they are left alone`,
      details: {
        endpoints: strange.slice(0, 100).map(({ endpointId }) => endpointId),
        statuses: statuses.slice(0, 20),
      },
    },
    ref,
  );
}

/** The target a port stands for. */
export function targetRefOf({ kind, region, projectId }: EndpointServices): TargetRef {
  return { kind, region, projectId };
}

/** Names a service of a port's target. */
export function serviceRefOf(port: EndpointServices, serviceId: string): ServiceRef {
  return { ...targetRefOf(port), serviceId };
}
