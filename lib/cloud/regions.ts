/** Where the APIs live: the host of a region, by rule and by exception. Checks no reachability; an override is the caller's. */

import type { ServiceKind } from '../core/connection.ts';
import { nearestName } from '../core/nearest-name.ts';

/** Whose cloud it is: host names differ, and in places the API's dialect. */
export type Profile = 'huaweicloud' | 'otc';

/**
 * Regions in which the vendor's SDKs and pages know VPCEP, for a hint when a region is not among them. Not a limit: the vendor opens
 * regions faster than it documents them. Source: `VpcepRegion` of huaweicloud-sdk-java-v3 @23eb13d; the OTC documentation.
 */
export const VPCEP_REGIONS: Readonly<Record<Profile, readonly string[]>> = {
  huaweicloud: [
    'ae-ad-1',
    'af-north-1',
    'af-south-1',
    'ap-southeast-1',
    'ap-southeast-2',
    'ap-southeast-3',
    'ap-southeast-4',
    'ap-southeast-5',
    'cn-east-2',
    'cn-east-3',
    'cn-east-4',
    'cn-east-5',
    'cn-north-1',
    'cn-north-11',
    'cn-north-12',
    'cn-north-2',
    'cn-north-4',
    'cn-north-9',
    'cn-south-1',
    'cn-south-2',
    'cn-south-4',
    'cn-southwest-2',
    'cn-southwest-3',
    'eu-west-0',
    'eu-west-101',
    'la-north-2',
    'la-south-2',
    'me-east-1',
    'my-kualalumpur-1',
    'na-mexico-1',
    'ru-moscow-1',
    'ru-northwest-2',
    'sa-brazil-1',
    'tr-west-1',
  ],
  otc: ['eu-ch2', 'eu-de', 'eu-nl'],
};

/** Regions in which the vendor's SDKs know CSS, for a hint. Source: `CssRegion` of huaweicloud-sdk-java-v3 @23eb13d. */
export const CSS_REGIONS: Readonly<Record<Profile, readonly string[]>> = {
  huaweicloud: VPCEP_REGIONS.huaweicloud.filter((region) => region !== 'eu-west-0' && region !== 'ru-northwest-2'),
  otc: VPCEP_REGIONS.otc,
};

/** The APIs that have a host in each region. */
type Service = 'vpcep' | 'css' | 'iam';

/** The domain under which each profile's regions stand. */
const SUFFIXES: Readonly<Record<Profile, string>> = { huaweicloud: 'myhuaweicloud.com', otc: 'otc.t-systems.com' };

/** Whole hosts where the pattern `{service}.{region}.{suffix}` does not hold, by profile and the host that it would give. */
const EXCEPTIONS: Readonly<Record<Profile, ReadonlyMap<string, string>>> = {
  huaweicloud: new Map([
    // Dublin is run by the European company, under its own name. For CSS the Java SDK
    // lists `.com` all the same, so it keeps the pattern; where that is wrong, a target's `endpoint` is the way out.
    ['vpcep.eu-west-101.myhuaweicloud.com', 'vpcep.eu-west-101.myhuaweicloud.eu'],
    ['iam.eu-west-101.myhuaweicloud.com', 'iam.eu-west-101.myhuaweicloud.eu'],
    // Older than the name CSS: it was called Elasticsearch there.
    ['css.cn-north-1.myhuaweicloud.com', 'es.cn-north-1.myhuaweicloud.com'],
    ['css.cn-east-2.myhuaweicloud.com', 'es.cn-east-2.myhuaweicloud.com'],
  ]),
  // Inferred from the Swiss cloud's other hosts; no page names these.
  otc: new Map([
    ['vpcep.eu-ch2.otc.t-systems.com', 'vpcep.eu-ch2.sc.otc.t-systems.com'],
    ['css.eu-ch2.otc.t-systems.com', 'css.eu-ch2.sc.otc.t-systems.com'],
    ['iam.eu-ch2.otc.t-systems.com', 'iam.eu-ch2.sc.otc.t-systems.com'],
  ]),
};

/**
 * Returns the base URL of VPCEP in a region, also in one that {@link VPCEP_REGIONS} does not list.
 *
 * @throws RangeError when `region` cannot be part of a host name: signed requests would go to somebody else's.
 */
export function vpcepUrl(profile: Profile, region: string): URL {
  return urlOf('vpcep', profile, region);
}

/**
 * Returns the base URL of CSS in a region, also in one that {@link CSS_REGIONS} does not list.
 *
 * @throws RangeError as {@link vpcepUrl} does.
 */
export function cssUrl(profile: Profile, region: string): URL {
  return urlOf('css', profile, region);
}

/**
 * Returns the base URL of IAM in a region.
 *
 * @throws RangeError as {@link vpcepUrl} does.
 */
export function iamUrl(profile: Profile, region: string): URL {
  return urlOf('iam', profile, region);
}

/**
 * Returns the base URL of the IAM that knows a target's project: `override` (`HUAWEICLOUD_SDK_IAM_ENDPOINT`) where there is one,
 * the target's own `endpoint` where that is on this machine, else the region's. The local cloud is one host for all its APIs, and
 * its keys and passwords must not go to the real IAM; any other `endpoint` is a proxy for the service alone.
 *
 * @throws RangeError as {@link vpcepUrl} does.
 */
export function iamUrlOf(
  target: { readonly profile: Profile; readonly region: string; readonly endpoint?: string | undefined },
  override?: URL,
): URL {
  if (override !== undefined) return override;
  const endpoint = target.endpoint === undefined ? undefined : new URL(target.endpoint);
  return endpoint !== undefined && isLoopback(endpoint) ? endpoint : iamUrl(target.profile, target.region);
}

/** True when a URL leads to this machine. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function urlOf(service: Service, profile: Profile, region: string): URL {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(region)) {
    throw new RangeError(`region \`${region}\`: expected lower-case letters, digits and hyphens`);
  }
  const host = `${service}.${region}.${SUFFIXES[profile]}`;
  return new URL(`https://${EXCEPTIONS[profile].get(host) ?? host}`);
}

/**
 * Returns a sentence for a region that no page or SDK of the vendor names for this kind of service, else `null`. Such a region is
 * tried all the same: the vendor opens regions faster than it documents them.
 */
export function unheardOfRegion(kind: ServiceKind, profile: Profile, region: string): string | null {
  const known = (kind === 'vpcep' ? VPCEP_REGIONS : CSS_REGIONS)[profile];
  if (known.includes(region)) return null;
  const nearest = nearestName(region, known);
  const hint = nearest === undefined ? '' : ` (did you mean \`${nearest}\`?)`;
  return `region \`${region}\` is none that this version has heard of${hint}; its host name is a guess`;
}
