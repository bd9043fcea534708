/**
 * VPCEP's error codes and what each asks for. Data only; `handling.ts` looks it up, repeating inside a call is decided in `retry.ts`.
 * Source: OTC-VPCEP api-ref/source/appendix/error_codes.rst and the Huawei Cloud error table (specification, cloud-apis A7). The
 * vendor documents the codes; which handling fits is our reading of their texts.
 */
import type { Handling } from './cloud-error.ts';

/** What each code asks for. Codes in lower case, since the vendor spells both `EndPoint` and `Endpoint`. */
export const VPCEP_HANDLING: ReadonlyMap<string, Handling> = new Map<string, Handling>([
  ['endpoint.0001', 'retry'], // system error
  ['endpoint.0002', 'failed'], // parameter error
  ['endpoint.0003', 'configuration'], // authentication failed
  ['endpoint.0004', 'configuration'], // no permission
  ['endpoint.0005', 'superseded'], // resource missing
  ['endpoint.0006', 'failed'], // bad limit
  ['endpoint.0007', 'failed'], // invalid action
  ['endpoint.0009', 'configuration'], // remote address refused
  ['endpoint.0010', 'failed'], // bad offset
  ['endpoint.0013', 'retry'], // timeout
  ['endpoint.0014', 'configuration'], // invalid project id
  ['endpoint.0016', 'failed'], // batch too large
  ['endpoint.0017', 'failed'], // bad sort_key
  ['endpoint.0018', 'failed'], // bad sort_dir
  ['endpoint.0019', 'failed'], // bad status
  ['endpoint.0020', 'failed'], // bad VPC
  ['endpoint.0021', 'failed'], // bad marker_id
  ['endpoint.0022', 'retry'], // too many requests, with status 400
  ['endpoint.1018', 'failed'], // quota exceeded
  ['endpoint.2003', 'configuration'], // service does not exist
  ['endpoint.2004', 'retry'], // service unavailable
  ['endpoint.2006', 'superseded'], // endpoint missing
  ['endpoint.2007', 'superseded'], // endpoint information missing
  ['endpoint.2008', 'superseded'], // endpoint deleted
  ['endpoint.2012', 'failed'], // caller not allowed to connect
  ['endpoint.2013', 'superseded'], // endpoint not of this service
  ['endpoint.2014', 'superseded'], // already connected
  ['endpoint.2015', 'failed'], // frozen
  ['endpoint.2018', 'superseded'], // being deleted
  ['endpoint.2019', 'superseded'], // being created: somebody has accepted it
  ['endpoint.2027', 'failed'], // invalid action
  ['endpoint.2029', 'failed'], // empty service id
  ['endpoint.2030', 'failed'], // empty marker id
  ['endpoint.2031', 'failed'], // only one endpoint for each action
  ['endpoint.2045', 'failed'], // whitelist full
  ['endpoint.2047', 'superseded'], // a failed endpoint cannot be modified
  ['endpoint.2050', 'failed'], // disabled
  ['endpoint.2051', 'retry'], // switching pool
  ['endpoint.3002', 'failed'], // bad permissions
  ['endpoint.3035', 'failed'], // invalid action
  ['endpoint.3036', 'failed'], // empty permissions
  ['endpoint.3045', 'retry'], // the service's state forbids the change
  ['endpoint.3049', 'failed'], // whitelist full
  ['endpoint.3062', 'configuration'], // bad service id
  ['endpoint.3066', 'failed'], // tags, up to 3073
  ['endpoint.3067', 'failed'],
  ['endpoint.3068', 'failed'],
  ['endpoint.3069', 'failed'],
  ['endpoint.3070', 'failed'],
  ['endpoint.3071', 'failed'],
  ['endpoint.3072', 'failed'],
  ['endpoint.3073', 'failed'],
]);

/** Codes with which `GET` of a service says that there is no such service; so does any other 404 that is not the gateway's. */
export const NO_SUCH_SERVICE: readonly string[] = ['EndPoint.0005', 'EndPoint.2003'];

/** Codes with which `GET` of an endpoint says that it is not ours to read, or not there; so does any 403 and 404. */
export const NO_READABLE_ENDPOINT: readonly string[] = [
  'EndPoint.0004',
  'EndPoint.0005',
  'EndPoint.2006',
  'EndPoint.2007',
  'EndPoint.2008',
];
