// The agent's part on somebody's own machine (`start --local`), where no API cares for it: its token is in a file, its
// activity is for whoever asks, and it ends by itself when nobody is there and nothing would be lost. main.ts has it in the
// reporter's place.
import { readFile } from 'node:fs/promises';
import type { OwnerRole } from './config.ts';
import type { DeadMan } from './dead-man.ts';
import type { Kernels } from './kernels.ts';

/** Without a kernel there is nothing to lose: what has only been forgotten ends. */
const EMPTY_SECONDS = 600;

export interface OwnerOptions {
  role: OwnerRole;
  deadMan: DeadMan;
  kernels: Pick<Kernels, 'livingIds'>;
  clock: { awake(): number };
}

export class Owner {
  readonly #options: OwnerOptions;

  constructor(options: OwnerOptions) {
    this.#options = options;
  }

  /** A client was there: while no kernel is, that keeps the machine's containers. Whether it does. */
  asked(): boolean {
    if (this.#hasKernels) return false;
    const { deadMan, clock } = this.#options;
    deadMan.begin(clock.awake());
    return true;
  }

  /** Says for how long nobody need be there, as things are now. */
  beat(): void {
    const { deadMan, role } = this.#options;
    deadMan.allow(this.#hasKernels ? (role.idleSeconds ?? Infinity) : EMPTY_SECONDS);
  }

  get #hasKernels(): boolean {
    return this.#options.kernels.livingIds.length > 0;
  }
}

/** @throws when the file cannot be read, or has nothing in it */
export async function readAccessToken({ accessTokenFile }: OwnerRole): Promise<string> {
  const token = (await readFile(accessTokenFile, 'utf8')).trim();
  if (token === '') throw new Error(`ACCESS_TOKEN_FILE ${accessTokenFile} is empty`);
  return token;
}
