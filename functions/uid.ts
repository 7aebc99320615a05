// Ids of sessions.
import { randomInt } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const UID_LENGTH = 12;

/** Random, and fit for names of instances: a letter first, then letters and digits. */
export function createUid(): string {
  const pick = (characters: string) => characters.charAt(randomInt(characters.length));
  const rest = Array.from({ length: UID_LENGTH - 1 }, () => pick(`${LETTERS}0123456789`));
  return pick(LETTERS) + rest.join('');
}
