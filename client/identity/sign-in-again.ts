// When a sign-in has ended, says so once, waits until it is given again, and goes on: all callers wait together. A wrapper
// of the token cache; whether anybody is told and waited for, the callbacks say.
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ClientError, Interrupted } from '../errors.ts';
import { SignInError, type Credentials, type TokenKind } from './credentials.ts';
import type { TokenCache } from './token-cache.ts';

export interface SignInCallbacks {
  /** @param command what to run */
  onNeeded(command: string, reason: string): void;
  onBack(): void;
}

export interface SignInAgainOptions {
  /** Files that change when it is given again. */
  files: readonly string[];
  /** Ends the waiting. */
  interrupt: AbortSignal;
  /** Undefined: nobody is waited for, a sign-in that has ended is an error. */
  callbacks: SignInCallbacks | undefined;
}

export interface PatientCredentials extends Credentials {
  /** From now on a sign-in that ends is told to these, and waited for. */
  followSignIn(callbacks: SignInCallbacks): void;
}

const LOOK_MILLISECONDS = 1000;
/** What no file shows is seen by asking. */
const ASK_EVERY_LOOKS = 30;

export function waitForSignIn(tokens: TokenCache, options: SignInAgainOptions): PatientCredentials {
  let { callbacks } = options;
  let waiting: Promise<void> | undefined;
  const get = async (kind: TokenKind) => {
    const fetch = () => (kind === 'id' ? tokens.idToken() : tokens.accessToken());
    for (;;) {
      if (waiting && !tokens.has(kind)) await waiting;
      try {
        return await fetch();
      } catch (error) {
        if (!(error instanceof SignInError) || !callbacks) throw error;
        waiting ??= untilSignedIn(error, fetch, callbacks, options).finally(() => {
          waiting = undefined;
        });
        await waiting;
      }
    }
  };
  return {
    idToken: () => get('id'),
    accessToken: () => get('access'),
    forget: (refused) => {
      tokens.forget(refused);
    },
    followSignIn: (given) => {
      callbacks = given;
    },
  };
}

async function untilSignedIn(
  { command, reason }: SignInError,
  fetch: () => Promise<string>,
  callbacks: SignInCallbacks,
  { files, interrupt }: SignInAgainOptions,
): Promise<void> {
  let known = await stateOf(files);
  callbacks.onNeeded(command, reason);
  for (let look = 1; ; look += 1) {
    await pause(interrupt);
    const state = await stateOf(files);
    if (state === known && look % ASK_EVERY_LOOKS !== 0) continue;
    known = state;
    if (await succeeds(fetch)) break;
  }
  callbacks.onBack();
}

/** Whatever is said meanwhile, no network or half a file, the waiting goes on. */
async function succeeds(fetch: () => Promise<string>): Promise<boolean> {
  try {
    await fetch();
    return true;
  } catch (error) {
    if (error instanceof ClientError) return false;
    throw error;
  }
}

async function pause(interrupt: AbortSignal): Promise<void> {
  try {
    await delay(LOOK_MILLISECONDS, undefined, { signal: interrupt });
  } catch {
    throw new Interrupted();
  }
}

async function stateOf(files: readonly string[]): Promise<string> {
  const states = await Promise.all(
    files.map(async (file) => {
      const found = await stat(file, { bigint: true }).catch(() => undefined);
      return found ? `${found.ino} ${found.mtimeNs} ${found.size}` : '';
    }),
  );
  return states.join('\n');
}
