// A tab with a notebook: JupyterLab's own client library in a thread of its own, which ends as a tab ends. Tests hold this
// end of it.
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import type { Answer, Call, Calls, CallName, TabOptions } from './tab-calls.ts';

export type Tab = {
  [Name in CallName]: (...args: Parameters<Calls[Name]>) => Promise<ReturnType<Calls[Name]>>;
} & {
  /** What was asked and not answered is rejected. */
  close(): Promise<void>;
};

export async function openTab(options: TabOptions): Promise<Tab> {
  const worker = new Worker(new URL('tab-worker.ts', import.meta.url), { workerData: options });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  const fail = (error: Error) => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('message', (answer: Answer) => {
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) call?.reject(new Error(answer.error));
    else call?.resolve(answer.value);
  });
  worker.on('error', (error) => {
    fail(error instanceof Error ? error : new Error(String(error)));
  });
  worker.on('exit', () => {
    fail(new Error('the tab is closed'));
  });
  const call = (name: CallName, args: unknown[]) => {
    const settled = Promise.withResolvers<unknown>();
    lastId += 1;
    waiting.set(lastId, settled);
    worker.postMessage({ id: lastId, name, args } satisfies Call);
    return settled.promise;
  };
  await once(worker, 'online');
  const ask =
    <Name extends CallName>(name: Name) =>
    (...args: Parameters<Calls[Name]>) =>
      call(name, args) as Promise<ReturnType<Calls[Name]>>;
  return {
    ...{ open: ask('open'), run: ask('run'), say: ask('say'), heard: ask('heard') },
    ...{ interrupt: ask('interrupt'), restart: ask('restart'), shutDown: ask('shutDown') },
    ...{ reconnect: ask('reconnect'), state: ask('state'), connections: ask('connections') },
    ...{ ends: ask('ends'), overheard: ask('overheard'), probe: ask('probe') },
    close: async () => {
      await worker.terminate();
    },
  };
}
