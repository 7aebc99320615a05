// What a test can ask of a tab, and what it hears (types only): tab.ts asks, tab-worker.ts answers.

export interface TabOptions {
  /** Of the server that its pages would come from. */
  url: string;
  token: string;
  /** JupyterLab's own waits take so much of their time. */
  timeScale: number;
}

export interface CellRequest {
  code: string;
  /** What is typed when it asks for input. */
  answer?: string;
  /** As Run All sends them: what follows is aborted when this fails. */
  stopsOnError?: boolean;
}

/** An output as it is shown, without what differs from run to run. */
export type Output = readonly [type: string, ...unknown[]];

export interface CellResult {
  status: 'ok' | 'error' | 'aborted';
  /** Of an error. */
  name: string | undefined;
  text: string | undefined;
  executionCount: number | null;
  outputs: Output[];
  /** Messages that came twice. */
  duplicates: number;
}

export interface TabState {
  status: string;
  connection: string;
  kernelId: string;
}

export interface Calls {
  /** As opening a notebook: attaches to its kernel, or starts one. */
  open(path: string): TabState;
  run(cell: CellRequest): CellResult;
  /** Opens a comm in the kernel, or says something on the one that is open; `hears` is what the kernel says back. */
  say(value: number, bytes: number): { hears: Output[] };
  /** What the kernel's own comms have said so far. */
  heard(): Output[];
  interrupt(): void;
  restart(): void;
  shutDown(): void;
  reconnect(): void;
  state(): TabState;
  /** What it has said of its connection since it was opened, one after the other. */
  connections(): string[];
  /** When its connection has ended, since the epoch in ms. */
  ends(): number[];
  /** What the kernel has printed, whoever asked for it. */
  overheard(): string;
  /** Resolves when the kernel has done everything that was asked before. */
  probe(): void;
}

export type CallName = keyof Calls;

export interface Call {
  id: number;
  name: CallName;
  args: unknown[];
}

export type Answer = { id: number } & ({ value: unknown } | { error: string });
