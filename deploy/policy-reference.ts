/** Writes the README's policy reference from `policies/policy.schema.json`, between two marks. `--check` only says whether it is up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = `${root}README.md`;
const BEGIN = '<!-- policy reference: made by `npm run reference` from policies/policy.schema.json -->';
const END = '<!-- end of the policy reference -->';

/** What the generator reads of a JSON Schema. */
interface Schema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
}

const text = readFileSync(readme, 'utf8');
const updated = withReference(
  text,
  referenceOf(JSON.parse(readFileSync(`${root}policies/policy.schema.json`, 'utf8')) as Schema),
);
if (!process.argv.includes('--check')) {
  writeFileSync(readme, updated);
} else if (text !== updated) {
  process.stderr.write(
    'README.md: the policy reference differs from the schema, expected what `npm run reference` writes\n',
  );
  process.exitCode = 1;
}

function withReference(readmeText: string, reference: string): string {
  const [before, rest] = readmeText.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`README.md: found no \`${BEGIN}\` and \`${END}\``);
  return `${before}${BEGIN}\n\n${reference}\n${END}${after}`;
}

function referenceOf(schema: Schema): string {
  const defs = schema.$defs ?? {};
  const rule = defs['rule'] ?? {};
  const matchers = ['textMatcher', 'numberMatcher', 'durationMatcher'].map((name) => defs[name] ?? {});
  return [
    `**The document.** ${schema.description}`,
    keyTable(schema, defs),
    `**A rule.** ${rule.description}`,
    keyTable(rule, defs),
    keyTable(rule.properties?.['valid'] ?? {}, defs, 'valid.'),
    `**Attributes.** ${defs['clauses']?.description}`,
    attributeTable(defs['conditions'] ?? {}),
    '**Matchers.** A text attribute also takes a bare text (equals it) or an array of texts (equals one of them).',
    ...matchers.map((matcher) => matcherTable(matcher)),
  ]
    .join('\n\n')
    .concat('\n');
}

function keyTable(schema: Schema, defs: Readonly<Record<string, Schema>>, prefix = ''): string {
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const isRequired = schema.required?.includes(key) ? 'yes' : 'no';
    return [`\`${prefix}${key}\``, formOf(value, defs), isRequired, value.description ?? '', exampleOf(value)];
  });
  return table(['key', 'form', 'required', 'meaning', 'example'], rows);
}

function attributeTable(schema: Schema): string {
  const all = [...Object.entries(schema.properties ?? {}), ...Object.entries(schema.patternProperties ?? {})];
  const rows = all.map(([key, value]) => [
    `\`${value.title ?? key}\``,
    kindOf(value),
    value.description ?? '',
    exampleOf(value),
  ]);
  return table(['attribute', 'kind', 'what it is', 'tested by, for example'], rows);
}

function matcherTable(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => [
    `\`${key}\``,
    value.description ?? '',
    `\`${JSON.stringify({ [key]: value.examples?.[0] })}\``,
  ]);
  return table([schema.title?.toLowerCase() ?? '', 'holds when', 'example'], rows);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function formOf(schema: Schema, defs: Readonly<Record<string, Schema>>): string {
  if ('const' in schema) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (schema.$ref) return (defs[schema.$ref.replace('#/$defs/', '')]?.title ?? '').toLowerCase();
  return [schema.type ?? ''].flat().join(' or ');
}

function kindOf(schema: Schema): string {
  return schema.$ref?.replace('#/$defs/', '').replace('Matcher', '') ?? '';
}

function exampleOf(schema: Schema): string {
  const [first] = schema.examples ?? [];
  return first === undefined ? '' : `\`${JSON.stringify(first)}\``;
}
