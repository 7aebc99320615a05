// A way between two parts that can be cut: a TCP proxy on loopback. world.ts puts one before and one behind the IAP
// relay, test/browser/ one between relay and agent, where the tunnel is otherwise.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What happens to a way. */
export type Fault =
  /** Connections are reset, new ones refused. */
  | { kind: 'refused' }
  /** Connections are reset, new ones accepted and reset. */
  | { kind: 'reset' }
  /** Packets vanish: connections stay open, nothing comes through, now or ever; new ones get no further. */
  | { kind: 'dropped' }
  /** Packets are kept up: everything comes through in the end. */
  | { kind: 'held' }
  /** New connections are reset after so many bytes of the answer, in the middle of a handshake. */
  | { kind: 'brokenWhileConnecting'; bytes: number }
  /** A connection on which something comes that begins like this (`POST /api/kernels`) is reset when it is answered. */
  | { kind: 'answerLost'; request: string; onLost: () => void }
  /** Each packet takes so much longer. */
  | { kind: 'slow'; milliseconds: number };

export interface Way {
  port: number;
  /** Until it is mended. */
  cut(fault: Fault): Promise<void>;
  mend(): Promise<void>;
  /** Resets what is open and takes new connections. */
  drop(): void;
  close(): Promise<void>;
}

interface Pair {
  near: Socket;
  far: Socket;
  /** It has lost packets, so nothing of it is worth passing on any more. */
  isLost: boolean;
  /** What has just been asked on it is not to be answered. */
  losesAnswer: boolean;
}

/** @param target of every connection, asked when one comes */
export async function openWay(target: () => number): Promise<Way> {
  const pairs = new Set<Pair>();
  let fault: Fault | undefined;
  const server = createServer({ allowHalfOpen: false, noDelay: true }, (near) => {
    join(near, target(), pairs, () => fault);
  });
  const port = await listen(server, 0);
  const drop = () => {
    for (const pair of pairs) reset(pair);
  };
  const mend = async () => {
    const former = fault;
    fault = undefined;
    for (const { near, far, isLost } of pairs) {
      if (isLost) continue;
      near.resume();
      far.resume();
    }
    if (former?.kind === 'refused') await listen(server, port);
  };
  return {
    port,
    drop,
    mend,
    cut: async (next) => {
      await mend();
      fault = next;
      if (next.kind === 'refused') await unlisten(server, drop);
      if (next.kind === 'reset') drop();
      if (next.kind === 'brokenWhileConnecting') drop();
      for (const pair of pairs) hold(pair, next);
    },
    close: async () => {
      if (server.listening) await unlisten(server, drop);
    },
  };
}

function join(near: Socket, port: number, pairs: Set<Pair>, present: () => Fault | undefined) {
  const far = connect({ port, host: '127.0.0.1', noDelay: true });
  const pair: Pair = { near, far, isLost: false, losesAnswer: false };
  pairs.add(pair);
  const fault = present();
  let bytesLeft = fault?.kind === 'brokenWhileConnecting' ? fault.bytes : Infinity;
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    const pass = lane(to, present);
    from.on('error', () => undefined);
    from.on('data', (data: Buffer) => {
      if (pair.isLost) return;
      if (from === far) bytesLeft -= data.length;
      else pair.losesAnswer ||= isAnswerLost(data, present());
      const isLost = from === far && pair.losesAnswer;
      if (bytesLeft < 0 || isLost) {
        reset(pair);
        const lost = present();
        if (isLost && lost?.kind === 'answerLost') lost.onLost();
        return;
      }
      pass(() => {
        write(to, data, from);
      });
    });
    from.on('close', () => {
      // Whoever lost his packets does not hear the other one's goodbye either.
      if (!pair.isLost) {
        pass(() => {
          to.destroySoon();
        });
      }
      if (near.destroyed && far.destroyed) pairs.delete(pair);
    });
  }
  if (fault?.kind === 'reset') reset(pair);
  else if (fault) hold(pair, fault);
}

function isAnswerLost(data: Buffer, fault: Fault | undefined): boolean {
  return (
    fault?.kind === 'answerLost' &&
    data.subarray(0, fault.request.length).equals(Buffer.from(fault.request))
  );
}

function write(to: Socket, data: Buffer, from: Socket): void {
  if (to.write(data)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

/** One direction of a connection: nothing overtakes what is slow, when the way is mended either. */
function lane(to: Socket, present: () => Fault | undefined): (action: () => void) => void {
  const queue: { action: () => void; due: number }[] = [];
  const run = () => {
    for (let next = queue[0]; next && next.due <= performance.now(); next = queue[0]) {
      queue.shift();
      if (!to.destroyed) next.action();
    }
    if (queue[0]) setTimeout(run, Math.max(1, queue[0].due - performance.now()));
  };
  return (action) => {
    const fault = present();
    const milliseconds = fault?.kind === 'slow' ? fault.milliseconds : 0;
    queue.push({ action, due: performance.now() + milliseconds });
    if (queue.length === 1) run();
  };
}

function hold(pair: Pair, fault: Fault): void {
  if (fault.kind === 'dropped') pair.isLost = true;
  if (fault.kind !== 'held') return;
  pair.near.pause();
  pair.far.pause();
}

function reset(pair: Pair): void {
  pair.isLost = true;
  for (const socket of [pair.near, pair.far]) {
    // Node.js 24 never closes a socket that is reset while it is being ended, and then runs for ever at its exit.
    if (socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
  }
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function unlisten(server: Server, drop: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  drop();
  await closed;
}
