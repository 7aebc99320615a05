// What the agent last answered when it was asked for kernels and notebook sessions: front-ends get it while the way is
// down, so that they neither take a kernel for gone nor the server for dead. to-agent.ts and session-calls.ts use it.

/** Answers about single kernels and sessions; lists are few. */
const MAX_ANSWERS = 500;

const LIST_PATH = /^\/api\/(kernels|sessions|kernelspecs)$/;
const ITEM_PATH = /^(\/api\/(?:kernels|sessions))\/([^/]+)$/;

export class LastAnswers {
  readonly #answers = new Map<string, unknown>();

  /** `body`: as the front-end got it. */
  remember(path: string, body: unknown): void {
    if (!LIST_PATH.test(path) && !ITEM_PATH.test(path)) return;
    this.#answers.delete(path);
    this.#answers.set(path, body);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MAX_ANSWERS && oldest !== undefined) this.#answers.delete(oldest);
  }

  /** This kernel or session is no more. */
  forget(path: string): void {
    this.#answers.delete(path);
    const [, list = '', id = ''] = ITEM_PATH.exec(path) ?? [];
    const known = this.#answers.get(list);
    if (Array.isArray(known))
      this.#answers.set(
        list,
        known.filter((item) => idOf(item) !== id),
      );
  }

  /** `undefined` if nothing is known. */
  answer(path: string): unknown {
    const known = this.#answers.get(path);
    if (known !== undefined) return known;
    const [, list = '', id = ''] = ITEM_PATH.exec(path) ?? [];
    const all = this.#answers.get(list);
    return Array.isArray(all) ? all.find((item) => idOf(item) === id) : undefined;
  }
}

function idOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'id' in item ? item.id : undefined;
}
