// Lengths of time as people write and read them.

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * `45m`, `2h`, `1h30m`, `7d`, or a number of seconds.
 * @returns seconds; undefined for anything else
 */
export function parseDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(\d+[dhms])+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount = '', unit = 's'] of text.matchAll(/(\d+)([dhms])/g)) {
    seconds += Number(amount) * UNITS[unit as keyof typeof UNITS];
  }
  return seconds;
}

/** Its two largest units: `3 d 4 h`, `1 h 30 min`, `45 min`, `12 s`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return twoUnits(minutes, 60, 'h', 'min');
  return twoUnits(Math.round(minutes / 60), 24, 'd', 'h');
}

/** `3 min ago`, `in 2 h 5 min`, `now`; times are milliseconds since the epoch. */
export function formatRelative(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  if (Math.abs(seconds) < 5) return 'now';
  return seconds > 0 ? `in ${formatDuration(seconds)}` : `${formatDuration(-seconds)} ago`;
}

/** Of what has happened, in RFC 3339: never in the future, though the clocks of API and client differ. */
export function formatPast(time: string, now: number): string {
  return formatRelative(Math.min(Date.parse(time), now), now);
}

function twoUnits(amount: number, size: number, large: string, small: string): string {
  const rest = amount % size;
  const first = `${Math.floor(amount / size)} ${large}`;
  return rest === 0 ? first : `${first} ${rest} ${small}`;
}
