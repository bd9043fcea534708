/** What a command is, and how its arguments are read. Each command is one file. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { nearestName } from '../core/nearest-name.ts';
import { quoteName } from '../core/problem.ts';
import type { Terminal } from './terminal.ts';

/** Done, and nothing is wrong. */
export const EXIT_OK = 0;
/** It ran, and something is wrong. */
export const EXIT_WRONG = 1;
/** Wrong usage, configuration or policy; nothing was sent. */
export const EXIT_USAGE = 2;

/** What a command gets from its surroundings. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths on the command line start. */
  readonly folder: string;
  /** Aborted on the first SIGINT or SIGTERM: come to an orderly end. */
  readonly stop: AbortSignal;
}

/** One command. */
export interface Command {
  /** The words that call it. */
  readonly name: string;
  readonly summary: string;
  /** Everything `--help` shows below the usage line. */
  readonly usage: string;
  /** Runs it and returns the exit code. */
  readonly run: (args: readonly string[], surroundings: Surroundings) => Promise<number>;
}

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'usage';
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** The options that every command has. */
const COMMON = { config: { type: 'string' }, help: { type: 'boolean' } } as const;

/**
 * Parses arguments strictly. `positionals` names those that must be there; the last may stand several times when its name ends
 * in `...`. Throws UsageError, on one line, for what the command does not have and for what stands there twice.
 */
export function parseArguments<const Own extends Options>(
  args: readonly string[],
  own: Own,
  positionals: readonly string[],
) {
  const options = { ...COMMON, ...own };
  checkOptions(args, options);
  const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const count = parsed.positionals.length;
  const isRepeatable = positionals.at(-1)?.endsWith('...') ?? false;
  const hasAll = isRepeatable ? count >= positionals.length : count === positionals.length;
  if (!hasAll || parsed.positionals.includes('')) {
    const expected = positionals.length === 0 ? 'no argument' : positionals.join(' ');
    const found = parsed.positionals.length === 0 ? 'none' : parsed.positionals.map(quoteName).join(' ');
    throw new UsageError(`arguments: found ${found}, expected ${expected}`);
  }
  return parsed;
}

/** Says what is wrong in our own words; Node's go on with advice that helps nobody here. */
function checkOptions(args: readonly string[], options: Options): void {
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const option = Object.hasOwn(options, name) && rawName.startsWith('--') ? options[name] : undefined;
    if (!option) throw unknownOption(rawName, Object.keys(options));
    if (seen.has(name)) throw new UsageError(`${rawName}: found it twice, expected it once`);
    seen.add(name);
    const isMissing = value === undefined || value === '' || (!token.inlineValue && value.startsWith('-'));
    if (option.type === 'string' && isMissing) {
      // An empty value is a shell variable that was never set; going on without it would use something nobody named.
      throw new UsageError(`${rawName}: found ${value ? quoteName(value) : 'nothing'}, expected a value`);
    }
    if (option.type === 'boolean' && value !== undefined) {
      throw new UsageError(`${rawName}: found the value ${quoteName(value)}, expected none`);
    }
  }
}

/** Makes the error for an option that is none of `names`. */
export function unknownOption(rawName: string, names: readonly string[]): UsageError {
  const nearest = nearestName(rawName.replace(/^-+/, ''), names);
  const hint = nearest === undefined ? '' : ` (did you mean \`--${nearest}\`?)`;
  return new UsageError(
    `unknown option ${quoteName(rawName)}, expected one of ${names.map((name) => `--${name}`).join(', ')}${hint}`,
  );
}

/** Reads a whole number from an option. Throws UsageError naming the option. */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`${option}: found ${quoteName(text)}, expected a whole number from ${min} to ${max}`);
}
