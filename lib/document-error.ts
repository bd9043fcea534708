/** A file that somebody wrote and that is wrong: policy, configuration, connection file. Says every problem with its place; becomes exit code 2. */
import { formatProblem, type Problem } from './core/problem.ts';
import { JsonTextError, type TextPosition } from './json-text.ts';

/** One line per problem, each naming the file and the place in it. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
  readonly code = 'invalid-document';
  readonly path: string;
  readonly lines: readonly string[];

  constructor(path: string, lines: readonly string[], cause?: unknown) {
    super(lines.join('\n'), { cause });
    this.path = path;
    this.lines = lines;
  }
}

/** Makes the error for a file that could not be read at all. */
export function unreadableDocument(path: string, what: string, error: unknown): DocumentError {
  if (error instanceof JsonTextError) {
    return new DocumentError(path, [`${path}${placeOf(error.position)}: ${error.message}`], error);
  }
  return new DocumentError(path, [`${path}: ${describeFileError(error)}, expected ${what}`], error);
}

/** Makes the error for a file whose content breaks the rules. */
export function invalidDocument(
  path: string,
  problems: readonly Problem[],
  positionOf: (pointer: string) => TextPosition | undefined,
): DocumentError {
  const lines = problems.map((problem) => {
    return `${path}${placeOf(positionOf(problem.pointer))}: ${formatProblem(problem)}`;
  });
  return new DocumentError(path, lines);
}

function placeOf(position: TextPosition | undefined): string {
  return position ? `:${position.line}:${position.column}` : '';
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'it may not be read by this user',
  EPERM: 'it may not be read by this user',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'the path is too long',
  EFBIG: 'it is over 128 MiB',
};

function describeFileError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return FILE_ERRORS[code] ?? `it cannot be read (${code})`;
}
