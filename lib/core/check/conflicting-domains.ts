/** Finds domains that an accept rule lists while a reject rule takes them away again. Rules that list no domains are not looked at. */
import type { Clause } from '../policy.ts';
import type { Effort } from './effort.ts';
import type { Formula, Formulas } from './formula.ts';
import { coversValidity, type LiveRule, STEPS_PER_QUESTION } from './live-rule.ts';
import { satisfy } from './satisfy.ts';

/** One clause with the domains that it lists, and the formula of what it lets its rule match. */
interface ListingClause {
  readonly live: LiveRule;
  readonly domains: ReadonlySet<string>;
  readonly clause: Clause;
}

/** A domain that is in the lists of both rules. */
export interface DomainConflict {
  readonly rejecting: LiveRule;
  readonly domain: string;
}

/** Pairs of clauses, and domains of a pair, that are looked at for one accept rule. */
const PAIRS_MAX = 100;
const DOMAINS_MAX = 20;

/** Returns for each of the accept rules `rules` the first conflict with one of `rejecting`. */
export function findConflictingDomains(
  accepting: readonly LiveRule[],
  rejecting: readonly LiveRule[],
  formulas: Formulas,
  effort: Effort,
): ReadonlyMap<LiveRule, DomainConflict> {
  const overlaps = new Overlaps(rejecting.flatMap((live) => listingClauses(live, formulas)));
  const conflicts = new Map<LiveRule, DomainConflict>();
  for (const live of accepting) {
    let pairs = 0;
    for (const mine of listingClauses(live, formulas)) {
      for (const { domains, clauses } of overlaps.with(mine.domains)) {
        for (const theirs of clauses) {
          pairs += 1;
          if (conflicts.has(live) || pairs > PAIRS_MAX || !effort.spend(1)) break;
          if (!canMeet(mine, theirs, formulas, effort)) continue;
          const domain = domains.find((each) => isConflict(mine, theirs, each, formulas, effort));
          if (domain !== undefined) conflicts.set(live, { rejecting: theirs.live, domain });
        }
      }
    }
  }
  return conflicts;
}

/** Most pairs never meet, whatever the domain: one question tells, instead of one for each domain. */
function canMeet(accept: ListingClause, reject: ListingClause, formulas: Formulas, effort: Effort): boolean {
  if (!coversValidity(reject.live, accept.live)) return false;
  const both = [...partsOf(accept, formulas), ...partsOf(reject, formulas)];
  return satisfy(both, effort.part(STEPS_PER_QUESTION)) !== 'none';
}

/**
 * True when both rules can be true for a connection of the domain, and that is unlikely to be meant: the reject rule takes
 * away all that the accept rule lets in for the domain, or each of them has connections of the domain that the other has not.
 *
 * No conflict are exceptions made on purpose: a reject rule that only takes away a part of what the accept rule lets in, one
 * over the very same list, and one that is valid for a time of its own.
 */
function isConflict(
  accept: ListingClause,
  reject: ListingClause,
  domain: string,
  formulas: Formulas,
  effort: Effort,
): boolean {
  const ask = (...parts: readonly Formula[]) =>
    satisfy([formulas.oneOf('domain_id', new Set([domain])), ...parts], effort.part(STEPS_PER_QUESTION));
  const isAccepted = partsOf(accept, formulas);
  const isRejected = partsOf(reject, formulas);
  if (typeof ask(...isAccepted, ...isRejected) === 'string') return false;
  const isNotRejected = oppositeOf(reject, formulas);
  if (ask(...isAccepted, isNotRejected) === 'none') return true;
  if (accept.domains === reject.domains) return false;
  // The part that is only rejected has to be found, not merely not refuted.
  return typeof ask(oppositeOf(accept, formulas), ...isRejected) === 'object';
}

function partsOf({ live, clause }: ListingClause, formulas: Formulas): readonly Formula[] {
  const when = formulas.ofClause(clause, 'true');
  return live.rule.unless.length === 0 ? [when] : [when, formulas.ofUnless(live.rule, 'true')];
}

function oppositeOf({ live, clause }: ListingClause, formulas: Formulas): Formula {
  const when = formulas.ofClause(clause, 'false');
  if (live.rule.unless.length === 0) return when;
  return { kind: 'or', parts: [when, formulas.ofUnless(live.rule, 'false')] };
}

function listingClauses(live: LiveRule, formulas: Formulas): readonly ListingClause[] {
  return live.rule.when.flatMap((clause) => {
    const domains = domainsIn(formulas.ofClause(clause, 'true'));
    return domains ? [{ live, domains, clause }] : [];
  });
}

function domainsIn(formula: Formula): ReadonlySet<string> | undefined {
  if (formula.kind === 'and') return formula.parts.map(domainsIn).find((domains) => domains !== undefined);
  if (formula.kind !== 'literal' || formula.attribute.name !== 'domain_id') return undefined;
  return formula.atom.kind === 'in' && formula.holds ? formula.atom.values : undefined;
}

/** The clauses of reject rules by the domains that they list. Equal lists are one set object, and are compared once. */
class Overlaps {
  readonly #clauses = new Map<ReadonlySet<string>, ListingClause[]>();
  readonly #byDomain = new Map<string, ReadonlySet<string>[]>();
  readonly #known = new Map<ReadonlySet<string>, readonly ReadonlySet<string>[]>();

  constructor(clauses: readonly ListingClause[]) {
    for (const clause of clauses) {
      const alike = this.#clauses.get(clause.domains);
      if (alike) alike.push(clause);
      else this.#clauses.set(clause.domains, [clause]);
    }
    for (const set of this.#clauses.keys()) {
      for (const domain of set) {
        const sets = this.#byDomain.get(domain);
        if (sets) sets.push(set);
        else this.#byDomain.set(domain, [set]);
      }
    }
  }

  /** Returns the lists that share domains with `domains`, with the first of those and the clauses that have the list. */
  with(
    domains: ReadonlySet<string>,
  ): readonly { readonly domains: readonly string[]; readonly clauses: readonly ListingClause[] }[] {
    return this.#setsWith(domains).map((set) => ({
      domains: firstCommon(domains, set),
      clauses: this.#clauses.get(set) ?? [],
    }));
  }

  #setsWith(domains: ReadonlySet<string>): readonly ReadonlySet<string>[] {
    const known = this.#known.get(domains);
    if (known) return known;
    const found = new Set<ReadonlySet<string>>();
    for (const domain of domains) {
      for (const set of this.#byDomain.get(domain) ?? []) if (found.size < PAIRS_MAX) found.add(set);
    }
    const sets = [...found];
    this.#known.set(domains, sets);
    return sets;
  }
}

function firstCommon(a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] {
  const [small, large] = a.size <= b.size ? [a, b] : [b, a];
  const common: string[] = [];
  for (const value of small) {
    if (common.length >= DOMAINS_MAX) break;
    if (large.has(value)) common.push(value);
  }
  return common;
}
