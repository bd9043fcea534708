/** Builds what ships: the command line and the functions, each a single file with a source map, with the policies beside the functions. */
import { chmodSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;

const COMMON = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'esm',
  minify: true,
  // Names of errors and functions stand in messages and traces.
  keepNames: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  mainFields: ['module', 'main'],
  logLevel: 'warning',
  // pino is CommonJS and asks for Node's modules with `require`, which an ESM bundle does not have.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
} satisfies BuildOptions;

rmSync(dist, { recursive: true, force: true });
await Promise.all([
  build({ ...COMMON, entryPoints: ['lib/cli/main.ts'], outfile: 'dist/cli.mjs', target: 'node20' }),
  build({ ...COMMON, entryPoints: ['functions/sweep.ts'], outfile: 'dist/lambda/sweep/index.mjs', target: 'node24' }),
]);
chmodSync(`${dist}/cli.mjs`, 0o755);
mkdirSync(`${dist}/lambda/sweep/policies`, { recursive: true });
cpSync(`${root}policies`, `${dist}/lambda/sweep/policies`, { recursive: true });
