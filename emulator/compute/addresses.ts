// Which loopback address stands for an instance's internal address: the one it had, if it is still free,
// otherwise the next. Free means that its metadata server can be bound there.
import { createHash } from 'node:crypto';

const LAST_SUBNET = 254;
const LAST_HOST = 254;

/**
 * The first address that `claim` gets.
 * @param taken addresses of this emulator's other instances, running or not.
 * @param seed decides where the search starts, so that two emulators rarely meet.
 */
export async function claimAddress<T>(
  preferred: string | undefined,
  taken: ReadonlySet<string>,
  seed: string,
  claim: (address: string) => Promise<T | undefined>,
): Promise<T> {
  for (const address of candidates(preferred, seed)) {
    if (taken.has(address)) continue;
    const claimed = await claim(address);
    if (claimed !== undefined) return claimed;
  }
  throw new Error('No loopback address is free for another instance.');
}

function* candidates(preferred: string | undefined, seed: string): Generator<string> {
  if (preferred !== undefined) yield preferred;
  const first = createHash('sha256').update(seed).digest().readUInt16BE();
  for (let step = 0; step < LAST_SUBNET; step += 1) {
    // 127.0.0.x is everybody's.
    const subnet = 1 + ((first + step) % LAST_SUBNET);
    for (let host = 1; host <= LAST_HOST; host += 1) yield `127.0.${subnet}.${host}`;
  }
}
