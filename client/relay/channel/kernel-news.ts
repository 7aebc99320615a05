// What the kernel of a channel does, as it and the agent have said it, and whether the front-end that is there knows.
// relay-channel.ts passes on what is heard, and says when it is told.
import type { FrontEnd } from './front-end.ts';
import { statusMessage } from './own-answers.ts';

export class KernelNews {
  readonly #front: FrontEnd;
  readonly #now: () => number;
  #executionState: string | undefined;
  /** Where the kernel last said that it is being restarted. */
  #restartingAt = 0;
  /** The front-end that is there has been told of it, or of an earlier one. */
  #isTold = false;

  constructor(front: FrontEnd, now: () => number) {
    this.#front = front;
    this.#now = now;
  }

  get restartingAt(): number {
    return this.#restartingAt;
  }

  /** The kernel itself, at this place of its log. */
  said(executionState: string | undefined, sequence: number): void {
    const isRestarting = executionState === 'restarting';
    if (isRestarting) this.#restartingAt = sequence;
    // It is said when it happens; who comes later is told what follows from it.
    this.#executionState = isRestarting ? 'starting' : executionState;
  }

  frontEndCame(): void {
    this.#isTold = false;
  }

  /** A front-end that has just come knows nothing of it, and after a cut it may show what the kernel did before. */
  tell(executionState = this.#executionState): void {
    const isNews = !this.#isTold || this.#executionState !== executionState;
    this.#executionState = executionState;
    if (executionState === undefined || !isNews || !this.#front.isHere) return;
    this.#isTold = true;
    this.#front.mention(statusMessage(executionState, this.#front.session, new Date(this.#now())));
  }

  /** Another channel has other places in it. */
  beginAnew(): void {
    this.#restartingAt = 0;
  }
}
