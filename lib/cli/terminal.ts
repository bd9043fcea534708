/** Where commands write: standard output for results, standard error for everything else. Knows about colour and width, and nothing about content. */
import { styleText } from 'node:util';
import { wrap } from './text-width.ts';

/** Colours that mean something here; the words beside them always say the same. */
export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'strong';

const STYLES = { good: 'green', bad: 'red', warn: 'yellow', dim: 'dim', strong: 'bold' } as const;

/** The two streams of a command. */
export interface Terminal {
  /** Writes a line, or several, to standard output. On a terminal no line is wider than the screen. */
  readonly print: (text: string) => void;
  /** Writes one JSON document to standard output, the same on a terminal and elsewhere. */
  readonly printJson: (value: unknown) => void;
  /** Writes a line, or several, to standard error. */
  readonly complain: (text: string) => void;
  /** Shows `text` in place on standard error, on a terminal only; an empty text takes it away. */
  readonly showProgress: (text: string) => void;
  /** Colours `text` for standard output, where it is a terminal and the user wants colour. */
  readonly tone: (tone: Tone, text: string) => string;
  /** Columns of standard output; `null` when it is no terminal, and nothing has to fit. */
  readonly width: number | null;
}

/** The part of a stream that is needed. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Makes a terminal of two streams. `env` may switch colour off: NO_COLOR, or a TERM that has none. */
export function createTerminal(
  stdout: Stream,
  stderr: Stream,
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const hasColour = stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const width = widthOfStream(stdout);
  let isProgressShown = false;
  const clear = () => {
    if (isProgressShown) stderr.write('\r\u001B[K');
    isProgressShown = false;
  };
  return {
    print: (text) => {
      clear();
      stdout.write(`${fitted(text, width)}\n`);
    },
    printJson: (value) => {
      clear();
      stdout.write(`${jsonOf(value)}\n`);
    },
    complain: (text) => {
      clear();
      stderr.write(`${fitted(text.split('\n').map(plain).join('\n'), widthOfStream(stderr))}\n`);
    },
    showProgress: (text) => {
      if (!stderr.isTTY) return;
      clear();
      if (text === '') return;
      stderr.write(text.slice(0, (stderr.columns || 80) - 1));
      isProgressShown = true;
    },
    // The stream is checked above: Node 20 does not do it.
    tone: (tone, text) => (hasColour ? styleText(STYLES[tone], text, { validateStream: false }) : text),
    width,
  };
}

function widthOfStream({ isTTY, columns }: Stream): number | null {
  return isTTY ? Math.max(40, columns || 80) : null;
}

function fitted(text: string, width: number | null): string {
  if (width === null) return text;
  return text
    .split('\n')
    .flatMap((line) => wrap(line, width))
    .join('\n');
}

/** The process's own streams. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      stderr.write(`vpcep-approver: cannot write to standard output (${error.code ?? 'unknown error'})\n`);
      process.exitCode = 1;
    }
    // A reader that has seen enough (`| head`) closes the pipe; that is no failure of ours, and the command's own exit code stands.
    setImmediate(() => process.exit());
  });
  // Nobody is left to tell.
  stderr.on('error', () => {});
  return createTerminal(stdout, stderr, process.env);
}

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Makes text from outside safe to show: no control, format or line characters. */
export function plain(text: string): string {
  return text.replaceAll(UNPRINTABLE, '�');
}

/** JSON that is safe to show, too: `JSON.stringify` leaves C1 controls and direction characters as they are. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(UNPRINTABLE, (char) => (char === '\n' ? char : escaped(char)));
}

function escaped(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
