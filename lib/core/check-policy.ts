/** Finds what is allowed in a policy and still unlikely to be meant. Errors are found by `compilePolicy`; nothing here stops a policy. */
import { BodyKeys } from './check/body-key.ts';
import { type DomainConflict, findConflictingDomains } from './check/conflicting-domains.ts';
import { findDuplicates } from './check/duplicates.ts';
import { Effort } from './check/effort.ts';
import type { PolicyFinding } from './check/finding.ts';
import { Formulas } from './check/formula.ts';
import { type LiveRule, liveRule } from './check/live-rule.ts';
import { findShadowed } from './check/shadowed.ts';
import { type Weakness, weaknessOf } from './check/weak-accept.ts';
import type { Policy, Rule } from './policy.ts';
import { pointerTo, quoteName } from './problem.ts';

/** Steps for each kind of question, over all rules: about half a second's work. Beyond, findings are missed, never invented. */
const STEPS = 500_000;

/**
 * Returns the findings for a policy at the time `now`, in milliseconds since the Unix epoch, in the order of the document.
 *
 * Sound: what is said of a rule is true for every connection and every time from `now` on. All of it is found by reasoning
 * over the compiled rules, so that spelling, names and order make no difference. Not complete: a question that takes too
 * many steps stays open, and nothing is said then.
 */
export function checkPolicy(policy: Policy, now: number): readonly PolicyFinding[] {
  const formulas = new Formulas();
  const rules = [...policy.rules].sort((a, b) => a.position - b.position);
  const findings: [number, PolicyFinding][] = policy.unusedLists.map((name) => [-1, unusedList(name)]);
  const report = ({ position }: Rule, finding: PolicyFinding): void => void findings.push([position, finding]);

  const live: LiveRule[] = [];
  const forLiveness = new Effort(STEPS);
  for (const rule of rules) {
    const alive = liveRule(rule, now, formulas, forLiveness);
    if (rule.validUntil <= now) report(rule, expired(rule));
    else if (rule.validFrom > now) report(rule, notYetValid(rule));
    if (alive === 'unmatchable') report(rule, unmatchable(rule));
    else if (alive !== 'expired') live.push(alive);
  }

  const shadowed = findShadowed(live, formulas, new Effort(STEPS));
  for (const [{ rule }, shadow] of shadowed) report(rule, shadowedBy(rule, shadow.rule));

  const accepting = live.filter((each) => each.rule.effect === 'accept' && !shadowed.has(each));
  const rejecting = live.filter((each) => each.rule.effect === 'reject');
  for (const [{ rule }, conflict] of findConflictingDomains(accepting, rejecting, formulas, new Effort(STEPS))) {
    report(rule, conflictingDomain(rule, conflict));
  }
  const forWeakness = new Effort(STEPS);
  for (const { rule } of live) {
    const weakness = rule.effect === 'accept' ? weaknessOf(rule, formulas, forWeakness) : undefined;
    if (weakness) report(rule, weak(rule, weakness));
  }
  for (const [{ rule }, first] of findDuplicates(
    live,
    new BodyKeys(formulas, new Effort(STEPS)),
    formulas,
    new Effort(STEPS),
  )) {
    report(rule, duplicateOf(rule, first.rule));
  }
  // Within a rule, and among the lists, in the order in which they were looked for, which is always the same.
  return findings.sort(([a], [b]) => a - b).map(([, finding]) => finding);
}

function pointerOf(rule: Rule, ...keys: readonly string[]): string {
  return [rule.position, ...keys].reduce<string>(pointerTo, '/rules');
}

function unusedList(name: string): PolicyFinding {
  return {
    code: 'unused-list',
    pointer: pointerTo('/lists', name),
    message: `no rule uses the list \`${name}\``,
    suggestion: `use it as {"in": "@${name}"}, or delete it`,
  };
}

function expired(rule: Rule): PolicyFinding {
  return {
    code: 'expired-rule',
    pointer: pointerOf(rule, 'valid'),
    message: `the rule \`${rule.id}\` expired on ${timeOf(rule.validUntil)} and never matches again`,
    suggestion: 'delete the rule, or move `until`',
  };
}

function notYetValid(rule: Rule): PolicyFinding {
  return {
    code: 'not-yet-valid-rule',
    pointer: pointerOf(rule, 'valid'),
    message: `the rule \`${rule.id}\` matches nothing before ${timeOf(rule.validFrom)}`,
    suggestion: 'leave it when that is meant, or move `from`',
  };
}

function unmatchable(rule: Rule): PolicyFinding {
  const isOne = rule.when.length === 1;
  return {
    code: 'unmatchable-rule',
    pointer: pointerOf(rule, 'when'),
    message:
      rule.unless.length === 0
        ? `the rule \`${rule.id}\` can never match: ${isOne ? 'no connection can fulfil its `when`' : 'no connection can fulfil any clause of its `when`'}`
        : `the rule \`${rule.id}\` can never match: no connection can fulfil its \`when\` and escape its \`unless\``,
    suggestion: 'correct the conditions that exclude each other or that no value fulfils, or delete the rule',
  };
}

function shadowedBy(rule: Rule, shadow: Rule): PolicyFinding {
  return {
    code: 'shadowed-rule',
    pointer: pointerOf(rule),
    message: `the rule \`${rule.id}\` never accepts: the ${shadow.effect} rule \`${shadow.id}\` matches whatever it matches`,
    suggestion: `narrow \`${shadow.id}\`, or delete \`${rule.id}\``,
  };
}

function conflictingDomain(rule: Rule, { rejecting, domain }: DomainConflict): PolicyFinding {
  const other = rejecting.rule.id;
  return {
    code: 'accepted-and-rejected-domain',
    pointer: pointerOf(rule, 'when'),
    message: `the domain ${quoteName(domain)} is accepted by \`${rule.id}\` and rejected by \`${other}\`, which wins`,
    suggestion: 'take the domain off one of the two, or let one of them say when the other does not apply',
  };
}

function weak(rule: Rule, weakness: Weakness): PolicyFinding {
  const pointer = pointerOf(rule, 'when');
  if (weakness.kind === 'description') {
    return {
      code: 'description-only-rule',
      pointer,
      message: `the rule \`${rule.id}\` accepts for the \`description\` alone, which the consumer writes`,
      suggestion: 'add a condition that the consumer cannot choose, such as `domain_id`',
    };
  }
  const attribute = quoteName(weakness.attribute);
  return {
    code: 'exists-only-rule',
    pointer,
    message: weakness.isAlways
      ? `the rule \`${rule.id}\` accepts every connection: what it asks of ${attribute} always holds`
      : `the rule \`${rule.id}\` accepts for nothing but whether ${attribute} exists`,
    suggestion: `say which values of ${attribute} are meant, or add a condition such as \`domain_id\``,
  };
}

function duplicateOf(rule: Rule, first: Rule): PolicyFinding {
  return {
    code: 'duplicate-rule',
    pointer: pointerOf(rule),
    message: `the rule \`${rule.id}\` says the same as \`${first.id}\``,
    suggestion: `delete one of the two`,
  };
}

function timeOf(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
