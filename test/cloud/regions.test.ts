import { describe, expect, test } from 'vitest';
import {
  CSS_REGIONS,
  cssUrl,
  iamUrl,
  iamUrlOf,
  unheardOfRegion,
  VPCEP_REGIONS,
  vpcepUrl,
} from '../../lib/cloud/regions.ts';

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

describe('cssUrl', () => {
  test.each([
    ['huaweicloud', 'ap-southeast-1', 'https://css.ap-southeast-1.myhuaweicloud.com/'],
    ['huaweicloud', 'cn-north-1', 'https://es.cn-north-1.myhuaweicloud.com/'],
    ['huaweicloud', 'cn-east-2', 'https://es.cn-east-2.myhuaweicloud.com/'],
    ['huaweicloud', 'cn-north-2', 'https://css.cn-north-2.myhuaweicloud.com/'],
    ['huaweicloud', 'eu-west-101', 'https://css.eu-west-101.myhuaweicloud.com/'],
    ['otc', 'eu-de', 'https://css.eu-de.otc.t-systems.com/'],
    ['otc', 'eu-ch2', 'https://css.eu-ch2.sc.otc.t-systems.com/'],
  ] as const)('finds %s in %s', (profile, region, url) => {
    expect(cssUrl(profile, region).href).toBe(url);
  });

  test('knows the regions of VPCEP but two', () => {
    const others = VPCEP_REGIONS.huaweicloud.filter((region) => !CSS_REGIONS.huaweicloud.includes(region));
    expect(others).toEqual(['eu-west-0', 'ru-northwest-2']);
    expect(CSS_REGIONS.otc).toEqual(VPCEP_REGIONS.otc);
  });
});

describe('iamUrl', () => {
  test.each([
    ['huaweicloud', 'cn-north-1', 'https://iam.cn-north-1.myhuaweicloud.com/'],
    ['huaweicloud', 'eu-west-101', 'https://iam.eu-west-101.myhuaweicloud.eu/'],
    ['otc', 'eu-de', 'https://iam.eu-de.otc.t-systems.com/'],
    ['otc', 'eu-nl', 'https://iam.eu-nl.otc.t-systems.com/'],
    ['otc', 'eu-ch2', 'https://iam.eu-ch2.sc.otc.t-systems.com/'],
  ] as const)('finds %s in %s', (profile, region, url) => {
    expect(iamUrl(profile, region).href).toBe(url);
  });

  test('refuses a region that would lead elsewhere, as the others do', () => {
    expect(() => iamUrl('otc', 'evil.example/')).toThrow(RangeError);
    expect(() => cssUrl('otc', 'evil.example/')).toThrow(RangeError);
  });
});

describe('iamUrlOf', () => {
  const target = { profile: 'otc', region: 'eu-de' } as const;

  test.each([
    { name: "the region's", endpoint: undefined, override: undefined, url: 'https://iam.eu-de.otc.t-systems.com/' },
    {
      name: "the region's beside a proxy for the service",
      endpoint: 'https://proxy.example/vpcep',
      override: undefined,
      url: 'https://iam.eu-de.otc.t-systems.com/',
    },
    {
      name: 'the local cloud itself',
      endpoint: 'http://127.0.0.1:9080',
      override: undefined,
      url: 'http://127.0.0.1:9080/',
    },
    {
      name: 'the one that the environment names',
      endpoint: 'http://127.0.0.1:9080',
      override: new URL('https://iam.example'),
      url: 'https://iam.example/',
    },
  ])('is $name', ({ endpoint, override, url }) => {
    expect(iamUrlOf({ ...target, endpoint }, override).href).toBe(url);
  });
});

describe('unheardOfRegion', () => {
  test('says nothing of a region that the vendor names for the kind', () => {
    expect(unheardOfRegion('vpcep', 'huaweicloud', 'eu-west-0')).toBeNull();
    expect(unheardOfRegion('css', 'otc', 'eu-de')).toBeNull();
  });

  test('names the nearest one of a slip', () => {
    expect(unheardOfRegion('vpcep', 'huaweicloud', 'ap-southeast-11')).toBe(
      'region `ap-southeast-11` is none that this version has heard of (did you mean `ap-southeast-1`?); its host name is a guess',
    );
    expect(unheardOfRegion('css', 'huaweicloud', 'eu-west-0')).toContain('`eu-west-0` is none');
  });
});
