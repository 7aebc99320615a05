// What `start` says when it is ready and when it ends.
import type { SessionView } from '../../functions/contract.ts';
import type { SignInCallbacks } from '../identity/sign-in-again.ts';
import type { Io } from '../io.ts';
import type { Stage } from '../output/progress.ts';
import type { StartOptions } from './start.ts';

/** The line that scripts wait for. */
export interface ReadyEvent {
  event: 'ready';
  session: SessionView;
  /** The relay: any Jupyter front-end can use it as its gateway. */
  gateway: { url: string; token: string };
  ui: { url: string } | null;
}

export function sayReady(ready: ReadyEvent, flags: StartOptions, io: Io): void {
  if (flags.json) {
    io.stdout.write(`${JSON.stringify(ready)}\n`);
    return;
  }
  const url = ready.ui?.url ?? `${ready.gateway.url}/?token=${ready.gateway.token}`;
  if (flags.quiet) {
    io.stdout.write(`${url}\n`);
    return;
  }
  const what = ready.ui ? 'Notebooks' : 'Gateway';
  io.stderr.write('\n');
  io.stdout.write(`${what}: ${url}\n`);
  const instance = ready.session.instance?.name ?? 'the instance';
  io.stderr.write(`Kernels run on ${instance}. Ctrl-C ends this program.\n`);
}

export function sayEnd(session: SessionView, flags: StartOptions, io: Io): void {
  if (flags.quiet) return;
  const lines = flags.emulator
    ? [
        'The emulator ends when nobody uses it any more. For its instances that is a power cut:',
        'files are kept, kernels and their variables are not.',
      ]
    : [`Session ${session.name} goes on without you, and its kernels with it.`];
  lines.push(`Come back with: ${commandToComeBack(flags, io)}`);
  if (flags.json)
    io.stdout.write(`${JSON.stringify({ event: 'ended', message: lines.join(' ') })}\n`);
  else io.stderr.write(`\n${lines.join('\n')}\n`);
}

/** As this program was called: through npm in a clone, or by its name. */
export function commandToComeBack(flags: StartOptions, { env }: Io): string {
  const through = env['npm_lifecycle_event'];
  if (through === 'start') return 'npm start';
  const words = [...(through === 'npx' ? ['npx'] : []), 'datalab-client start'];
  if (flags.emulator) words.push('--emulator');
  if (flags.name !== 'default') words.push(`--name ${flags.name}`);
  if (flags.contentDir !== undefined) words.push(`'${flags.contentDir}'`);
  return words.join(' ');
}

/** While stages are shown, the one that needs somebody says so. */
export function signInStage(stage: Stage): SignInCallbacks {
  return {
    onNeeded: (command) => {
      stage.say(`sign in again with: ${command}`);
    },
    onBack: () => {
      stage.say('signed in again');
    },
  };
}

/** Afterwards, when a sign-in ends. */
export function signInLines(flags: StartOptions, io: Io): SignInCallbacks {
  const say = (event: object, text: string) => {
    if (flags.json) io.stdout.write(`${JSON.stringify(event)}\n`);
    else io.stderr.write(`\n${text}\n`);
  };
  return {
    onNeeded: (command, reason) => {
      say(
        { event: 'signInNeeded', command, message: reason },
        `${reason}\nOpen notebooks go on as long as their connection lasts. Sign in again, in another terminal, with:\n  ${command}`,
      );
    },
    onBack: () => {
      say({ event: 'signedIn', message: 'Signed in again.' }, 'Signed in again.');
    },
  };
}
