import { describe, expect, test } from 'vitest';
import { VPCEP_REGIONS, vpcepUrl } from '../../lib/cloud/regions.ts';

describe('vpcepUrl', () => {
  test.each([
    ['huaweicloud', 'ap-southeast-1', 'https://vpcep.ap-southeast-1.myhuaweicloud.com/'],
    ['huaweicloud', 'eu-west-101', 'https://vpcep.eu-west-101.myhuaweicloud.eu/'],
    ['huaweicloud', 'xx-new-9', 'https://vpcep.xx-new-9.myhuaweicloud.com/'],
    ['otc', 'eu-de', 'https://vpcep.eu-de.otc.t-systems.com/'],
    ['otc', 'eu-nl', 'https://vpcep.eu-nl.otc.t-systems.com/'],
    ['otc', 'eu-ch2', 'https://vpcep.eu-ch2.sc.otc.t-systems.com/'],
  ] as const)('finds %s in %s', (profile, region, url) => {
    expect(vpcepUrl(profile, region).href).toBe(url);
  });

  test.each(['', 'evil.example/', 'a@evil.example', 'x.evil', 'EU-DE', '-a', 'a-', 'a#', 'ü'])(
    'refuses the region `%s`, which would lead elsewhere',
    (region) => {
      expect(() => vpcepUrl('huaweicloud', region)).toThrow(RangeError);
    },
  );

  test('accepts every region it knows', () => {
    for (const region of VPCEP_REGIONS.huaweicloud) expect(vpcepUrl('huaweicloud', region).hostname).toContain(region);
    for (const region of VPCEP_REGIONS.otc) expect(vpcepUrl('otc', region).hostname).toContain(region);
  });
});
