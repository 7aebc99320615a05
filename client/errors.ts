// What goes wrong on the user's side of the API, in words for a person. main.ts renders it, once.

/** Exit codes of the client. */
export const EXIT = { ok: 0, error: 1, bug: 2, interrupted: 130 } as const;

/** A failure that the user can do something about: says what failed, why, and what to try next. */
export class ClientError extends Error {
  override readonly name: string = 'ClientError';
}

/** The command line cannot be understood: nothing has been done. */
export class UsageError extends ClientError {
  override readonly name: string = 'UsageError';
}

/** Whoever read our output has gone (`| head`): the reason of an interrupt that is nobody's failure. */
export class OutputClosed extends Error {
  override readonly name: string = 'OutputClosed';
}

/** The user pressed Ctrl-C, or SIGTERM came. The message says what goes on without us, if anything does. */
export class Interrupted extends Error {
  override readonly name: string = 'Interrupted';

  constructor(message = 'Interrupted.') {
    super(message);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Ends every switch over a union: a case that is forgotten does not compile. */
export function assertNever(value: never): never {
  throw new Error(`not expected: ${JSON.stringify(value)}`);
}
