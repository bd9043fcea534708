/** What a command is, and how its arguments are read. Each command is one file. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
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

/** The options that every command has. */
const COMMON = { config: { type: 'string' }, help: { type: 'boolean' } } as const;

/** Parses arguments strictly. Throws UsageError, on one line, for what the command does not have. */
export function parseArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
  positionals: readonly string[],
) {
  const parsed = parse(args, options);
  if (parsed.positionals.length !== positionals.length) {
    const expected = positionals.length === 0 ? 'no argument' : positionals.join(' ');
    const found = parsed.positionals.length === 0 ? 'none' : parsed.positionals.map((word) => `\`${word}\``).join(' ');
    throw new UsageError(`arguments: found ${found}, expected ${expected}`);
  }
  return parsed;
}

function parse<const Options extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options: { ...COMMON, ...options }, allowPositionals: true, strict: true });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Node's sentence goes on with advice about `--` that helps nobody here.
    const [first = message] = message.split(/\.\s|\n/);
    throw new UsageError(first.charAt(0).toLowerCase() + first.slice(1).replaceAll("'", '`'));
  }
}

/** Reads a whole number from an option. Throws UsageError naming the option. */
export function wholeNumber(option: string, text: string, min: number, max: number): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`${option}: found \`${text}\`, expected a whole number from ${min} to ${max}`);
}
