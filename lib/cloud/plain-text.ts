/** Makes text from the cloud fit for a message: one line, short, and without anything that we sent in confidence. */

/** Characters that end a line, move a cursor or turn the reading direction. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu;
const MAX_MESSAGE = 200;

/**
 * Returns `text` as one line of at most 200 characters without control characters, without a full stop at the end, and with every
 * one of `secrets` replaced. A server may answer with the headers it was sent; they must not come out in a log.
 */
export function plainText(text: string, secrets: readonly string[] = []): string {
  // Secrets go first: once cut or cleaned, half of one would no longer be found.
  let line = text;
  for (const secret of secrets) line = line.replaceAll(secret, '[redacted]');
  line = line.replace(UNPRINTABLE, ' ').replace(/\s+/g, ' ').trim();
  // A cut through a surrogate pair takes the first half along.
  if (line.length > MAX_MESSAGE) line = `${line.slice(0, MAX_MESSAGE - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
  return line.replace(/[.。\s]+$/u, '');
}

/** Returns `text` when it looks like an error code or a request id and holds no secret; `undefined` otherwise. */
export function plainToken(text: string | undefined, secrets: readonly string[] = []): string | undefined {
  if (text === undefined || !/^[A-Za-z0-9][\w.:-]{0,127}$/.test(text)) return undefined;
  return secrets.some((secret) => text.includes(secret)) ? undefined : text;
}

/**
 * Returns the values of authentication headers and their parts that must never be shown, longest first.
 * A short part is a word like `Access`, not a secret.
 */
export function secretsIn(headers: Readonly<Record<string, string>>): readonly string[] {
  const values = Object.entries(headers).filter(([name]) => SECRET_HEADERS.has(name));
  const wholes = values.map(([, value]) => value).filter((value) => value.length >= 4);
  const parts = values
    .flatMap(([, value]) => [...value.split(/[\s,]+/), ...value.split(/[\s,=]+/)])
    .filter((part) => part.length >= 8 && !NOT_SECRET.test(part));
  return [...new Set([...wholes, ...parts])].sort((a, b) => b.length - a.length);
}

const SECRET_HEADERS: ReadonlySet<string> = new Set(['authorization', 'x-auth-token', 'x-security-token']);
const NOT_SECRET = /^(SDK-HMAC-SHA256|Signature|SignedHeaders(=.*)?|[a-z-]+(;[a-z-]+)+)$/;
