// main(argv, io) -> exit code: has one verb done, and renders its failure.
import packageJson from '../package.json' with { type: 'json' };
import { runCommandLine } from './command-line.ts';
import { ClientError, EXIT, Interrupted, messageOf, OutputClosed } from './errors.ts';
import type { Io } from './io.ts';

export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    return await runCommandLine(argv, packageJson.version, io);
  } catch (error) {
    return await render(error, argv.includes('--json'), io);
  }
}

async function render(error: unknown, isJson: boolean, io: Io): Promise<number> {
  // Nobody is there to be told.
  if (io.interrupt.reason instanceof OutputClosed) return EXIT.ok;
  if (error instanceof Interrupted || io.interrupt.aborted) {
    const { message } = error instanceof Interrupted ? error : new Interrupted();
    return await say(message, EXIT.interrupted, isJson, io);
  }
  if (error instanceof ClientError) return await say(error.message, EXIT.error, isJson, io);
  const trouble = troubleOfTheMachine(error);
  if (trouble !== undefined) {
    return await say(`${trouble}. ${await adviceOn(io)}`, EXIT.error, isJson, io);
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (!isJson) return await say(`${A_BUG}\n${trace}`, EXIT.bug, isJson, io);
  io.stderr.write(`${trace}\n`);
  return await say(`${A_BUG} ${messageOf(error)}`, EXIT.bug, isJson, io);
}

const A_BUG = 'This is a bug in datalab-client.';

/** @returns the exit code */
async function say(message: string, exitCode: number, isJson: boolean, io: Io): Promise<number> {
  if (isJson) {
    io.stdout.write(`${JSON.stringify({ event: 'error', message, exitCode })}\n`);
    return exitCode;
  }
  const { paragraph } = await import('./output/terminal-text.ts');
  const prefix = exitCode === EXIT.error ? 'datalab-client: ' : '';
  const columns = io.isTerminal && exitCode !== EXIT.bug ? io.columns : undefined;
  io.stderr.write(`${paragraph(prefix + message, columns)}\n`);
  return exitCode;
}

const MACHINE_ERRORS = [
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ELOOP',
  'ENOTDIR',
  'ERR_SQLITE_ERROR',
];

/** A disk that is full or may not be written is nobody's bug. Undefined: it is something else. */
function troubleOfTheMachine(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  // So says a recursive mkdir of a file system that is read-only.
  if (code === 'ENOENT' && syscall === 'mkdir') {
    return `The folder ${path ?? ''} cannot be made, maybe because its file system is read-only`;
  }
  return MACHINE_ERRORS.includes(String(code)) ? error.message : undefined;
}

async function adviceOn(io: Io): Promise<string> {
  const where = await stateDirOf(io);
  const ours = where === undefined ? 'the folder of our files' : `our files in ${where}`;
  return `Check that ${ours} can be written and that there is room (DATALAB_STATE_DIR moves them).`;
}

async function stateDirOf(io: Io): Promise<string | undefined> {
  try {
    const { readSettings } = await import('./settings/settings.ts');
    return readSettings({}, io).stateDir;
  } catch {
    // It may be the settings that cannot be read.
    return undefined;
  }
}
