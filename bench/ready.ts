// `start`, from its process to its ready line, and what that line says of the way there.
import { z } from 'zod';
import { Program } from './program.ts';

export interface TimeToReady {
  milliseconds: number;
  /** When the API first knew that the gateway answers. */
  readyAt: number;
}

const LIMIT_SECONDS = 90;
const READY = /^\{"event":"ready".*\}$/m;
const readyEvent = z.object({
  session: z.object({ timeline: z.array(z.object({ time: z.string(), message: z.string() })) }),
});

export async function timeToReady(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<TimeToReady> {
  await using program = new Program(args, { env, signal, limitSeconds: LIMIT_SECONDS });
  const [line] = await program.untilSays(READY);
  const milliseconds = program.elapsedMilliseconds();
  await program.end('SIGINT');
  const { timeline } = readyEvent.parse(JSON.parse(line)).session;
  const ready = timeline.findLast(({ message }) => message === 'READY');
  return { milliseconds, readyAt: Date.parse(ready?.time ?? '') };
}
