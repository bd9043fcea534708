/** The one error that leaves `lib/cloud`. Carries no header, no credential and no request body. */
import type { CallTrace } from './endpoint-services.ts';

/** Whether a failed request can have changed something: `none` when the cloud says or implies it did nothing, else `unknown`. */
export type RequestEffect = 'none' | 'unknown';

/**
 * What to do about a failed call:
 * `retry`: the same call may succeed later; `superseded`: the connection is gone, or no longer where we thought, so read it again;
 * `failed`: this call will not succeed, others may; `configuration`: somebody has to change credentials, permissions or the target.
 */
export type Handling = 'retry' | 'superseded' | 'failed' | 'configuration';

/** What is known about a failed call. */
export interface CloudErrorDetails extends CallTrace {
  /**
   * The cloud's own code as it spelled it (`EndPoint.2013`, `APIGW.0301`), or ours: `network` (no connection, or it broke),
   * `timeout` (no answer in time), `deadline` (the run has no time left), `unreadable` (an answer that is not what the API
   * documents), `credentials-refused` (a 401 before, or IAM refuses a token; nothing was sent), `sign-in-failed` (IAM gives no token
   * for now; nothing was sent), `invalid-id` (an id that no URL can hold; nothing was sent), `dry-run` (withheld by dry-run; nothing
   * was sent), `not-supported` (this cloud or kind has no such call; nothing was sent), `invalid-call` (more ids than one call can
   * name, or a description that no cloud takes; nothing was sent), `http-<status>` (an error answer or a redirect without a code).
   */
  readonly code: string;
  /** The HTTP status, when there was an answer. */
  readonly httpStatus?: number;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly effect: RequestEffect;
  readonly cause?: unknown;
}

/** A call to the cloud that failed after all retries it allows. `message` is one line for people, with what and where. */
export class CloudError extends Error {
  override readonly name = 'CloudError';
  readonly code: string;
  readonly httpStatus: number | undefined;
  readonly retryable: boolean;
  readonly effect: RequestEffect;
  readonly attempts: number;
  readonly requestIds: readonly string[];

  constructor(message: string, details: CloudErrorDetails) {
    super(message, { cause: details.cause });
    this.code = details.code;
    this.httpStatus = details.httpStatus;
    this.retryable = details.retryable;
    this.effect = details.effect;
    this.attempts = details.attempts;
    this.requestIds = details.requestIds;
  }

  /** True when the cloud's code is one of `codes`; the vendor spells `EndPoint` and `Endpoint`, so case does not count. */
  hasCode(...codes: readonly string[]): boolean {
    const code = this.code.toLowerCase();
    return codes.some((candidate) => candidate.toLowerCase() === code);
  }
}
