/** What a past decision record says, above its explanation under another, or the same, policy. Decides nothing. */
import type { Policy } from '../core/policy.ts';
import type { PastDecision } from '../past-decision.ts';
import { decisionText } from './cases-report.ts';
import { plain, type Terminal } from './terminal.ts';

/** Prints what was decided then, under which policy, and what of the connection nobody had read. */
export function printPast(past: PastDecision, policy: Policy, terminal: Terminal): void {
  const isSame = past.policy.digest === policy.digest;
  terminal.print(`record    ${plain(past.subject)}, decided ${new Date(past.time).toISOString()}`);
  terminal.print(`then      ${decisionText(past, terminal)}`);
  terminal.print(
    isSame
      ? `policy    the same, ${plain(past.policy.name)}`
      : `policy    ${terminal.tone('warn', 'another')}: then ${identityText(past.policy)}, here ${identityText(policy)}`,
  );
  const lacking = lackingOf(past, policy);
  if (lacking.length > 0) {
    terminal.print(`unknown   not in the record: ${lacking.map((name) => plain(name)).join(', ')}`);
  }
  terminal.print('');
}

/** Returns the `record` of the JSON document. */
export function pastToJson(past: PastDecision, policy: Policy): object {
  const { subject, time, effect, cause, rules, reason } = past;
  return {
    subject,
    time: new Date(time).toISOString(),
    effect,
    cause,
    rules,
    reason,
    policy: past.policy,
    same_policy: past.policy.digest === policy.digest,
    not_recorded: lackingOf(past, policy),
  };
}

function lackingOf({ attributes }: PastDecision, { reads }: Policy): readonly string[] {
  return reads.filter((name) => !attributes.has(name));
}

function identityText({ name, digest }: { readonly name: string; readonly digest: string }): string {
  return plain(`${name} ${digest}`);
}
