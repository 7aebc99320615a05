// The verbs: what each takes, says in its help, and which file does it. main.ts makes the command line of it; the files
// in commands/ are loaded when their verb is asked for, and no sooner.
import {
  CONNECTION_FLAGS,
  CREATE_FLAGS,
  LOCAL_FLAG,
  NAME_FLAG,
  OUTPUT_FLAGS,
  OWNER_FLAG,
  PORT_FLAG,
  RUNTIME_FLAG,
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
  /** What else a person must know before they use it: below the summary in its own help. */
  about?: string;
  argument?: { spec: string; help: string; choices?: readonly string[] };
  flags: readonly FlagDeclaration[];
  examples: readonly { line: string; does: string }[];
  load: () => Promise<(call: Call, io: Io) => Promise<void>>;
}

const YES: FlagDeclaration = { spec: '--yes', help: 'do not ask' };
const BUILD_LOGS: FlagDeclaration = {
  spec: '--logs',
  help: 'show the log of the build as it comes',
};
const CONTENT_DIR = {
  spec: '[CONTENT_DIR]',
  help: 'folder with your notebooks (default: this folder)',
};

/** Of the first words that name a group. */
export const GROUPS: Readonly<Record<string, string>> = {
  image: 'show, build or extend the project’s gateway image',
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
        help: 'where pages come from: container, process or none',
        choices: ['container', 'process', 'none'],
      },
      PORT_FLAG,
      { spec: '--no-browser', help: 'do not open a browser' },
      LOCAL_FLAG,
      ...CONNECTION_FLAGS,
      ...OUTPUT_FLAGS,
    ],
    examples: [
      { line: 'start', does: 'this folder, the session named default' },
      { line: 'start ~/notebooks --name train --machine-type n2-highmem-8', does: 'a larger one' },
      { line: 'start --local', does: 'kernels on this machine, with your own credentials' },
      { line: 'start --emulator', does: 'everything on this machine, no account needed' },
    ],
    load: async () => (await import('./commands/start.ts')).start,
  },
  {
    name: 'connect',
    summary: 'connect VS Code, JupyterLab or scripts to the kernels',
    argument: CONTENT_DIR,
    flags: [
      NAME_FLAG,
      ...CREATE_FLAGS,
      PORT_FLAG,
      LOCAL_FLAG,
      ...CONNECTION_FLAGS,
      ...OUTPUT_FLAGS,
    ],
    examples: [
      { line: 'connect', does: 'prints what to paste; starts or wakes the session like start' },
      { line: 'connect ~/notebooks --name train', does: 'the kernels of that folder’s notebooks' },
    ],
    load: async () => (await import('./commands/connect.ts')).connect,
  },
  {
    name: 'status',
    summary: 'show one session, or where the settings come from',
    flags: [
      NAME_FLAG,
      OWNER_FLAG,
      { spec: '--settings', help: 'each setting, its value and where it comes from' },
      LOCAL_FLAG,
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
    about: 'An administrator sees everybody’s, with their owners.',
    flags: [LOCAL_FLAG, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [
      { line: 'list', does: 'a line for each' },
      { line: 'list --json | jq -r .name', does: 'for scripts' },
    ],
    load: async () => (await import('./commands/list.ts')).list,
  },
  {
    name: 'extend',
    summary: 'keep a session awake, whatever its kernels do',
    about:
      'For so long from now it does not go to sleep, and its lifetime ends no sooner. It never ' +
      'shortens what was promised before.',
    argument: { spec: '[TIME]', help: 'how long from now: 45m, 2h, 1d (default: 1h)' },
    flags: [NAME_FLAG, OWNER_FLAG, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [
      { line: 'extend', does: 'awake for the next hour' },
      { line: 'extend 3d --name train', does: 'over the weekend' },
    ],
    load: async () => (await import('./commands/extend.ts')).extend,
  },
  {
    name: 'suspend',
    summary: 'put a session to sleep now, with its memory',
    about:
      'Kernels keep their variables. A cell that runs is frozen where it is and goes on when ' +
      'the session wakes up: with start.',
    flags: [NAME_FLAG, OWNER_FLAG, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [{ line: 'suspend --name train', does: 'only its disk and memory are paid for' }],
    load: async () => (await import('./commands/suspend.ts')).suspend,
  },
  {
    name: 'stop',
    summary: 'switch off a session’s VM: files stay, memory does not',
    about:
      'While a kernel is busy it asks first; where nobody can be asked, it needs --yes then. To ' +
      'keep the kernels and their variables, suspend instead.',
    flags: [NAME_FLAG, OWNER_FLAG, YES, LOCAL_FLAG, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [
      { line: 'stop --name train', does: 'nothing but its disk is paid for' },
      { line: 'stop --yes', does: 'even if a kernel is busy, without asking' },
    ],
    load: async () => (await import('./commands/stop.ts')).stop,
  },
  {
    name: 'delete',
    summary: 'delete a session with its instance and disk',
    about:
      'It always asks first; where nobody can be asked, it needs --yes. Your notebooks stay: ' +
      'they are on your own machine. With --local what kernels keep elsewhere goes, too.',
    flags: [NAME_FLAG, OWNER_FLAG, YES, LOCAL_FLAG, ...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [
      { line: 'delete --name train', does: 'says what is running, and asks' },
      { line: 'delete --name train --yes', does: 'without asking' },
    ],
    load: async () => (await import('./commands/delete.ts')).deleteSession,
  },
  {
    name: 'logs',
    summary: 'show what the pages, a session or a build has printed',
    about:
      'Of a session: its gateway (Jupyter), its agent, and its machine (vm). Build is the last build ' +
      'of the gateway image, ui the notebook pages on this machine.',
    argument: {
      spec: '[WHAT]',
      help: 'gateway (default), agent, vm, build or ui',
      choices: ['ui', 'gateway', 'agent', 'build', 'vm'],
    },
    flags: [
      NAME_FLAG,
      OWNER_FLAG,
      { spec: '--lines <number>', help: 'so many of the last lines (default: 100)' },
      { spec: '--follow', help: 'go on with what comes, until Ctrl-C' },
      LOCAL_FLAG,
      ...CONNECTION_FLAGS,
      ...OUTPUT_FLAGS,
    ],
    examples: [
      { line: 'logs --follow', does: 'what Jupyter prints on the machine' },
      { line: 'logs vm --lines 20', does: 'the machine’s serial port, when nothing else answers' },
      { line: 'logs ui', does: 'the notebook pages on this machine' },
    ],
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  {
    name: 'image status',
    summary: 'show the project’s gateway image and its last build',
    about: 'Used by are your sessions; an administrator sees everybody’s.',
    flags: [...CONNECTION_FLAGS, ...OUTPUT_FLAGS],
    examples: [
      { line: 'image status', does: 'is it there, is it being built, why did it fail' },
      { line: 'image status --json | jq .sizeBytes', does: 'for scripts' },
    ],
    load: async () => (await import('./commands/image-status.ts')).imageStatus,
  },
  {
    name: 'image build',
    summary: 'have the gateway image built, and wait for it',
    about:
      'An image that is there stays, unless --force says otherwise, which only an administrator ' +
      'may. In place of one that was extended comes the plain one then: it asks first, or needs --yes. ' +
      'Sessions keep the image that they started with.',
    flags: [
      { spec: '--force', help: 'build it anew, in place of the one that is there' },
      BUILD_LOGS,
      { spec: '--follow', help: 'the same as --logs', isHidden: true },
      YES,
      ...CONNECTION_FLAGS,
      ...OUTPUT_FLAGS,
    ],
    examples: [
      { line: 'image build --logs', does: 'the first one of a project' },
      { line: 'image build --force', does: 'after docker/gateway has changed' },
    ],
    load: async () => (await import('./commands/image-build.ts')).imageBuild,
  },
  {
    name: 'image extend',
    summary: 'have packages added to the gateway image, and wait for it',
    about:
      'Builds an image on top of the one that is there, which takes its place: for administrators. ' +
      'New sessions have it; those that are there keep theirs until they are deleted. A Dockerfile has ' +
      'no files of its own, and begins with ARG BASE_IMAGE and FROM ${BASE_IMAGE}.',
    flags: [
      { spec: '--requirements <file>', help: 'packages to install, as pip takes them' },
      { spec: '--dockerfile <file>', help: 'what else to do, instead' },
      BUILD_LOGS,
      ...CONNECTION_FLAGS,
      ...OUTPUT_FLAGS,
    ],
    examples: [
      { line: 'image extend --requirements requirements.txt', does: 'pip install for everybody' },
      { line: 'image extend --dockerfile Dockerfile --logs', does: 'system packages, say' },
    ],
    load: async () => (await import('./commands/image-extend.ts')).imageExtend,
  },
  {
    name: 'emulator',
    summary: 'run the Google Cloud emulator alone, until Ctrl-C',
    flags: [
      RUNTIME_FLAG,
      ...OUTPUT_FLAGS.slice(0, 1),
      { spec: '--until-detached', help: 'end with the last client', isHidden: true },
    ],
    examples: [{ line: 'emulator', does: 'prints the URL of each emulated API' }],
    load: async () => (await import('./commands/emulator.ts')).emulator,
  },
];
