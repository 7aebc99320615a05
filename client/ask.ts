// Asking a person on a terminal: one line at a time, on standard error, since standard output may go elsewhere.
import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import { Interrupted } from './errors.ts';
import type { Io } from './io.ts';

/** @throws Interrupted at Ctrl-C, Ctrl-D, and when the keyboard is gone */
export async function ask(question: string, input: Readable, io: Io): Promise<string> {
  const terminal = createInterface({ input, output: io.stderr });
  // Without this, a stream that ends would leave the question open for ever.
  const gone = once(terminal, 'close').then(() => undefined);
  try {
    const answer = await Promise.race([
      terminal.question(question, { signal: io.interrupt }),
      gone,
    ]);
    if (answer !== undefined) return answer;
  } catch (error) {
    // While it asks, readline takes Ctrl-C and Ctrl-D for itself.
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
  } finally {
    terminal.close();
  }
  io.stderr.write('\n');
  throw new Interrupted();
}
