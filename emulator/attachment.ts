// The client's half of attach.ts: attaches to the emulator of a state folder, if one runs, and detaches again.
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { lockName } from './attach.ts';

const readyEvent = z.object({
  event: z.literal('ready'),
  project: z.string(),
  zone: z.string(),
  credentials: z.string(),
  urls: z.object({
    api: z.string(),
    onBuildFinished: z.string(),
    reapIdle: z.string(),
    compute: z.string(),
    registry: z.string(),
    iap: z.string(),
    oidc: z.string(),
    control: z.string(),
  }),
});
export type ReadyEvent = z.infer<typeof readyEvent>;

const errorEvent = z.object({ event: z.literal('error'), message: z.string() });

export interface Attachment {
  /**
   * What the emulator says when it is ready; undefined when it ended before that (try again: start one).
   * Rejects with the reason when it could not start.
   */
  readonly ready: Promise<ReadyEvent | undefined>;
  /** Settles when the emulator has let go of us: everything of it is dead, or others still use it. */
  readonly ended: Promise<void>;
  /** Says that we do not need it any more, and waits for `ended`. */
  detach(): Promise<void>;
}

/** Undefined when no emulator runs on this state folder. */
export async function attachToEmulator(stateDir: string): Promise<Attachment | undefined> {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const socket = connect({ path: lockName(stateDir), allowHalfOpen: true });
  try {
    await once(socket, 'connect');
  } catch (error) {
    const isNobody = error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
    if (isNobody) return undefined;
    throw error;
  }
  socket.on('error', () => undefined); // The close event follows.
  const ended = once(socket, 'close').then(() => undefined);
  const ready = readFirstLine(socket);
  ready.catch(() => undefined); // Whoever asks for it hears of it.
  socket.on('end', () => socket.end());
  return {
    ready,
    ended,
    detach: async () => {
      socket.end();
      await ended;
    },
  };
}

async function readFirstLine(socket: Socket): Promise<ReadyEvent | undefined> {
  const lines = createInterface({ input: socket });
  const first = await new Promise<string | undefined>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => {
      resolve(undefined);
    });
  });
  if (first === undefined) return undefined;
  const event = z.union([readyEvent, errorEvent]).parse(JSON.parse(first));
  if (event.event === 'error') throw new Error(event.message);
  return event;
}
