/** Durations and times as the emulator's files and answers write them. Reads no clock. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What {@link parseDuration} reads, for error messages. */
export const DURATION_FORM = 'a whole number with ms, s, m, h or d, such as `90s`';

/** Returns milliseconds, or `null` when `text` is not a whole number followed by `ms`, `s`, `m`, `h` or `d`. */
export function parseDuration(text: string): number | null {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return digits === undefined || factor === undefined ? null : Number(digits) * factor;
}

/** Returns `ms` since the epoch as the API writes times: UTC, whole seconds, `YYYY-MM-DDTHH:MM:SSZ`. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
