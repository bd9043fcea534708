/** The error codes of the VPCEP API that the local cloud answers with, and their shape. */
import { type ApiAnswer, Refusal } from './routes.ts';

/** HTTP status and message by code, after the vendor's table of error codes. */
const ERRORS = {
  'EndPoint.0001': [500, 'System error.'],
  'EndPoint.0002': [400, 'Invalid request parameter.'],
  'EndPoint.0004': [403, 'You do not have permission to perform this operation.'],
  'EndPoint.0005': [404, 'The requested resource does not exist.'],
  'EndPoint.0006': [400, 'Invalid limit.'],
  'EndPoint.0007': [400, 'Invalid action.'],
  'EndPoint.0010': [400, 'Invalid offset.'],
  'EndPoint.0014': [400, 'Invalid project ID.'],
  'EndPoint.0017': [400, 'Invalid sort_key.'],
  'EndPoint.0018': [400, 'Invalid sort_dir.'],
  'EndPoint.0019': [400, 'Invalid status.'],
  'EndPoint.0021': [400, 'Invalid marker_id.'],
  'EndPoint.0022': [400, 'Too many requests. Try again later.'],
  'EndPoint.2003': [400, 'The VPC endpoint service does not exist.'],
  'EndPoint.2004': [400, 'The VPC endpoint service is unavailable.'],
  'EndPoint.2006': [404, 'The VPC endpoint does not exist.'],
  'EndPoint.2013': [400, 'The VPC endpoint does not belong to the VPC endpoint service.'],
  'EndPoint.2014': [400, 'The VPC endpoint has been connected to the VPC endpoint service.'],
  'EndPoint.2015': [400, 'The VPC endpoint is frozen.'],
  'EndPoint.2018': [400, 'The VPC endpoint is being deleted.'],
  'EndPoint.2019': [400, 'The VPC endpoint is being created.'],
  'EndPoint.2027': [400, 'The operation is not supported in the current status of the VPC endpoint.'],
  'EndPoint.2031': [400, 'Only one VPC endpoint is allowed.'],
  'EndPoint.2047': [400, 'The VPC endpoint has failed and cannot be modified.'],
  'EndPoint.3045': [400, 'The status of the VPC endpoint service does not allow this operation.'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

/** A code of the VPCEP API that this emulator answers with. */
export type VpcepErrorCode = keyof typeof ERRORS;

/** Makes the API's error answer: `{"error":{"message","code"}}`. */
export function vpcepError(code: VpcepErrorCode): ApiAnswer {
  const [status, message] = ERRORS[code];
  return { status, body: { error: { message, code } } };
}

/** Returns what ends a request with this code when thrown. */
export function refuse(code: VpcepErrorCode): Refusal {
  return new Refusal(vpcepError(code));
}
