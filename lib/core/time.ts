/** RFC 3339 time stamps, read strictly. */

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](?:[01]\d|2[0-3]):\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

/**
 * Parses an RFC 3339 time with a time zone into milliseconds since the Unix epoch. Returns `null` for anything else, also for
 * days and hours that do not exist: `Date.parse` reads 30 February as 2 March and 24:00 as the next day, which would silently
 * move a rule's validity.
 */
export function parseTime(text: string): number | null {
  const match = RFC3339.exec(text);
  if (!match) return null;
  const [, year, month, day] = match.map(Number);
  const daysInMonth = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  if ((day ?? 0) > daysInMonth) return null;
  const time = Date.parse(text.toUpperCase());
  return Number.isNaN(time) ? null : time;
}
