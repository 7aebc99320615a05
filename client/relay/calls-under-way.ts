// The calls to the agent that have not come to the end of their answers. What was asked before the way went down has most
// likely died without a word: it is given up when there is a way again. agent-link.ts says when that is.

/** What a call is given up with for which it is no fault of the present way. */
export class OutdatedCallError extends Error {
  override name = 'OutdatedCallError';
}

export function isOutdated(error: unknown): boolean {
  return error instanceof OutdatedCallError || (error instanceof Error && isOutdated(error.cause));
}

export class CallsUnderWay {
  readonly #calls = new Set<AbortController>();
  #doubtful = new Set<AbortController>();

  /** From now on `call` may be given up. */
  add(call: AbortController): void {
    this.#calls.add(call);
  }

  /** It is over, or something of it has come by the present way. */
  delete(call: AbortController): void {
    this.#calls.delete(call);
    this.#doubtful.delete(call);
  }

  wayWentDown(): void {
    this.#doubtful = new Set(this.#calls);
  }

  wayCameUp(): void {
    this.giveUp(this.#doubtful);
  }

  giveUp(calls = this.#calls): void {
    for (const call of [...calls]) {
      this.delete(call);
      call.abort(new OutdatedCallError('the way was made anew'));
    }
  }
}
