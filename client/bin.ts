// Entry point: the real world as an Io, signals, and the only process.exit.
import { main } from './main.ts';
import { EXIT } from './errors.ts';

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second one does not wait: what is still running hangs on pipes that end with this process.
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
}
// A reader that went away (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

process.exit(
  await main(process.argv.slice(2), {
    stdin: process.stdin.isTTY && process.stderr.isTTY ? process.stdin : undefined,
    get inputEnd() {
      return untilInputEnds();
    },
    stdout: process.stdout,
    stderr: process.stderr,
    isTerminal: process.stderr.isTTY && process.env['TERM'] !== 'dumb',
    get columns() {
      return process.stderr.columns;
    },
    get outputColumns() {
      return process.stdout.isTTY ? process.stdout.columns : undefined;
    },
    now: () => Date.now(),
    env: process.env,
    cwd: process.cwd(),
    elapsed: () => performance.now(),
    interrupt: interrupt.signal,
  }),
);

/** Reads standard input from the moment when somebody asks. */
function untilInputEnds(): AbortSignal {
  const end = new AbortController();
  const abort = () => {
    end.abort();
  };
  process.stdin.once('end', abort).once('error', abort).resume();
  return end.signal;
}
