/** Finds what is allowed in a policy and still unlikely to be meant. Errors are found by `compilePolicy`; nothing here stops a policy. */
import type { Policy } from './policy.ts';
import { pointerTo } from './problem.ts';

/** Something odd about a policy. */
export interface PolicyWarning {
  readonly code: 'unused-list' | 'expired-rule' | 'not-yet-valid-rule';
  /** JSON pointer into the policy document. */
  readonly pointer: string;
  readonly message: string;
}

/** Returns the warnings for a policy at the time `now`, in milliseconds since the Unix epoch. */
export function checkPolicy(policy: Policy, now: number): readonly PolicyWarning[] {
  const warnings: PolicyWarning[] = policy.unusedLists.map((name) => ({
    code: 'unused-list',
    pointer: pointerTo('/lists', name),
    message: `no rule uses the list \`${name}\``,
  }));
  for (const rule of policy.rules) {
    const pointer = `/rules/${rule.position}/valid`;
    if (rule.validUntil <= now) {
      warnings.push({
        code: 'expired-rule',
        pointer,
        message: `rule \`${rule.id}\` has expired and never matches again`,
      });
    } else if (rule.validFrom > now) {
      warnings.push({ code: 'not-yet-valid-rule', pointer, message: `rule \`${rule.id}\` does not match yet` });
    }
  }
  return warnings;
}
