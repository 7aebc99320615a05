// Whoever waits for a session in this process hears at once of what is saved here, by the report of an agent, say. What
// other processes save is found by reading. Between the store (deps.ts) and the long poll (watch.ts).
import { EventEmitter } from 'node:events';
import type { SessionStore } from './store/session-store.ts';

export interface Listening extends Disposable {
  /** Aborts when the session is saved. */
  signal: AbortSignal;
}

export class News {
  readonly #saved = new EventEmitter().setMaxListeners(0);

  tell(uid: string): void {
    this.#saved.emit(`saved ${uid}`);
  }

  listen(uid: string): Listening {
    const heard = new AbortController();
    const hear = () => {
      heard.abort();
    };
    this.#saved.once(`saved ${uid}`, hear);
    return {
      signal: heard.signal,
      [Symbol.dispose]: () => {
        this.#saved.off(`saved ${uid}`, hear);
      },
    };
  }
}

export function tellingStore<Store extends SessionStore>(store: Store, news: News): Store {
  return {
    ...store,
    save: async (record) => {
      const saved = await store.save(record);
      if (saved) news.tell(record.uid);
      return saved;
    },
    remove: async (record, expireAt) => {
      const isRemoved = await store.remove(record, expireAt);
      if (isRemoved) news.tell(record.uid);
      return isRemoved;
    },
  };
}
