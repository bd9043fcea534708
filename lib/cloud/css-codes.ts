/**
 * CSS's error codes that lists, details and connection updates can come to, and what each asks for. Data only; `handling.ts` looks it up.
 * Source: OTC-CSS api-ref/source/appendixes/error_codes.rst (specification, cloud-apis B). The vendor documents the codes; which
 * handling fits is our reading of their texts.
 */
import type { Handling } from './cloud-error.ts';

/** What each code asks for. Codes in lower case. */
export const CSS_HANDLING: ReadonlyMap<string, Handling> = new Map<string, Handling>([
  ['css.0001', 'failed'], // incorrect parameters
  ['css.0002', 'configuration'], // the cluster does not exist
  ['css.0004', 'failed'], // invalid operation, with status 415
  ['css.0005', 'retry'], // server error
  ['css.0006', 'failed'], // no parameters
  ['css.0010', 'configuration'], // no id, or not authorized
  ['css.0011', 'retry'], // another operation is running, with status 202: it is no success
  ['css.0015', 'configuration'], // not found or no access
  ['css.0016', 'superseded'], // resource not found: the cluster or the endpoint
  ['css.0017', 'failed'], // wrong letter case of a parameter
  ['css.0021', 'configuration'], // account frozen
  ['css.0022', 'configuration'], // the cluster does not exist or has been deleted
  ['css.0028', 'superseded'], // the object does not exist
  ['css.0029', 'superseded'], // the object is being created, with status 409
  ['css.0031', 'superseded'], // the object exists already, with status 409
  ['css.0036', 'retry'], // internal error, with status 400
  ['css.0040', 'failed'], // the parameter cannot be processed
  ['css.0047', 'configuration'], // the cluster does not exist or has been deleted
  ['css.0051', 'configuration'], // a policy forbids the operation
  ['css.0063', 'failed'], // VPC endpoint quota
  ['css.1004', 'retry'], // database service error
  ['css.1103', 'configuration'], // the cluster does not exist
  ['css.3027', 'configuration'], // the cluster does not exist
  ['css.5045', 'configuration'], // the tenant is not allowed to
  ['css.5090', 'retry'], // the cluster's state does not allow it
  ['css.5108', 'failed'], // operation not supported, with status 415
  ['css.5140', 'retry'], // not supported until the cluster's status is normal
  ['css.5174', 'retry'], // the VPC's information could not be obtained
  ['css.5182', 'superseded'], // the endpoint service is not enabled, so there are no connections
  ['css.5301', 'failed'], // the cluster is frozen
  ['css.5313', 'configuration'], // the VPC endpoint administrator role is missing
  ['css.9999', 'retry'], // the request could not be processed
]);

/**
 * Codes with which a cluster's detail says that there is no such cluster; so does any other 404 that is not the gateway's. Not
 * `CSS.0015`, which may also mean that we have no access: unknown is not no.
 */
export const NO_SUCH_CLUSTER: readonly string[] = [
  'CSS.0002',
  'CSS.0016',
  'CSS.0022',
  'CSS.0047',
  'CSS.1103',
  'CSS.3027',
];

/** The code with which a cluster says that nobody can connect to it at all, since its endpoint service is not enabled. */
export const NOT_ENABLED = 'CSS.5182';

/** Codes with which a request says that a parameter has another name than the one we sent. */
export const WRONG_PARAMETER: readonly string[] = ['CSS.0001', 'CSS.0017'];
