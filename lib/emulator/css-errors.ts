/** The error codes of the CSS API that the local cloud answers with, and their shape, which is not the documented one but the real one. */
import { type ApiAnswer, Refusal } from './routes.ts';

/** HTTP status and message by code, after the vendor's table of error codes. */
const ERRORS = {
  'CSS.0001': [400, 'Incorrect parameters.'],
  'CSS.0004': [415, 'Invalid operation.'],
  'CSS.0005': [503, 'Server error.'],
  'CSS.0006': [400, 'The request is null.'],
  'CSS.0011': [202, 'This operation cannot be performed because another operation is being performed on the instance.'],
  'CSS.0015': [403, 'No resources are found or the access is denied.'],
  'CSS.0017': [400, 'Invalid parameter letter case.'],
  'CSS.0028': [404, 'The object does not exist.'],
  'CSS.0029': [409, 'The object is being created. Please wait.'],
  'CSS.0040': [412, 'The parameter cannot be processed.'],
  'CSS.5090': [400, 'In this status, the current operation is not allowed.'],
  'CSS.5182': [400, 'The VPC endpoint service is not enabled.'],
  'CSS.5301': [400, 'This operation is not allowed because the cluster has been frozen.'],
  'CSS.9999': [500, 'Failed to process the request.'],
  // CSS passes on what VPCEP behind it answers [I].
  'EndPoint.0022': [400, 'Too many requests. Try again later.'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

/** A code of the CSS API that this emulator answers with. */
export type CssErrorCode = keyof typeof ERRORS;

/** Makes the API's error answer: `{"errCode","externalMessage"}`. `detail` stands in place of the table's message. */
export function cssError(code: CssErrorCode, detail?: string): ApiAnswer {
  const [status, message] = ERRORS[code];
  return { status, body: { errCode: code, externalMessage: `${code} : ${detail ?? message}` } };
}

/** Returns what ends a request with this code when thrown. */
export function refuse(code: CssErrorCode, detail?: string): Refusal {
  return new Refusal(cssError(code, detail));
}
