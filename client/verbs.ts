// The verbs: what each takes, says in its help, and which file does it. main.ts makes the command line of it; the files
// in commands/ are loaded when their verb is asked for, and no sooner.
import {
  CONNECTION_FLAGS,
  CREATE_FLAGS,
  NAME_FLAG,
  OUTPUT_FLAGS,
  PORT_FLAG,
  type FlagDeclaration,
  type Flags,
} from './flags.ts';
import type { Io } from './io.ts';

/** What a command gets: its argument, if it has one, and the flags as they were given. */
export interface Call {
  argument: string | undefined;
  flags: Flags;
}

export interface Verb {
  /** A second word, as in `image build`, is a verb of the group that the first names. */
  name: string;
  summary: string;
  argument?: { spec: string; help: string; choices?: readonly string[] };
  flags: readonly FlagDeclaration[];
  examples: readonly { line: string; does: string }[];
  load: () => Promise<(call: Call, io: Io) => Promise<void>>;
}

const YES: FlagDeclaration = { spec: '--yes', help: 'do not ask' };
const CONTENT_DIR = {
  spec: '[CONTENT_DIR]',
  help: 'folder with your notebooks (default: this folder)',
};

export const VERBS: readonly Verb[] = [
  {
    name: 'start',
    summary: 'start or wake a session and open its notebooks',
    argument: CONTENT_DIR,
    flags: [
      NAME_FLAG,
      ...CREATE_FLAGS,
      {
        spec: '--ui <how>',
        help: 'where the pages come from (default: process)',
        choices: ['process', 'none'],
      },
      PORT_FLAG,
      { spec: '--no-browser', help: 'do not open a browser' },
      ...CONNECTION_FLAGS,
      ...OUTPUT_FLAGS,
    ],
    examples: [
      { line: 'start', does: 'this folder, the session named default' },
      { line: 'start ~/notebooks --name train --machine-type n2-highmem-8', does: 'a larger one' },
      { line: 'start --emulator', does: 'everything on this machine, no account needed' },
    ],
    load: async () => (await import('./commands/start.ts')).start,
  },
  {
    name: 'status',
    summary: 'show one session, or the settings and where they come from',
    flags: [
      NAME_FLAG,
      { spec: '--settings', help: 'each setting, its value and where it comes from' },
      ...CONNECTION_FLAGS,
      ...OUTPUT_FLAGS,
    ],
    examples: [
      { line: 'status --name train', does: 'state, instance, kernels, when it sleeps' },
      { line: 'status --settings', does: 'what this program would use, without calling anybody' },
    ],
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'list',
    summary: 'list your sessions',
    flags: [...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [
      { line: 'list', does: 'a line for each' },
      { line: 'list --json | jq -r .name', does: 'for scripts' },
    ],
    load: async () => (await import('./commands/list.ts')).list,
  },
  {
    name: 'stop',
    summary: "stop a session's instance: files stay, memory does not",
    flags: [NAME_FLAG, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [{ line: 'stop --name train', does: 'nothing but its disk is paid for' }],
    load: async () => (await import('./commands/stop.ts')).stop,
  },
  {
    name: 'delete',
    summary: 'delete a session with its instance and disk',
    flags: [NAME_FLAG, YES, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [{ line: 'delete --name train --yes', does: 'without asking' }],
    load: async () => (await import('./commands/delete.ts')).deleteSession,
  },
  {
    name: 'emulator',
    summary: 'run the Google Cloud emulator alone, until Ctrl-C',
    flags: [
      ...OUTPUT_FLAGS.slice(0, 1),
      { spec: '--until-detached', help: 'end with the last client', isHidden: true },
    ],
    examples: [{ line: 'emulator', does: 'prints the URL of each emulated API' }],
    load: async () => (await import('./commands/emulator.ts')).emulator,
  },
];
