/** Compiles the JSON Schemas to standalone validators in `lib/compiled/`, so that nothing at run time compiles, or evaluates, code. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';

const SCHEMAS = {
  policy: 'policies/policy.schema.json',
  config: 'policies/approver.schema.json',
  cases: 'policies/cases.schema.json',
} as const;

const root = fileURLToPath(new URL('..', import.meta.url));
mkdirSync(`${root}lib/compiled`, { recursive: true });
await Promise.all(Object.entries(SCHEMAS).map(([name, path]) => compileSchema(name, path)));

async function compileSchema(name: string, path: string): Promise<void> {
  const text = readFileSync(`${root}${path}`, 'utf8');
  // What only editors read would triple the validator: errors carry the schema they come from.
  const isForEditors = (key: string, value: unknown) =>
    key === 'examples' || (key === 'description' && typeof value === 'string');
  const schema: unknown = JSON.parse(text, (key, value: unknown) => (isForEditors(key, value) ? undefined : value));
  const ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    // Without this a key inherited from Object.prototype would satisfy `required`.
    ownProperties: true,
    allowUnionTypes: true,
    verbose: true,
    code: { source: true, esm: true },
  });
  const title = `validate${name[0]?.toUpperCase()}${name.slice(1)}`;
  const code = standalone.default(ajv, ajv.compile(schema as object));
  // The generated code asks for helpers of ajv with `require`; bundling them in keeps ajv out of what we ship.
  const bundled = await build({
    stdin: { contents: `${code}\nexport { validate as ${title} };`, resolveDir: root, loader: 'js' },
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    write: false,
    legalComments: 'none',
  });
  writeFileSync(`${root}lib/compiled/${name}-validator.js`, bundled.outputFiles[0]?.text ?? '');
  writeFileSync(
    `${root}lib/compiled/${name}-validator.d.ts`,
    `import type { ValidateFunction } from 'ajv';\n\n/** Validates against ${path}. */\nexport declare const ${title}: ValidateFunction;\n`,
  );
}
