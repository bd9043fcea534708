/** Judges gathered connections by the policy and by the run's own limits. Decides in data: sends nothing, writes nothing. */
import { attributesOf, type Attributes } from '../core/attributes.ts';
import type { Connection, ConnectionRef } from '../core/connection.ts';
import { decisionId } from '../core/decision-id.ts';
import type { Digest } from '../core/digest.ts';
import { type Cause, type Decision, evaluate } from '../core/evaluate.ts';
import { UNKNOWN } from '../core/fact.ts';
import type { Policy } from '../core/policy.ts';
import type { GatheredService } from './gather.ts';
import { driftFinding } from './review.ts';
import type { Finding, RunLimits } from './run.ts';

/** A policy's decision, or a hold that the run's own brake or limit put in its place. */
export interface RunDecision extends Omit<Decision, 'cause'> {
  readonly cause: Cause | 'brake' | 'limit';
}

/** One connection and what was decided about it. */
export interface Judgement {
  readonly ref: ConnectionRef;
  readonly source: GatheredService;
  readonly connection: Connection;
  readonly attributes: Attributes;
  readonly decision: RunDecision;
  readonly decisionId: Digest;
}

/** All decisions of a run. */
export interface Verdict {
  /** By service, then in order of creation. */
  readonly judgements: readonly Judgement[];
  readonly findings: readonly Finding[];
}

/**
 * Judges every pending connection, one after the other: each accept counts at once for `domain.connections` and for the
 * per-domain limit of the ones after it. Older connections come first. An accepted connection is judged when its service
 * brings it along, and only a reject rule that is true says anything about it: with `isRevoking` it is then rejected like a
 * pending one, else it is a finding. `now` is in milliseconds since the Unix epoch.
 */
export function judgeAll(
  services: readonly GatheredService[],
  policy: Policy,
  limits: RunLimits,
  now: number,
  isRevoking = false,
): Verdict {
  const limiter = new DomainLimiter(limits.acceptsPerDomainPerRun);
  const judged: Omit<Judgement, 'decisionId'>[] = [];
  const drift: Finding[] = [];
  for (const source of [...services].sort(byServiceId)) {
    // Before the run's own accepts count: those are no reason to cut anybody off.
    for (const connection of [...source.accepted].sort(byCreation)) {
      const attributes = attributesFor(connection, source, policy, now);
      const decision = evaluate(policy, attributes, now);
      // Only a rule may revoke: no default, and nothing undecided.
      if (decision.effect !== 'reject' || decision.cause !== 'rule') continue;
      const ref = { ...source.ref, endpointId: connection.endpointId };
      if (isRevoking) judged.push({ ref, source, connection, attributes, decision });
      else drift.push(driftFinding(ref, decision));
    }
    for (const connection of [...source.pending].sort(byCreation)) {
      const { attributes, decision: wanted } = judgePending(connection, source, policy, now);
      const decision = limiter.limit(wanted, connection);
      if (decision.effect === 'accept') source.domainCounts.add(connection);
      const ref = { ...source.ref, endpointId: connection.endpointId };
      judged.push({ ref, source, connection, attributes, decision });
    }
  }
  const braked = brake(judged, limits.rejectsPerRun);
  return {
    judgements: braked.judged.map((judgement) => ({
      ...judgement,
      decisionId: decisionId(judgement.ref, judgement.connection.createdAt, policy.digest, judgement.decision.effect),
    })),
    findings: [...braked.findings, ...limiter.findings(), ...drift],
  };
}

/**
 * Fail closed: an accept that this run is about to send may still fail, and must not be the reason to turn somebody else away.
 * Where the count rests on such accepts, a reject has to hold whatever the count is.
 */
function judgePending(
  connection: Connection,
  source: GatheredService,
  policy: Policy,
  now: number,
): { readonly attributes: Attributes; readonly decision: Decision } {
  const attributes = attributesFor(connection, source, policy, now);
  const decision = evaluate(policy, attributes, now);
  const isForecast = attributes.has('domain.connections') && source.domainCounts.isForecast(connection);
  if (decision.effect !== 'reject' || !isForecast) return { attributes, decision };
  const without = new Map(attributes).set('domain.connections', UNKNOWN);
  return { attributes: without, decision: evaluate(policy, without, now) };
}

function attributesFor(connection: Connection, source: GatheredService, policy: Policy, now: number): Attributes {
  const facts = {
    service: source.ref,
    connection,
    serviceFacts: source.service,
    endpoint: source.endpoints.get(connection.endpointId) ?? UNKNOWN,
    domainConnections: source.domainCounts.of(connection),
    now,
  };
  return attributesOf(facts, policy.reads);
}

/** Turns the accepts of a domain beyond its share of a run into holds. */
class DomainLimiter {
  readonly #limit: number | null;
  readonly #accepts = new Map<string | null, number>();
  readonly #surplus = new Map<string | null, number>();

  constructor(limit: number | null) {
    this.#limit = limit;
  }

  limit(decision: Decision, connection: Connection): RunDecision {
    if (this.#limit === null || decision.effect !== 'accept') return decision;
    // Connections of unknown domains share one allowance: they might all be the same one's.
    const domain = typeof connection.domainId === 'string' ? connection.domainId : null;
    const accepts = this.#accepts.get(domain) ?? 0;
    if (accepts < this.#limit) {
      this.#accepts.set(domain, accepts + 1);
      return decision;
    }
    this.#surplus.set(domain, (this.#surplus.get(domain) ?? 0) + 1);
    const reason = `over the limit of ${this.#limit} accepts per domain and run: ${decision.reason}`;
    return { ...decision, effect: 'hold', cause: 'limit', reason };
  }

  findings(): readonly Finding[] {
    return [...this.#surplus].map(([domain, held]) => ({
      code: 'limit',
      severity: 'warning',
      message: `${counted(held)} of one domain held: over the limit of ${this.#limit} accepts per domain and run`,
      details: { domain_id: domain, held, limit: this.#limit },
      subject: null,
    }));
  }
}

/** The brake: a run that would reject more than `limit` rejects nothing. A wrong policy must not cut everybody off at once. */
function brake(
  judged: readonly Omit<Judgement, 'decisionId'>[],
  limit: number | null,
): { judged: readonly Omit<Judgement, 'decisionId'>[]; findings: readonly Finding[] } {
  const rejects = judged.filter(({ decision }) => decision.effect === 'reject').length;
  if (limit === null || rejects <= limit) return { judged, findings: [] };
  const why = `the run would reject ${counted(rejects)}, more than the brake allows (${limit})`;
  return {
    judged: judged.map((judgement) => {
      const { decision } = judgement;
      if (decision.effect !== 'reject') return judgement;
      return {
        ...judgement,
        decision: { ...decision, effect: 'hold', cause: 'brake', reason: `${why}: ${decision.reason}` },
      };
    }),
    findings: [
      {
        code: 'brake',
        severity: 'warning',
        message: `${why}; none is sent`,
        details: { rejects, limit },
        subject: null,
      },
    ],
  };
}

function counted(connections: number): string {
  return `${connections} connection${connections === 1 ? '' : 's'}`;
}

function byServiceId(a: GatheredService, b: GatheredService): number {
  return compare(a.ref.serviceId, b.ref.serviceId);
}

/** Who asked first is judged first; what has no readable time comes last. */
function byCreation(a: Connection, b: Connection): number {
  return compare(creationOf(a), creationOf(b)) || compare(a.endpointId, b.endpointId);
}

function creationOf({ createdAt }: Connection): string {
  return typeof createdAt === 'string' ? createdAt : '\uffff';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
