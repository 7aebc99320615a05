// A way to the agent that tests can cut: bytes go through it, until it drops them in silence or breaks off. Between relay
// and agent, where the tunnel is otherwise.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Cleaner } from './last-first.ts';

export interface CuttableWay {
  port: number;
  /** `silent`: as when the network is gone, nothing passes and nobody is told. `reset`: connections end, new ones too. */
  cut(how: 'silent' | 'reset'): void;
  mend(): void;
}

export async function startCuttableWay(t: Cleaner, target: number): Promise<CuttableWay> {
  let state: 'open' | 'silent' | 'reset' = 'open';
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (state === 'reset') {
      near.destroy();
      return;
    }
    const far = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
      if (state === 'silent') socket.pause();
    }
  });
  const breakOff = () => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    breakOff();
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut: (how) => {
      state = how;
      if (how === 'reset') breakOff();
      else for (const socket of sockets) socket.pause();
    },
    mend: () => {
      state = 'open';
      for (const socket of sockets) socket.resume();
    },
  };
}
