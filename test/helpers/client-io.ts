// An Io for parts of the client that run in the test's own process: what they write is kept, nothing of this machine's
// settings is seen.
import { Writable } from 'node:stream';
import type { Io } from '../../client/io.ts';

export interface TestIo extends Io {
  written: { stdout: string; stderr: string };
}

export function testIo(changes: Partial<Io> = {}): TestIo {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) =>
    new Writable({
      write(chunk: Buffer, _, done) {
        written[name] += chunk.toString();
        done();
      },
    });
  return {
    written,
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    isTerminal: false,
    env: { PATH: process.env['PATH'] },
    cwd: '/',
    now: () => Date.now(),
    elapsed: () => performance.now(),
    interrupt: new AbortController().signal,
    inputEnd: new AbortController().signal,
    ...changes,
  };
}
