// How the help looks: commander's, with the flags in groups, choices named shortly, and examples below.
import type { HelpConfiguration } from 'commander';
import { CONNECTION_FLAGS, CREATE_FLAGS, NAME_FLAG, OUTPUT_FLAGS, OWNER_FLAG } from '../flags.ts';
import type { FlagDeclaration } from '../flags.ts';
import type { Io } from '../io.ts';
import type { Verb } from '../verbs.ts';

const DEFAULT_COLUMNS = 80;
/** Longer lines are hard to read. */
const MAX_COLUMNS = 120;

export function widthOfHelp({ outputColumns, columns }: Io): number {
  return Math.min(outputColumns ?? columns ?? DEFAULT_COLUMNS, MAX_COLUMNS);
}

/** The heading that a flag stands under. */
export function groupOf(flag: FlagDeclaration): string {
  if (OUTPUT_FLAGS.includes(flag)) return 'Output:';
  if (CONNECTION_FLAGS.includes(flag)) return 'Where and who:';
  return [NAME_FLAG, OWNER_FLAG, ...CREATE_FLAGS].includes(flag) ? 'Session:' : 'Flags:';
}

export const HELP: HelpConfiguration = {
  subcommandTerm: (command) => {
    const [argument] = command.registeredArguments;
    const verbs = command.commands.map((verb) => verb.name()).join('|');
    const rest = argument ? `[${argument.name()}]` : verbs;
    return `${command.name()} ${rest}`.trimEnd();
  },
  optionDescription: ({ description, argChoices }) => withChoices(description, argChoices),
  argumentDescription: ({ description, argChoices }) => withChoices(description, argChoices),
};

/** Most descriptions name them in a sentence. */
function withChoices(description: string, choices: readonly string[] = []): string {
  const isNamed = choices.every((choice) => description.includes(choice));
  return isNamed ? description : `${description}: ${choices.join(', ')}`;
}

export const ROOT_FOOTER = `
Examples:
  datalab-client start --emulator      everything on this machine, no account
  datalab-client start ~/notebooks     a VM in your team’s project
  datalab-client list                  your sessions

Help of a command: datalab-client help start`;

/** Two lines each: one that can be copied, and what it does. */
export function examplesOf({ examples }: Pick<Verb, 'examples'>): string {
  const lines = examples.map(({ line, does }) => `  datalab-client ${line}\n      ${does}`);
  return `\nExamples:\n${lines.join('\n')}`;
}
