// Settings as texts: how `a,b`, `k=v,k=v`, `45m` or `true` become what a schema checks. Values of the configuration file
// that are no texts go to the schema as they are.
import { z } from 'zod';

/**
 * The schema behind a reader of texts.
 * @param read undefined: not such a text, which `message` says
 */
export function orText<S extends z.ZodType>(
  schema: S,
  read: (text: string) => unknown,
  message: string,
): z.ZodType<NonNullable<z.output<S>>> {
  const checked = z.preprocess((given, context) => {
    const value = typeof given === 'string' ? read(given) : given;
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }, schema);
  return checked as z.ZodType<NonNullable<z.output<S>>>;
}

export function readWholeNumber(text: string): number | undefined {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

export function readBoolean(text: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  return /^(false|no|off|0)$/i.test(text) ? false : undefined;
}

export function readList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

/** `k=v,k=v`, each key once. */
export function readPairs(text: string): Record<string, string> | undefined {
  const pairs = readList(text).map((part) => /^([^=]+)=(.*)$/.exec(part)?.slice(1));
  const whole = pairs.filter((pair) => pair !== undefined);
  const isEachOnce = new Set(whole.map(([key]) => key)).size === pairs.length;
  return isEachOnce ? (Object.fromEntries(whole) as Record<string, string>) : undefined;
}
