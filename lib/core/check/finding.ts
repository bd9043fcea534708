/** What a check says about a policy, and in which order. Finds nothing itself. */

/** What can be odd about a policy. */
export type FindingCode =
  | 'unused-list'
  | 'expired-rule'
  | 'not-yet-valid-rule'
  | 'unmatchable-rule'
  | 'shadowed-rule'
  | 'description-only-rule'
  | 'exists-only-rule'
  | 'accepted-and-rejected-domain'
  | 'duplicate-rule';

/** Something that is allowed in a policy and unlikely to be meant. */
export interface PolicyFinding {
  readonly code: FindingCode;
  /** JSON pointer into the policy document. */
  readonly pointer: string;
  /** One sentence: what is odd. */
  readonly message: string;
  /** What to do about it. */
  readonly suggestion: string;
}
