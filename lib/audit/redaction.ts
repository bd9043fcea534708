/**
 * The net under the allow-list: takes out of a record what can only be a credential. Records are built from named fields, so
 * this finds nothing unless one of those fields, or a provider's message, carries what it should not.
 */

const REDACTED = '[redacted]';

/** Names of members whose value is never fit for a record, in lower case and without `-` and `_`. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'accesskey',
  'ak',
  'authorization',
  'cookie',
  'headers',
  'password',
  'privatekey',
  'secret',
  'secretaccesskey',
  'secretkey',
  'securitytoken',
  'setcookie',
  'signature',
  'sk',
  'token',
  'webhooksignature',
  'xauthtoken',
  'xsecuritytoken',
  'xsubjecttoken',
]);

/** Texts that are credentials whatever the member is called. Each runs in linear time. */
const SECRET_TEXTS: readonly RegExp[] = [
  /whsec_[A-Za-z0-9+/=_-]{8,}/g,
  /\b(?:Bearer|Basic) [A-Za-z0-9._~+/=-]{20,}/g,
  /\b(?:SDK|AWS4)-HMAC-SHA256 [^\n]*/g,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^]*/g,
];

/**
 * Returns a deep copy of plain data without secrets and without lone surrogates, which have no UTF-8 form and so no digest:
 * they become U+FFFD. A consumer writes the description of a connection; what it writes must never stop a record.
 */
export function redacted<T>(data: T): T {
  return copyOf(data) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  // fromEntries defines own members, so a key `__proto__` stays a plain key.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [
        name.toWellFormed(),
        isSecretName(name) && member !== null ? REDACTED : copyOf(member),
      ]),
  );
}

function isSecretName(name: string): boolean {
  return SECRET_NAMES.has(name.toLowerCase().replace(/[-_]/g, ''));
}

function cleanText(text: string): string {
  return SECRET_TEXTS.reduce((clean, secret) => clean.replace(secret, REDACTED), text.toWellFormed());
}
