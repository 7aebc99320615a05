// main(argv, io) -> exit code: reads the command line, runs one verb, renders its failure.
import { Argument, Command, CommanderError, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { ClientError, EXIT, Interrupted, messageOf } from './errors.ts';
import type { FlagDeclaration, Flags } from './flags.ts';
import type { Io } from './io.ts';
import { VERBS, type Verb } from './verbs.ts';

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
  const groups = new Map<string, Command>();
  for (const verb of VERBS) {
    const [first = '', second] = verb.name.split(' ');
    const parent = second === undefined ? root : groupOf(root, groups, first);
    addVerb(parent.command(second ?? first), verb, io);
  }
  return root;
}

function groupOf(root: Command, groups: Map<string, Command>, name: string): Command {
  const known = groups.get(name);
  if (known) return known;
  const group = root.command(name);
  groups.set(name, group);
  return group;
}

function addVerb(command: Command, verb: Verb, io: Io): void {
  command.description(verb.summary);
  for (const flag of verb.flags) command.addOption(optionOf(flag));
  if (!verb.argument) {
    command.action((flags: Flags) => run(verb, undefined, flags, io));
    return;
  }
  const { spec, help, choices } = verb.argument;
  const argument = new Argument(spec, help);
  command
    .addArgument(choices ? argument.choices(choices) : argument)
    .action((given: string | undefined, flags: Flags) => run(verb, given, flags, io));
}

function optionOf({ spec, help, choices, isHidden }: FlagDeclaration): Option {
  const option = new Option(spec, help).hideHelp(isHidden);
  return choices ? option.choices(choices) : option;
}

async function run(verb: Verb, argument: string | undefined, flags: Flags, io: Io): Promise<void> {
  const command = await verb.load();
  await command({ argument, flags }, io);
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
