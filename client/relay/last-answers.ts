// What the agent last answered when it was asked for kernels and notebook sessions: front-ends get it while the way is
// down, so that they neither take a kernel for gone nor the server for dead. reads.ts and session-calls.ts use it.

/** Answers about single kernels and sessions; lists are few. */
const MAX_ANSWERS = 500;

const LIST_PATH = /^\/api\/(kernels|sessions|kernelspecs)$/;
const ITEM_PATH = /^(\/api\/(?:kernels|sessions))\/([^/]+)$/;

export class LastAnswers {
  readonly #answers = new Map<string, unknown>();

  /** What a GET was answered; `body`: as the front-end got it. */
  remember(path: string, body: unknown): void {
    if (!LIST_PATH.test(path) && !ITEM_PATH.test(path)) return;
    this.#set(path, body);
    const [, list = '', id = ''] = ITEM_PATH.exec(path) ?? [];
    this.#changeList(list, (items) => items.map((item) => (idOf(item) === id ? body : item)));
  }

  /** A kernel or a notebook session was made or changed; `body`: as the front-end got it. */
  made(list: '/api/kernels' | '/api/sessions', body: unknown): void {
    const id = idOf(body);
    if (typeof id !== 'string') return;
    const kernel = kernelOf(body);
    const before = kernelOf(this.answer(`${list}/${id}`));
    // A session that gets another kernel ends the one that it had.
    if (before && idOf(before) !== idOf(kernel))
      this.forget(`/api/kernels/${String(idOf(before))}`);
    this.#set(`${list}/${id}`, body);
    this.#changeList(list, (items) => [...items.filter((item) => idOf(item) !== id), body]);
    if (kernel) this.made('/api/kernels', kernel);
  }

  /** This kernel or session is no more: nor is the session's kernel, nor are the kernel's sessions. */
  forget(path: string): void {
    const [, list = '', id = ''] = ITEM_PATH.exec(path) ?? [];
    const kernel = kernelOf(this.answer(path));
    this.#drop(list, (item) => idOf(item) === id);
    if (list === '/api/kernels') this.#drop('/api/sessions', (item) => idOf(kernelOf(item)) === id);
    if (kernel) this.#drop('/api/kernels', (item) => idOf(item) === idOf(kernel));
  }

  /** `undefined` if nothing is known. */
  answer(path: string): unknown {
    const known = this.#answers.get(path);
    if (known !== undefined) return known;
    const [, list = '', id = ''] = ITEM_PATH.exec(path) ?? [];
    const all = this.#answers.get(list);
    return Array.isArray(all) ? all.find((item) => idOf(item) === id) : undefined;
  }

  #set(path: string, body: unknown): void {
    this.#answers.delete(path);
    this.#answers.set(path, body);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > MAX_ANSWERS && oldest !== undefined) this.#answers.delete(oldest);
  }

  #drop(list: string, isGone: (item: unknown) => boolean): void {
    for (const [path, body] of [...this.#answers]) {
      if (ITEM_PATH.exec(path)?.[1] === list && isGone(body)) this.#answers.delete(path);
    }
    this.#changeList(list, (items) => items.filter((item) => !isGone(item)));
  }

  #changeList(list: string, change: (items: unknown[]) => unknown[]): void {
    const known = this.#answers.get(list);
    if (Array.isArray(known)) this.#answers.set(list, change(known));
  }
}

function idOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'id' in item ? item.id : undefined;
}

function kernelOf(session: unknown): unknown {
  return typeof session === 'object' && session !== null && 'kernel' in session
    ? (session.kernel ?? undefined)
    : undefined;
}
