/** Looks up what a failed call asks for, whichever kind of service it went to. Decides nothing about repeating inside a call. */
import type { CloudError, Handling } from './cloud-error.ts';
import { CSS_HANDLING } from './css-codes.ts';
import { VPCEP_HANDLING } from './vpcep-codes.ts';

/** What every API may answer through its gateway, and our own codes. */
const COMMON_HANDLING: ReadonlyMap<string, Handling> = new Map<string, Handling>([
  ['apigw.0308', 'retry'], // throttled by the gateway
  ['apig.0308', 'retry'],
  ['apigw.0301', 'configuration'], // authentication failed at the gateway
  ['apig.0301', 'configuration'],
  ['apigw.0303', 'configuration'], // signature too old, or of an unknown app
  ['apig.0303', 'configuration'],
  ['credentials-refused', 'configuration'],
  ['invalid-id', 'failed'],
  ['invalid-call', 'failed'],
  ['not-supported', 'failed'],
  ['dry-run', 'failed'],
]);

const TABLES = [VPCEP_HANDLING, CSS_HANDLING, COMMON_HANDLING];

/** Returns what a code asks for; `undefined` for one that is in no table. */
export function handlingOfCode(code: string): Handling | undefined {
  const key = code.toLowerCase();
  return TABLES.map((table) => table.get(key)).find((handling) => handling !== undefined);
}

/** Returns what a failed call asks for: by its code, else by its status. */
export function handlingOf(error: CloudError): Handling {
  const known = handlingOfCode(error.code);
  // A conflict or a precondition that does not hold says that what we knew is out of date, whatever words come with it.
  if (error.httpStatus === 409 || error.httpStatus === 412) {
    return known === undefined || known === 'failed' ? 'superseded' : known;
  }
  if (known !== undefined) return known;
  if (error.httpStatus === 401 || error.httpStatus === 403) return 'configuration';
  if (error.retryable) return 'retry';
  return error.httpStatus === 404 ? 'superseded' : 'failed';
}
