import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { makeFolder, makeProject, run, start } from './support/run.ts';

const CREDENTIAL = { access_key: 'AK1', secret_key: 'SK1', security_token: 'TOKEN1', domain_id: 'd1' };

describe('emulator', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'prints its URL and the variables to use, serves a sweep, and ends with 0 on %s',
    async (signal) => {
      const child = start(['emulator', '--port', '0']);
      const said = await child.output(/HUAWEICLOUD_SDK_SK=\S+\n/);
      const url = /^local cloud at (http:\/\/127\.0\.0\.1:\d+) /.exec(said)?.[1] ?? '';
      const env = Object.fromEntries(
        [...said.matchAll(/(HUAWEICLOUD_SDK_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
      );
      expect(await run(['sweep', '--json'], { folder: makeProject(url), env })).toMatchObject({ code: 0, stderr: '' });
      child.process.kill(signal);
      const { code, stdout, stderr } = await child.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^GET \/v1\/\w+\/vpc-endpoint-services\?limit=1000&offset=0 200 \d+ ms$/m);
    },
  );

  test('serves a scenario of its own and prints temporary credentials whole', async () => {
    const folder = makeFolder({ 's.json': { credentials: [CREDENTIAL], projects: [] } });
    const stop = new AbortController();
    const { code, stdout } = await run(['emulator', '--port', '0', '--scenario', 's.json'], {
      folder,
      stop: stop.signal,
      onPrint: (text) => {
        if (text.includes('HUAWEICLOUD')) stop.abort();
      },
    });
    expect(code).toBe(0);
    expect(stdout).toContain('HUAWEICLOUD_SDK_AK=AK1 HUAWEICLOUD_SDK_SK=SK1 HUAWEICLOUD_SDK_SECURITY_TOKEN=TOKEN1\n');
  });

  test('says that a port is taken, with exit code 2', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    try {
      expect(await run(['emulator', '--port', String(port)])).toEqual({
        code: 2,
        stdout: '',
        stderr: `vpcep-approver: --port: found ${port} taken, expected a free port (0 for any)\n`,
      });
    } finally {
      server.close();
    }
  });

  test.each<[string, unknown, RegExp]>([
    ['that is no object', [], /s\.json: scenario as a whole: found `\[\]`, expected an object/],
    [
      'with an unknown key',
      { credentials: [], projects: [], x: 1 },
      /s\.json: scenario `\/x`: found an unknown key, expected one of/,
    ],
    ['without projects', { credentials: [] }, /s\.json: scenario `\/projects`: found nothing, expected a value/],
    [
      'with a key twice',
      '{"credentials": [], "credentials": [], "projects": []}',
      /s\.json:1:21: found the key `credentials` a second time/,
    ],
    ['that is no JSON', '{', /s\.json:1:2: found the end of the file, expected `}`/],
  ])('refuses a scenario %s, with its file, with exit code 2', async (_, scenario, line) => {
    const folder = makeFolder({ 's.json': scenario });
    const { code, stdout, stderr } = await run(['emulator', '--port', '0', '--scenario', 's.json'], { folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(line);
  });
});
