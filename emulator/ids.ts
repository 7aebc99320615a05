// Names and numbers in the forms that Google gives them.
import { createHash, randomBytes } from 'node:crypto';

/** A resource's id: a 64-bit number that does not fit into a JavaScript number, hence a string. */
export function createNumericId(): string {
  return String(
    1_000_000_000_000_000_000n +
      ((randomBytes(8).readBigUInt64BE() >> 1n) % 8_000_000_000_000_000_000n),
  );
}

/** Twelve digits, as a project's number has. */
export function createProjectNumber(): string {
  return String(100_000_000_000 + (randomBytes(6).readUIntBE(0, 6) % 900_000_000_000));
}

/** `systemevent`: what Google does by itself. */
export function createOperationName(now: number, kind: 'operation' | 'systemevent'): string {
  const random = (bytes: number) => randomBytes(bytes).toString('hex');
  return `${kind}-${now}-${random(7).slice(0, 13)}-${random(4)}-${random(4)}`;
}

/** What optimistic locking of labels and metadata compares: changes with the content, and only then. */
export function fingerprintOf(content: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(content)).digest();
  return hash.subarray(0, 8).toString('base64url') + '=';
}
