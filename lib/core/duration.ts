/** Durations as policies write them: digits and a unit. */

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Parses `"<digits><s|m|h|d>"` into whole seconds. Returns `null` for anything else, and for more than 2^53 seconds. */
export function parseDuration(text: string): number | null {
  const match = /^([0-9]+)([smhd])$/.exec(text);
  const seconds = match ? Number(match[1]) * (SECONDS[match[2] ?? ''] ?? Number.NaN) : Number.NaN;
  return Number.isSafeInteger(seconds) ? seconds : null;
}

/** Writes whole seconds in the same form, in seconds, so that reading it back is exact. */
export function formatDuration(seconds: number): string {
  return `${seconds}s`;
}
