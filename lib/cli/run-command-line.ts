/** Finds the command that a command line names, runs it, and turns everything that can go wrong into one line and an exit code. */
import { RunLogError } from '../audit/run-log.ts';
import { StoreError } from '../audit/store.ts';
import { VERSION } from '../build-info.ts';
import { CredentialsError } from '../cloud/credentials.ts';
import { DocumentError } from '../document-error.ts';
import { FaultError } from '../emulator/faults.ts';
import { ScenarioError } from '../emulator/scenario-reader.ts';
import { nearestName } from '../core/nearest-name.ts';
import { quoteName } from '../core/problem.ts';
import {
  type Command,
  EXIT_OK,
  EXIT_USAGE,
  EXIT_WRONG,
  type Surroundings,
  unknownOption,
  UsageError,
} from './command.ts';
import { emulatorCommand } from './emulator-command.ts';
import { policyCheckCommand } from './policy-check-command.ts';
import { policyDiffCommand } from './policy-diff-command.ts';
import { policyExplainCommand } from './policy-explain-command.ts';
import { policyTestCommand } from './policy-test-command.ts';
import { reconcileCommand } from './reconcile-command.ts';
import { sweepCommand } from './sweep-command.ts';
import { plain } from './terminal.ts';

const COMMANDS: readonly Command[] = [
  sweepCommand,
  reconcileCommand,
  emulatorCommand,
  policyCheckCommand,
  policyTestCommand,
  policyExplainCommand,
  policyDiffCommand,
];

const NAMES = COMMANDS.map(({ name }) => name).join(', ');

/** Runs a command line (without the program's name) and returns the exit code. Never rejects. */
export async function runCommandLine(words: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await dispatch(words, surroundings);
  } catch (error) {
    const lines = linesOf(error).map(plain);
    surroundings.terminal.complain(lines.join('\n'));
    // A program that asked for a document gets one, whatever happens.
    if (hasOption(words, '--json')) surroundings.terminal.printJson({ errors: lines });
    return exitCodeOf(error);
  }
}

function hasOption(words: readonly string[], option: string): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end < 0 ? undefined : end).includes(option);
}

async function dispatch(all: readonly string[], surroundings: Surroundings): Promise<number> {
  const { terminal } = surroundings;
  const words = commandFirst(all);
  const [first] = words;
  if (first === undefined) throw new UsageError(`no command, expected one of ${NAMES} (\`--help\` says more)`);
  if (first === '--version') {
    terminal.print(VERSION);
    return EXIT_OK;
  }
  const command = COMMANDS.find(({ name }) => name.split(' ').every((word, i) => words[i] === word));
  if (command) {
    const args = words.slice(command.name.split(' ').length);
    if (!isHelp(args)) return command.run(args, surroundings);
    terminal.print(
      `vpcep-approver ${command.usage}\n\n  --config FILE   in place of APPROVER_CONFIG and policies/approver.json`,
    );
    return EXIT_OK;
  }
  const isFamily = first === 'help' || COMMANDS.some(({ name }) => name.startsWith(`${first} `));
  if (isHelp(words.slice(0, 1)) || first === 'help' || (isFamily && isHelp(words))) {
    terminal.print(overview());
    return EXIT_OK;
  }
  if (first.startsWith('-')) throw unknownOption(first, ['config', 'help', 'version']);
  throw unknownCommand(words);
}

function isHelp(words: readonly string[]): boolean {
  return hasOption(words, '--help') || hasOption(words, '-h');
}

/** `--config FILE` works everywhere, so also before the command. */
function commandFirst(words: readonly string[]): readonly string[] {
  const [first = '', second, ...rest] = words;
  if (first === '--config' && second !== undefined) return [...rest, first, second];
  if (first.startsWith('--config=')) return [...words.slice(1), first];
  return words;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `vpcep-approver ${VERSION}: approves private connections by policy, and proves what it did

${lines.join('\n')}

vpcep-approver COMMAND --help says more. Exit codes: 0 done; 1 it ran and something is wrong;
2 wrong usage, configuration or policy, and nothing was sent.`;
}

function unknownCommand(words: readonly string[]): UsageError {
  const names = COMMANDS.map(({ name }) => name);
  const said = words.slice(0, 2).filter((word) => !word.startsWith('-'));
  const nearest = nearestName(said.join(' '), names) ?? nearestName(said[0] ?? '', names);
  const hint = nearest === undefined ? '' : ` (did you mean \`${nearest}\`?)`;
  return new UsageError(`unknown command ${quoteName(said.join(' '))}, expected one of ${NAMES}${hint}`);
}

function linesOf(error: unknown): readonly string[] {
  // These begin with file, line and column, where editors look for them.
  if (error instanceof DocumentError) return error.lines;
  return [`vpcep-approver: ${lineOf(error)}`];
}

function lineOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isExpected(error)) return error.message;
  return `internal error: ${error.message.split('\n')[0]} (please report this)`;
}

function isExpected(error: Error): boolean {
  return isUsage(error) || error instanceof StoreError || error instanceof RunLogError;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StoreError) return error.code === 'invalid-locator' ? EXIT_USAGE : EXIT_WRONG;
  return isUsage(error) ? EXIT_USAGE : EXIT_WRONG;
}

function isUsage(error: unknown): boolean {
  return [UsageError, DocumentError, CredentialsError, ScenarioError, FaultError].some((kind) => error instanceof kind);
}
