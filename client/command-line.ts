// The command line as commander reads it, made of the table of verbs. main.ts hands it the words; a verb runs in here.
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { EXIT, UsageError } from './errors.ts';
import type { FlagDeclaration, Flags } from './flags.ts';
import type { Io } from './io.ts';
import { examplesOf, groupOf, HELP, ROOT_FOOTER, widthOfHelp } from './output/help.ts';
import { GROUPS, VERBS, type Verb } from './verbs.ts';

/**
 * Runs the verb that the words name, or prints the help that they ask for.
 * @returns the exit code
 * @throws UsageError, and whatever the verb throws
 */
export async function runCommandLine(
  argv: readonly string[],
  version: string,
  io: Io,
): Promise<number> {
  try {
    await program(version, io).parseAsync(withHelpLast(argv), { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    // What is left of commander's errors: help was printed, asked for or instead of nothing.
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
}

/** `help image build` is `image build --help`; help on a command that is not there is an error. */
function withHelpLast(argv: readonly string[]): string[] {
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  return isCommand(words) ? words : words.filter((word) => word !== '--help' && word !== '-h');
}

/** Nothing but flags is one: the program's own. */
function isCommand([first = '-', second = '-']: readonly string[]): boolean {
  if (first.startsWith('-')) return true;
  const names = VERBS.map(({ name }) => name.split(' ')).filter(([name]) => name === first);
  const isGroup = names.some((name) => name.length > 1);
  if (!isGroup || second.startsWith('-')) return names.length > 0;
  return names.some((name) => name[1] === second);
}

function program(version: string, io: Io): Command {
  const root = new Command('datalab-client')
    .description('Notebooks on your own machine, their kernels on a VM in your team’s project.')
    .usage('COMMAND [flags]')
    .optionsGroup('Flags:')
    .version(version, '-V, --version', 'show the version')
    .helpCommand(false)
    .addHelpOption(helpFlag('Flags:'))
    .commandsGroup('Commands:')
    .configureHelp(HELP)
    .addHelpText('after', ROOT_FOOTER)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // main.ts says what went wrong, once.
      outputError: () => undefined,
      getOutHelpWidth: () => widthOfHelp(io),
      getErrHelpWidth: () => widthOfHelp(io),
    });
  root.exitOverride((error) => refuse(error));
  const groups = new Map<string, Command>();
  for (const verb of VERBS) {
    const [first = '', second] = verb.name.split(' ');
    const parent = second === undefined ? root : groupNamed(first, groups, root);
    addVerb(parent.command(second ?? first), verb, io);
  }
  return root;
}

function groupNamed(name: string, groups: Map<string, Command>, root: Command): Command {
  const known = groups.get(name);
  if (known) return known;
  const group = root
    .command(name)
    .usage('COMMAND [flags]')
    .summary(GROUPS[name] ?? '')
    .description(sentence(GROUPS[name] ?? ''))
    .helpCommand(false)
    .addHelpOption(helpFlag('Flags:'))
    .commandsGroup('Commands:');
  groups.set(name, group);
  return group;
}

function addVerb(command: Command, verb: Verb, io: Io): void {
  command
    .description([sentence(verb.summary), ...(verb.about ? ['', verb.about] : [])].join('\n'))
    .summary(verb.summary)
    .usage([verb.argument?.spec ?? '', '[flags]'].join(' ').trim())
    .addHelpOption(helpFlag('Output:'))
    .addHelpText('after', examplesOf(verb))
    .exitOverride((error) => refuse(error, verb));
  for (const flag of verb.flags) command.addOption(optionOf(flag));
  if (!verb.argument) {
    command.action((flags: Flags) => run(verb, undefined, flags, io));
    return;
  }
  command
    .addArgument(argumentOf(verb.argument))
    .action((given: string | undefined, flags: Flags) => run(verb, given, flags, io));
}

function helpFlag(group: string): Option {
  return new Option('-h, --help', 'show this help').helpGroup(group);
}

function sentence(text: string): string {
  return text === '' ? '' : `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function argumentOf({ spec, help, choices }: NonNullable<Verb['argument']>): Argument {
  const argument = new Argument(spec, help);
  return choices ? argument.choices(choices).argParser(oneOf(choices)) : argument;
}

function optionOf(flag: FlagDeclaration): Option {
  const { spec, help, choices, isHidden } = flag;
  const option = new Option(spec, help).hideHelp(isHidden === true).helpGroup(groupOf(flag));
  return choices ? option.choices(choices).argParser(oneOf(choices)) : option;
}

function oneOf(choices: readonly string[]) {
  return (value: string): string => {
    if (choices.includes(value)) return value;
    throw new InvalidArgumentError(`must be one of: ${choices.join(', ')}`);
  };
}

async function run(verb: Verb, argument: string | undefined, flags: Flags, io: Io): Promise<void> {
  const command = await verb.load();
  await command({ argument, flags }, io);
}

/** Commander's error in our words; help and version, which end it too, are handed on. */
function refuse(error: CommanderError, verb?: Verb): never {
  if (error.exitCode === 0 || error.code === 'commander.help') throw error;
  throw new UsageError(`${wordsOf(error)}${hintOf(error, verb)}`);
}

/** `option '--ui <how>' argument 'x' is invalid. …`: the value and the flag; everything else as commander says it. */
function wordsOf({ message }: CommanderError): string {
  return message
    .replace(/^error: /, '')
    .replace(/^option '(\S+).*?' argument '(.*)' is invalid\. /s, '$1 $2: ')
    .replace(/^command-argument value '(.*)' is invalid for argument '(\S+)'\. /s, '$1: ')
    .replace(/^option '(.+)' argument missing/, '$1: the value is missing')
    .replace(/^unknown option/, 'unknown flag')
    .replace(/Did you mean one of (.+), (\S+)\?/, 'Did you mean $1 or $2?');
}

function hintOf({ code, message }: CommanderError, verb: Verb | undefined): string {
  const help = `datalab-client ${verb ? `${verb.name} ` : ''}--help`;
  if (message.includes('Did you mean')) return '';
  if (code === 'commander.excessArguments' && verb?.flags.some(({ spec }) => /^--name /.test(spec)))
    return ` A session is chosen with --name. See: ${help}`;
  if (code === 'commander.unknownOption' && !verb)
    return `: flags come after the command. See: ${help}`;
  return `${message.endsWith('.') ? '' : '.'} See: ${help}`;
}
