/**
 * Sends accepts and rejects to CSS under the name that the region has for the list of ids. The two clouds' pages differ (reference
 * pages 000 and 001), and a profile may be wrong about its region: then the other name is tried once, and what worked is kept.
 */
import { CloudError } from './cloud-error.ts';
import { WRONG_PARAMETER } from './css-codes.ts';
import type { CallTrace, CloudNotice } from './endpoint-services.ts';
import type { Profile } from './regions.ts';

/** The names that the list of endpoint ids goes by. */
export type IdsKey = 'endpoint_id_list' | 'endpointIdList';

/** What of an accept or reject goes into its body. */
export interface CssAction {
  readonly action: 'receive' | 'reject';
  readonly endpointIds: readonly string[];
}

/** Sends the body of one action; rejects with `CloudError`. */
export type SendAction = (body: Readonly<Record<string, unknown>>) => Promise<CallTrace>;

/** The words that a region understands, as far as they are known by now. */
export interface CssDialect {
  /** Sends one action, with the other name once when the cloud says that the first is wrong. */
  act(action: CssAction, send: SendAction): Promise<CallTrace>;
  takeNotices(): readonly CloudNotice[];
}

const FIRST_KEY: Readonly<Record<Profile, IdsKey>> = { huaweicloud: 'endpoint_id_list', otc: 'endpointIdList' };

/** Makes the dialect of one target. */
export function createCssDialect(profile: Profile): CssDialect {
  const expected = FIRST_KEY[profile];
  let key = expected;
  /** Once a name has worked, a 400 is about something else. */
  let isProven = false;
  let notices: CloudNotice[] = [];

  function prove(worked: IdsKey): void {
    if (!isProven && worked !== expected) notices.push(noticeOf(profile, expected, worked));
    key = worked;
    isProven = true;
  }

  return {
    async act({ action, endpointIds }, send) {
      const first = key;
      let refusal: CloudError;
      try {
        const trace = await send({ action, [first]: endpointIds });
        prove(first);
        return trace;
      } catch (error) {
        // Another call may have proven the other name while this one was on its way.
        const isFinal = isProven && key === first;
        if (!(error instanceof CloudError) || isFinal || !saysWrongParameter(error)) throw error;
        refusal = error;
      }
      const second = first === 'endpointIdList' ? 'endpoint_id_list' : 'endpointIdList';
      try {
        const trace = await send({ action, [second]: endpointIds });
        prove(second);
        return {
          attempts: refusal.attempts + trace.attempts,
          requestIds: [...refusal.requestIds, ...trace.requestIds],
        };
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
        // When neither name will do, the name is not what was wrong: the first answer is the one to show.
        throw withCostOf(refusal, error, saysWrongParameter(error) ? refusal : error);
      }
    },
    takeNotices() {
      const taken = notices;
      notices = [];
      return taken;
    },
  };
}

function noticeOf(profile: Profile, expected: IdsKey, worked: IdsKey): CloudNotice {
  return {
    code: 'css-dialect',
    message: `profile \`${profile}\` expects \`${expected}\`, but here \`${worked}\` works`,
    details: { profile, expected, worked },
  };
}

/** A 400 whose code is about parameters, or whose text names one of the two. */
function saysWrongParameter(error: CloudError): boolean {
  return error.httpStatus === 400 && (error.hasCode(...WRONG_PARAMETER) || /endpoint_?id_?list/i.test(error.message));
}

/** `shown` with what both sendings cost. Neither did anything when the first was refused and the second says so. */
function withCostOf(first: CloudError, second: CloudError, shown: CloudError): CloudError {
  return new CloudError(shown.message, {
    code: shown.code,
    ...(shown.httpStatus === undefined ? {} : { httpStatus: shown.httpStatus }),
    retryable: shown.retryable,
    effect: second.effect,
    attempts: first.attempts + second.attempts,
    requestIds: [...first.requestIds, ...second.requestIds],
    cause: shown.cause,
  });
}
