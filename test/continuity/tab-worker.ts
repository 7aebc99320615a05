// The inside of a tab: JupyterLab's client library with a notebook's session, in a worker thread. tab.ts starts it and
// asks; the thread's end is the tab's.
import { parentPort, workerData } from 'node:worker_threads';
import type { Kernel, KernelMessage, Session } from '@jupyterlab/services';
import type { Answer, Call, Calls, CellRequest, CellResult, TabOptions } from './tab-calls.ts';
import type { Output, TabState } from './tab-calls.ts';
import { Outputs, condensed } from './tab-outputs.ts';

const { url, token, timeScale } = workerData as TabOptions;

hasten(timeScale);
hush();
const { KernelManager, ServerConnection, SessionManager } = await import('@jupyterlab/services');

const serverSettings = ServerConnection.makeSettings({
  ...{ baseUrl: url, wsUrl: url.replace('http', 'ws'), token, appendToken: true },
});
const kernels = new KernelManager({ serverSettings, standby: 'never' });
const sessions = new SessionManager({ kernelManager: kernels, serverSettings, standby: 'never' });
const heard = new Outputs();
const connections: string[] = [];
const ends: number[] = [];
let overheard = '';
let session: Session.ISessionConnection | undefined;
let comm: Kernel.IComm | undefined;
let echoed: ((message: KernelMessage.ICommMsgMsg) => void) | undefined;

type Answers = { [Name in keyof Calls]: (...args: Parameters<Calls[Name]>) => unknown };

const answers: Answers = {
  open,
  run,
  say,
  heard: () => condensed(heard.list),
  interrupt: () => kernel().interrupt(),
  restart: () => kernel().restart(),
  shutDown: () => session?.shutdown(),
  reconnect: () => kernel().reconnect(),
  state,
  connections: () => connections,
  ends: () => ends,
  overheard: () => overheard,
  probe,
};

parentPort?.on('message', ({ id, name, args }: Call) => {
  void answer(id, answers[name] as (...given: unknown[]) => unknown, args);
});

async function answer(id: number, action: (...args: unknown[]) => unknown, args: unknown[]) {
  let reply: Answer;
  try {
    reply = { id, value: await action(...args) };
  } catch (error) {
    reply = { id, error: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(reply);
}

async function open(path: string): Promise<TabState> {
  await sessions.ready;
  await sessions.refreshRunning();
  const model = await sessions.findByPath(path);
  session = model
    ? sessions.connectTo({ model })
    : await sessions.startNew({ path, name: path, type: 'notebook', kernel: { name: 'python3' } });
  kernel().registerCommTarget('told', (theirs, opening) => {
    heard.add(opening);
    theirs.onMsg = (message) => {
      heard.add(message);
      theirs.send({ heard: message.content.data['value'] ?? null });
    };
  });
  kernel().connectionStatusChanged.connect((_kernel, status) => {
    if (connections.at(-1) === 'connected') ends.push(Date.now());
    connections.push(status);
  });
  kernel().iopubMessage.connect((_kernel, message) => {
    if (message.header.msg_type !== 'stream') return;
    overheard += (message as KernelMessage.IStreamMsg).content.text;
  });
  await kernel().info;
  return state();
}

async function run({ code, answer: typed, stopsOnError }: CellRequest): Promise<CellResult> {
  const outputs = new Outputs();
  const future = kernel().requestExecute({ code, stop_on_error: stopsOnError ?? true }, false);
  future.onIOPub = (message) => {
    outputs.add(message);
  };
  future.onStdin = (message) => {
    future.sendInputReply({ status: 'ok', value: typed ?? '' }, message.header as never);
  };
  const { content } = await future.done;
  return {
    status: content.status === 'ok' || content.status === 'error' ? content.status : 'aborted',
    name: content.status === 'error' ? content.ename : undefined,
    text: content.status === 'error' ? content.evalue : undefined,
    executionCount: content.execution_count,
    outputs: condensed(outputs.list),
    duplicates: outputs.duplicates,
  };
}

async function say(value: number, bytes: number): Promise<{ hears: Output[] }> {
  const outputs = new Outputs();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (!comm) {
    comm = kernel().createComm('echo');
    comm.open({});
    comm.onMsg = (message) => {
      echoed?.(message);
    };
  }
  echoed = (message) => {
    if (message.content.data['echo'] !== value) return;
    outputs.add(message);
    resolve(undefined);
  };
  comm.send({ value }, {}, [new Uint8Array(bytes).fill(value % 256).buffer]);
  await promise;
  return { hears: condensed(outputs.list) };
}

async function probe(): Promise<void> {
  const content = { code: '', silent: true, stop_on_error: false };
  await kernel().requestExecute(content, true).done;
}

function kernel(): Kernel.IKernelConnection {
  if (!session?.kernel) throw new Error('there is no kernel');
  return session.kernel;
}

function state(): TabState {
  const { status, connectionStatus: connection, id: kernelId } = kernel();
  return { status, connection, kernelId };
}

/** JupyterLab waits for up to a minute before it connects again; a test has less time. */
function hasten(scale: number): void {
  const original = globalThis.setTimeout;
  const hastened = (callback: () => void, milliseconds = 0, ...args: []) =>
    original(callback, milliseconds * scale, ...args);
  globalThis.setTimeout = hastened as unknown as typeof setTimeout;
}

/** It tells every lost connection; and what was still waiting when a kernel ended is nobody's any more. */
function hush(): void {
  for (const name of ['log', 'warn', 'error', 'debug'] as const) console[name] = () => undefined;
  process.on('unhandledRejection', () => undefined);
}
