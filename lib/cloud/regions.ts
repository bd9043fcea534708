/** Where the APIs live: the host of a region, by rule and by exception. Checks no reachability; an override is the caller's. */

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

/** The domain under which a region's hosts stand, where the profile's pattern does not hold. */
const EXCEPTIONS: Readonly<Record<Profile, ReadonlyMap<string, string>>> = {
  // Dublin is run by the European company, under its own name.
  huaweicloud: new Map([['eu-west-101', 'eu-west-101.myhuaweicloud.eu']]),
  // Inferred from the Swiss cloud's other hosts; no page names the one of VPCEP.
  otc: new Map([['eu-ch2', 'eu-ch2.sc.otc.t-systems.com']]),
};

/**
 * Returns the base URL of VPCEP in a region, also in one that {@link VPCEP_REGIONS} does not list.
 *
 * @throws RangeError when `region` cannot be part of a host name: signed requests would go to somebody else's.
 */
export function vpcepUrl(profile: Profile, region: string): URL {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(region)) {
    throw new RangeError(`region \`${region}\`: expected lower-case letters, digits and hyphens`);
  }
  return new URL(`https://vpcep.${EXCEPTIONS[profile].get(region) ?? `${region}.${suffixOf(profile)}`}`);
}

function suffixOf(profile: Profile): string {
  switch (profile) {
    case 'huaweicloud':
      return 'myhuaweicloud.com';
    case 'otc':
      return 'otc.t-systems.com';
    default:
      return profile satisfies never;
  }
}
