/** What happened to a decision. A decision says what the policy wants; an outcome says what became of it; the two are never merged. */
import type { OutcomeData, OutcomeError } from '../audit/record.ts';
import type { CloudError } from '../cloud/cloud-error.ts';

/** The outcome of one decision, in the form in which it stands in the trail. */
export type Outcome = OutcomeData;

/** Turns a failed call into the error of an outcome. */
export function outcomeError(error: CloudError): OutcomeError {
  return {
    code: error.code,
    http_status: error.httpStatus ?? null,
    message: error.message,
    retryable: error.retryable,
  };
}
