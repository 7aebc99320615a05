// What the relay of a session and folder leaves for the next one, so that pages which were open when it died go on: its
// port, and what its token was, as a digest that opens nothing by itself. serve.ts reads and writes it.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { replaceFile } from '../replace-file.ts';

const MAX_RELAYS = 5;
const MAX_AGE_MILLISECONDS = 30 * 24 * 3_600_000;

const earlierRelay = z.object({ digest: z.string(), port: z.number(), at: z.number() });

export type EarlierRelay = z.infer<typeof earlierRelay>;

/** The newest first. What cannot be read is as if it were not there. */
export function readEarlierRelays(file: string, now: number): EarlierRelay[] {
  try {
    const all = z.array(earlierRelay).parse(JSON.parse(readFileSync(file, 'utf8')));
    return all.filter(({ at }) => now - at < MAX_AGE_MILLISECONDS);
  } catch {
    return [];
  }
}

export function rememberRelay(
  file: string,
  relay: { token: string; port: number },
  now: number,
): void {
  const digest = createHash('sha256').update(relay.token).digest('hex');
  const relays = [{ digest, port: relay.port, at: now }, ...readEarlierRelays(file, now)];
  replaceFile(file, JSON.stringify(relays.slice(0, MAX_RELAYS)));
}
