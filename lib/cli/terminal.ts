/** Where commands write: standard output for results, standard error for everything else. Knows about colour and width, and nothing about content. */
import { styleText } from 'node:util';

/** Colours that mean something here; the words beside them always say the same. */
export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'strong';

const STYLES = { good: 'green', bad: 'red', warn: 'yellow', dim: 'dim', strong: 'bold' } as const;

/** The two streams of a command. */
export interface Terminal {
  /** Writes a line, or several, to standard output. */
  readonly print: (text: string) => void;
  /** Writes a line, or several, to standard error. */
  readonly complain: (text: string) => void;
  /** Shows `text` in place on standard error, on a terminal only; an empty text takes it away. */
  readonly showProgress: (text: string) => void;
  /** Colours `text` for standard output, where it is a terminal and the user wants colour. */
  readonly tone: (tone: Tone, text: string) => string;
  /** Columns of standard output; `null` when it is no terminal, and nothing has to fit. */
  readonly width: number | null;
}

/** The process's own streams. */
export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  // A reader that has seen enough (`| head`) closes the pipe; that is no failure of ours.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  let isProgressShown = false;
  const clear = () => {
    if (isProgressShown) stderr.write('\r\u001B[K');
    isProgressShown = false;
  };
  return {
    print: (text) => {
      clear();
      stdout.write(`${text}\n`);
    },
    complain: (text) => {
      clear();
      stderr.write(`${text}\n`);
    },
    showProgress: (text) => {
      if (!stderr.isTTY) return;
      clear();
      if (text === '') return;
      stderr.write(text.slice(0, (stderr.columns || 80) - 1));
      isProgressShown = true;
    },
    tone: (tone, text) => (stdout.isTTY ? styleText(STYLES[tone], text, { stream: stdout }) : text),
    width: stdout.isTTY ? Math.max(40, stdout.columns || 80) : null,
  };
}

/** Makes text from outside safe to show: no control, format or line characters. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�');
}
