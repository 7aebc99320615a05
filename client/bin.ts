// Entry point: the real world as an Io, signals, and the only process.exit.
import { main } from './main.ts';
import { EXIT, OutputClosed } from './errors.ts';

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    // The second one does not wait: what is still running hangs on pipes that end with this process.
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
}
process.on('uncaughtException', (error: unknown) => {
  const trace = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`This is a bug in datalab-client.\n${trace ?? ''}\n`);
  process.exit(EXIT.bug);
});

/** Where nothing can be said any more, nothing is done any more; and this decides the exit code. */
let outputExit: number | undefined;
for (const [name, stream] of [
  ['standard output', process.stdout],
  ['standard error', process.stderr],
] as const) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Who ends it hears no more: its terminal may have gone, or a `tee` with the same Ctrl-C.
    if (interrupt.signal.aborted) return;
    // A reader that went away (`| head`) is no failure of ours.
    outputExit = error.code === 'EPIPE' ? EXIT.ok : EXIT.error;
    interrupt.abort(new OutputClosed());
    if (error.code === 'EPIPE') return;
    process.stderr.write(`datalab-client: ${name} cannot be written: ${error.message}\n`);
  });
}

const exitCode = await main(process.argv.slice(2), {
  stdin: process.stdin.isTTY && process.stderr.isTTY ? process.stdin : undefined,
  get inputEnd() {
    return untilInputEnds();
  },
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stderr.isTTY && process.env['TERM'] !== 'dumb',
  get columns() {
    return widthOf(process.stderr);
  },
  get outputColumns() {
    return widthOf(process.stdout);
  },
  now: () => Date.now(),
  env: process.env,
  cwd: process.cwd(),
  elapsed: () => performance.now(),
  interrupt: interrupt.signal,
});
// What was written last fails a moment later.
await new Promise((resolve) => setImmediate(resolve));
process.exit(outputExit ?? exitCode);

/** Undefined: not a terminal. Some terminals say that they are 0 wide. */
function widthOf(stream: NodeJS.WriteStream): number | undefined {
  return stream.isTTY ? stream.columns || 80 : undefined;
}

/** Reads standard input from the moment when somebody asks. */
function untilInputEnds(): AbortSignal {
  const end = new AbortController();
  const abort = () => {
    end.abort();
  };
  process.stdin.once('end', abort).once('error', abort).resume();
  return end.signal;
}
