// What `start` and `connect` say when they are ready, when they end, and when they are interrupted on the way.
import type { SessionView } from '../../functions/contract.ts';
import type { SignInCallbacks } from '../identity/sign-in-again.ts';
import type { Io } from '../io.ts';
import type { Stage } from '../output/progress.ts';
import { formatDuration, formatRelative } from '../output/durations.ts';
import { kernelWords } from '../output/session-words.ts';
import { clockTime, restWords } from './live-words.ts';
import type { Begun } from './reach.ts';
import { quoted, type StartOptions } from './start-options.ts';

/** The line that scripts wait for. */
export interface ReadyEvent {
  event: 'ready';
  session: SessionView;
  /** The relay: any Jupyter front-end can use it as its gateway. */
  gateway: { url: string; token: string };
  ui: { url: string } | null;
}

export function sayReady(ready: ReadyEvent, options: StartOptions, io: Io): void {
  if (options.json) {
    io.stdout.write(`${JSON.stringify(ready)}\n`);
    return;
  }
  const url = ready.ui?.url ?? `${ready.gateway.url}/?token=${ready.gateway.token}`;
  if (options.quiet) {
    io.stdout.write(`${url}\n`);
    return;
  }
  const instance = ready.session.instance?.name ?? 'the instance';
  const end = `Ctrl-C ends this program${options.emulator ? '' : '; the kernels go on'}.`;
  if (ready.ui) {
    io.stderr.write('\n');
    io.stdout.write(`Notebooks: ${url}\n`);
    io.stderr.write(`Kernels run on ${instance}. ${end}\n`);
    return;
  }
  io.stderr.write(`\nKernels run on ${instance}, for any Jupyter front-end:\n\n`);
  io.stdout.write(`${pasteWords(ready.gateway, url)}\n`);
  io.stderr.write(`\n${end}\n`);
}

function pasteWords({ url: gateway, token }: ReadyEvent['gateway'], url: string): string {
  return [
    'VS Code ("Select Kernel", "Existing Jupyter Server..."):',
    `  ${url}`,
    'Your own JupyterLab or Notebook (whose end ends the kernels that it started):',
    `  export JUPYTER_GATEWAY_AUTH_TOKEN=${token}`,
    `  jupyter lab --gateway-url=${gateway}`,
    'A script:',
    `  curl -H 'Authorization: token ${token}' \\`,
    `    ${gateway}/api/kernels`,
  ].join('\n');
}

/** While stages are shown, the one that needs somebody says so. */
export function signInStage(stage: Stage): SignInCallbacks {
  return {
    onNeeded: (command) => {
      // Short, since a line that is drawn in place is cut at the terminal's width.
      stage.say(`sign in, run: ${command}`);
    },
    onBack: () => {
      stage.say('signed in again');
    },
  };
}

/** @param isAsleep it ends because the session sleeps; otherwise somebody has pressed Ctrl-C */
export function sayEnd(
  session: SessionView,
  isAsleep: boolean,
  options: StartOptions,
  io: Io,
): void {
  const lines = endWords(session, options, io);
  if (options.json) {
    const reason = isAsleep ? session.state : 'INTERRUPTED';
    const { sleepTime } = session.awake ?? {};
    const event = { event: 'ended', reason, message: lines.join(' '), sleepTime };
    io.stdout.write(`${JSON.stringify(event)}\n`);
  } else if (!options.quiet) {
    io.stderr.write(`\n${lines.join('\n')}\n`);
  }
}

function endWords(session: SessionView, options: StartOptions, io: Io): string[] {
  const back = `Come back with: ${commandToComeBack(options, io)}`;
  if (options.emulator) {
    const sleep = isAtRest(session) ? [`Session ${session.name} is ${session.state}.`] : [];
    return [
      ...sleep,
      'The emulator ends with its last user. For its instances that is a power cut:',
      'files are kept, kernels and their variables are not.',
      back,
    ];
  }
  if (isAtRest(session) || isLeaving(session)) {
    return [`Session ${session.name} is ${session.state}: ${restWords(session)}.`, back];
  }
  if (session.state === 'FAILED') {
    return [
      `Session ${session.name} is FAILED: ${session.error?.message ?? 'no reason given'}`,
      back,
    ];
  }
  return [
    `Session ${session.name} goes on without you, and its kernels with it (${kernelWords(session.kernels)}).`,
    options.local ? localEndWords(session, options) : sleepWords(session, io.now()),
    back,
  ];
}

/** What ends kernels on one's own machine: nothing by itself, unless that was asked for. */
function localEndWords(
  { kernels, idleTimeoutSeconds }: SessionView,
  options: StartOptions,
): string {
  const end = `End it now: ${commandFor('stop', options)}`;
  if (kernels.length === 0) return `Without a kernel it ends by itself in ten minutes. ${end}`;
  return idleTimeoutSeconds === 0
    ? `Its kernels stay until they are ended: ${commandFor('stop', options)}`
    : `After ${formatDuration(idleTimeoutSeconds)} without work they are ended. ${end}`;
}

function isAtRest({ state }: SessionView): boolean {
  return state === 'SUSPENDED' || state === 'STOPPED';
}

function isLeaving({ state }: SessionView): boolean {
  return state === 'SUSPENDING' || state === 'STOPPING';
}

/** When it sleeps if nobody does anything, and what is left then. */
export function sleepWords(session: SessionView, now: number): string {
  const { awake, idleTimeoutSeconds, idleAction, lifetimeEndTime } = session;
  const idle = formatDuration(idleTimeoutSeconds);
  const next =
    awake?.sleepTime === undefined ? '' : `, the next time ${timeWords(awake.sleepTime, now)}`;
  const end =
    lifetimeEndTime === undefined
      ? ''
      : ` At the latest it is suspended ${timeWords(lifetimeEndTime, now)}, busy or not.`;
  return `After ${idle} without activity it is ${ACTIONS[idleAction]}${next}.${end}`;
}

const ACTIONS: Record<SessionView['idleAction'], string> = {
  suspend: 'suspended, kernels and variables kept',
  stop: 'stopped, files kept, kernels gone',
  delete: 'deleted, with its kernels and its disk',
};

function timeWords(time: string, now: number): string {
  const at = Date.parse(time);
  return `at ${clockTime(at)} (${formatRelative(at, now)})`;
}

/** What Ctrl-C leaves behind before everything was ready. */
export function interruptedWords(begun: Begun, options: StartOptions, io: Io): string {
  const { isAsked, session } = begun;
  if (!isAsked) return 'Interrupted: no session was asked for.';
  if (!session) {
    return `Interrupted: session ${options.name} may have been asked for. See: ${commandFor('list', options)}`;
  }
  return `Interrupted.${leftBehindWords(begun, options, io)}`;
}

/** Empty when nothing goes on. */
export function leftBehindWords({ session }: Begun, options: StartOptions, io: Io): string {
  if (!session || session.want !== 'running' || session.state === 'FAILED') return '';
  if (isAtRest(session)) return '';
  if (options.emulator) {
    return `\nSession ${session.name} is ${session.state} in the emulator, which ends with its last user.`;
  }
  return [
    `\nSession ${session.name} is ${session.state} and goes on without you.`,
    ...(options.local ? [] : [sleepWords(session, io.now())]),
    `Go on with it: ${commandToComeBack(options, io)}`,
    `End it now: ${commandFor('stop', options)} (or delete)`,
  ].join('\n');
}

/** As this program was called: through npm in a clone, or by its name. */
export function commandToComeBack(options: StartOptions, io: Io): string {
  if (io.env['npm_lifecycle_event'] === 'start') return 'npm start';
  const folder = options.contentDir === undefined ? '' : ` ${quoted(options.contentDir)}`;
  return `${io.env['npm_lifecycle_event'] === 'npx' ? 'npx ' : ''}${commandFor(options.verb, options)}${folder}`;
}

function commandFor(verb: string, options: StartOptions): string {
  const words = ['datalab-client', verb, ...options.connectionFlags];
  // `start` finds it by the folder again, which may be named behind.
  const isFound = options.name === 'default' || (options.isNamedByFolder && verb === options.verb);
  if (!isFound && verb !== 'list') words.push(`--name ${options.name}`);
  return words.join(' ');
}
