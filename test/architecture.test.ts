/** The arrows of the architecture, read from import lines: who may import whom, no cycles, no barrels, a comment at the top of each file. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

interface Import {
  readonly from: string;
  /** A path from the root for our own files, else as written. */
  readonly to: string;
  readonly isTypeOnly: boolean;
}

const root = fileURLToPath(new URL('..', import.meta.url));

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => normalize(join(entry.parentPath, entry.name)).slice(root.length));
}

function sourceOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Import and re-export declarations, side-effect imports and `import()`. Lines that are comments are left out. */
export function importsIn(file: string, source: string): Import[] {
  const code = source.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
  const declarations = code.matchAll(
    /^\s*(?:import|export)\s+(?<type>type\s)?(?<names>[^'";]*?)\bfrom\s*'(?<to>[^']+)'|^\s*import\s*'(?<bare>[^']+)'|\bimport\(\s*'(?<dynamic>[^']+)'/gm,
  );
  return [...declarations].map(({ groups = {} }) => {
    const to = groups['to'] ?? groups['bare'] ?? groups['dynamic'] ?? '';
    const names = groups['names']?.match(/^\{([^}]*)\}\s*$/)?.[1]?.split(',') ?? [''];
    const onlyTypes = names.filter((name) => name.trim() !== '');
    return {
      from: file,
      to: to.startsWith('.') ? normalize(join(dirname(file), to)) : to,
      isTypeOnly:
        groups['type'] !== undefined || (onlyTypes.length > 0 && onlyTypes.every((name) => /^\s*type\s/.test(name))),
    };
  });
}

const files = [...filesUnder('lib'), ...filesUnder('functions')].filter((file) => !file.startsWith('lib/compiled/'));
const imports = files.flatMap((file) => importsIn(file, sourceOf(file)));
const isOurs = ({ to }: Import): boolean => /^(lib|functions|deploy|test|policies)\//.test(to);
const within = (path: string, ...places: string[]): boolean =>
  places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
const kindOf = (path: string): string | undefined => /^lib\/cloud\/(vpcep|css)\b/.exec(path)?.[1];
const show = ({ from, to }: Import): string => `${from} → ${to}`;

/** The imports of the files in `folder` that lead to none of `places`. */
function astray(folder: string, ...places: string[]): string[] {
  return imports
    .filter((each) => isOurs(each) && within(each.from, folder) && !within(each.to, folder, ...places))
    .map(show);
}

describe('importsIn', () => {
  test('reads every form of import', () => {
    const source = [
      "import { a } from './a.ts';",
      "import type { B } from '../b.ts';",
      "import { type C, type D } from './c.ts';",
      "import { type E, f } from './e.ts';",
      "import * as g from 'g';",
      "import './h.ts';",
      "export { i } from './i.ts';",
      "export * from './j.ts';",
      'import {',
      '  k,',
      "} from './k.ts';",
      "const l = await import('./l.ts');",
      "// import { m } from './m.ts';",
      " * import { n } from './n.ts';",
    ].join('\n');
    expect(importsIn('lib/x/y.ts', source).map(({ to, isTypeOnly }) => [to, isTypeOnly])).toEqual([
      ['lib/x/a.ts', false],
      ['lib/b.ts', true],
      ['lib/x/c.ts', true],
      ['lib/x/e.ts', false],
      ['g', false],
      ['lib/x/h.ts', false],
      ['lib/x/i.ts', false],
      ['lib/x/j.ts', false],
      ['lib/x/k.ts', false],
      ['lib/x/l.ts', false],
    ]);
  });
});

describe('the imports', () => {
  test('are found', () => {
    expect(imports.map(show)).toContain('lib/core/policy.ts → lib/core/matchers.ts');
    expect(imports.length).toBeGreaterThan(30);
  });

  test('of lib/core lead to lib/core, compiled validators and the hash, and to types of ajv', () => {
    const others = imports.filter(({ from, to, isTypeOnly }) => {
      if (!within(from, 'lib/core/') || within(to, 'lib/core/', 'lib/compiled/', 'node:crypto')) return false;
      return !(to === 'ajv' && isTypeOnly);
    });
    expect(others.map(show)).toEqual([]);
  });

  test('of lib/cloud lead to core, the clock and itself', () => {
    expect(astray('lib/cloud/', 'lib/core/', 'lib/clock.ts')).toEqual([]);
  });

  test('of lib/audit lead to core, the clock and itself', () => {
    expect(astray('lib/audit/', 'lib/core/', 'lib/clock.ts')).toEqual([]);
  });

  test("of the emulator lead to core's nouns, the clock and itself", () => {
    expect(astray('lib/emulator/', 'lib/core/connection.ts', 'lib/core/fact.ts', 'lib/clock.ts')).toEqual([]);
  });

  test('of one adapter never lead to another', () => {
    const between = imports.filter(({ from, to }) => kindOf(from) && kindOf(to) && kindOf(from) !== kindOf(to));
    expect(between.map(show)).toEqual([]);
  });

  test('lead to the emulator from the command line only', () => {
    const others = imports.filter(
      ({ from, to }) => within(to, 'lib/emulator/') && !within(from, 'lib/cli/', 'lib/emulator/'),
    );
    expect(others.map(show)).toEqual([]);
  });

  test('of functions take no values from core or the cloud', () => {
    const values = imports.filter(
      ({ from, to, isTypeOnly }) => within(from, 'functions/') && within(to, 'lib/core/', 'lib/cloud/') && !isTypeOnly,
    );
    expect(values.map(show)).toEqual([]);
  });

  test('lead to lib/cli from itself only, and to functions from functions only', () => {
    const others = imports.filter(
      ({ from, to }) =>
        (within(to, 'lib/cli/') && !within(from, 'lib/cli/')) ||
        (within(to, 'functions/') && !within(from, 'functions/')),
    );
    expect(others.map(show)).toEqual([]);
  });

  test('of what ships never lead to tests or to build scripts', () => {
    expect(imports.filter(({ to }) => within(to, 'test/', 'deploy/')).map(show)).toEqual([]);
  });

  test('form no cycle', () => {
    const values = imports.filter((each) => isOurs(each) && !each.isTypeOnly);
    const next = new Map(files.map((file) => [file, values.filter(({ from }) => from === file)]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (path.includes(file) || done.has(file)) return;
      for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

describe('a file', () => {
  const everything = [...files, ...filesUnder('test'), ...filesUnder('deploy')];

  test('opens with a comment that says what it is for', () => {
    // A test file may say it with the name of its `describe`.
    const silent = everything.filter((file) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(sourceOf(file)));
    expect(silent.filter((file) => !file.endsWith('.test.ts'))).toEqual([]);
  });

  test('does more than re-export others', () => {
    const barrels = everything.filter((file) => {
      const code = sourceOf(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      const rest = code
        .replaceAll(/^\s*(import|export)\b[^;]*?\bfrom\s*'[^']+';?/gm, '')
        .replaceAll(/^\s*export\s*\{[^}]*\};?/gm, '');
      return /\bexport\b/.test(code) && rest.trim() === '';
    });
    expect(barrels).toEqual([]);
  });

  test('is not called by what it is made of', () => {
    const names = /(^|\/)(src|utils?|types?|helpers?|common|index)(\.ts$|\/)/;
    expect(everything.filter((file) => names.test(file))).toEqual([]);
  });
});
