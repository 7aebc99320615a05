// How far somebody has read a log (pure): what `next` of an answer holds, and `after` of the next question. Opaque to
// callers, who can change it all the same, so it is checked like any other input.
import { z } from 'zod';
import { invalidFields, type AppError } from './errors.ts';

/** Source, and whose log it was: `gateway/7301…`; nothing behind the slash while there is nothing to read from. */
const log = z.string().regex(/^[a-z]+\/[A-Za-z0-9-]{0,64}$/);
/** As far as a Date goes. */
const milliseconds = z.int().min(0).max(8_640_000_000_000_000);

/** In Cloud Logging: by when entries were received, since they may be older than others that came before. */
export const entryCursor = z.strictObject({
  log,
  /** Everything received until then has been answered; ms since the epoch. */
  received: milliseconds,
  /** What was received since, until `until`, was too much for one answer: this is the last entry that was answered. */
  scan: z
    .strictObject({
      until: milliseconds,
      timestamp: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/),
      /** So many with this timestamp have been answered. */
      count: z.int().min(1).max(1_000_000),
    })
    .optional(),
});
export type EntryCursor = z.infer<typeof entryCursor>;

/** On a serial port. A machine that boots anew begins at 0 again: what stood before the position tells. */
export const serialCursor = z.strictObject({
  log,
  /** In bytes. */
  position: z.int().min(0),
  /** So many bytes before the position are known by their hash. */
  overlap: z.int().min(0).max(256),
  hash: z.string().regex(/^[0-9a-f]{16}$/),
});
export type SerialCursor = z.infer<typeof serialCursor>;

export function writeCursor(cursor: EntryCursor | SerialCursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

/** @throws AppError that names the field */
export function readCursor<T extends { log: string }>(
  after: string | undefined,
  schema: z.ZodType<T>,
  source: string,
): T | undefined {
  if (after === undefined) return undefined;
  const found = schema.safeParse(jsonOf(after));
  if (!found.success) throw refused('is no `next` that this method has given');
  if (!found.data.log.startsWith(`${source}/`)) throw refused('is `next` of another log');
  return found.data;
}

function jsonOf(text: string): unknown {
  if (!/^[\w-]+$/.test(text)) return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function refused(what: string): AppError {
  return invalidFields([
    { field: 'after', description: `${what}; leave it out for the last lines` },
  ]);
}
