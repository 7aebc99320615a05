// main(argv, io) -> exit code: reads the command line, runs one command, renders its failure.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { ClientError, EXIT, Interrupted, messageOf } from './errors.ts';
import type { CommonFlags, SessionFlags, StartFlags } from './flags.ts';
import type { Io } from './io.ts';

export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    await program(io).parseAsync([...argv], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    return render(error, argv.includes('--json'), io);
  }
}

function program(io: Io): Command {
  const root = new Command('datalab-client')
    .description("Notebooks on your own machine, their kernels on a VM in your team's project.")
    .version(packageJson.version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    });
  sessionCommand(root, 'start', 'start or wake a session and open its notebooks')
    .argument(
      '[CONTENT_DIR]',
      'folder with your notebooks (default: DATALAB_CONTENT_DIR, or this folder)',
    )
    .addOption(
      new Option('--ui <how>', 'where the notebook pages come from')
        .choices(['process', 'none'])
        .default('process'),
    )
    .option(
      '--port <number>',
      'port of the notebooks on 127.0.0.1 (default: 8081 or the next free one)',
      port,
    )
    .option('--no-browser', 'do not open a browser')
    .action(async (contentDir: string | undefined, flags: StartFlags) => {
      await (await import('./commands/start.ts')).start(contentDir, flags, io);
    });
  sessionCommand(root, 'status', 'show one session').action(async (flags: SessionFlags) => {
    await (await import('./commands/status.ts')).status(flags, io);
  });
  common(root.command('list').description('list your sessions')).action(
    async (flags: CommonFlags) => {
      await (await import('./commands/list.ts')).list(flags, io);
    },
  );
  sessionCommand(root, 'stop', "stop a session's instance: files stay, memory does not").action(
    async (flags: SessionFlags) => {
      await (await import('./commands/stop.ts')).stop(flags, io);
    },
  );
  sessionCommand(root, 'delete', 'delete a session with its instance and disk')
    .option('--yes', 'do not ask')
    .action(async (flags: SessionFlags & { yes?: true }) => {
      await (await import('./commands/delete.ts')).deleteSession(flags, io);
    });
  root
    .command('emulator')
    .description('run the Google Cloud emulator alone, until Ctrl-C')
    .option('--json', 'one JSON object a line')
    .addOption(new Option('--until-detached', 'end with the last client').hideHelp())
    .action(async (flags: { json?: true; untilDetached?: true }) => {
      await (await import('./commands/emulator.ts')).emulator(flags, io);
    });
  return root;
}

function sessionCommand(root: Command, name: string, description: string): Command {
  return common(root.command(name).description(description)).option(
    '--name <name>',
    'which of your sessions',
    'default',
  );
}

function common(command: Command): Command {
  return command
    .option('--emulator', 'use the Google Cloud emulator on this machine')
    .option('--json', 'one JSON object a line')
    .option('--quiet', 'say only what went wrong');
}

function port(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= 65535) return number;
  throw new InvalidArgumentError('Not a port: give a number from 1 to 65535.');
}

function render(error: unknown, isJson: boolean, io: Io): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    // Commander has told a person already.
    if (isJson) say('error', error.message, isJson, io);
    return EXIT.error;
  }
  if (error instanceof Interrupted || io.interrupt.aborted) {
    say('interrupted', 'Interrupted.', isJson, io);
    return EXIT.interrupted;
  }
  if (error instanceof ClientError) {
    say('error', error.message, isJson, io);
    return EXIT.error;
  }
  if (isOfTheMachine(error)) {
    const advice =
      'Check that the folder can be written and has room (DATALAB_STATE_DIR moves ours).';
    say('error', `${error.message}. ${advice}`, isJson, io);
    return EXIT.error;
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say('bug', isJson ? messageOf(error) : `This is a bug in datalab-client.\n${trace}`, isJson, io);
  return EXIT.bug;
}

function say(event: string, message: string, isJson: boolean, io: Io): void {
  if (isJson) io.stdout.write(`${JSON.stringify({ event, message })}\n`);
  else io.stderr.write(`${event === 'error' ? 'datalab-client: ' : ''}${message}\n`);
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

/** A disk that is full or may not be written is nobody's bug. */
function isOfTheMachine(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && MACHINE_ERRORS.includes(String(error.code));
}
