// Session, tunnel, UI server and relay, and then whatever happens until the end: what `start` and `connect` share. reach.ts
// gets the session, keep.ts follows it; the words are in start-words.ts.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connectBackend, type Backend } from '../backend.ts';
import { systemClock } from '../clock.ts';
import { folderPrefix } from '../content-folder.ts';
import { ClientError, Interrupted, messageOf } from '../errors.ts';
import type { SignInCallbacks } from '../identity/sign-in-again.ts';
import type { Io } from '../io.ts';
import type { UiServer } from '../jupyter/ui-answers.ts';
import { onEnter } from '../keyboard.ts';
import { createProgress } from '../output/progress.ts';
import { listen } from '../relay/ports.ts';
import { startRelay, type Relay } from '../relay/relay.ts';
import type { CompleteSettings } from '../settings/complete.ts';
import { checkPlace } from '../settings/lookup.ts';
import type { SessionAccess } from './access.ts';
import { keepSession, type KeepOptions } from './keep.ts';
import { createLiveLine, type LiveLine } from './live-line.ts';
import { Live } from './live.ts';
import { reachSession, type Begun } from './reach.ts';
import { findUi } from './choose-ui.ts';
import { startPages } from './start-pages.ts';
import { isInteractive, type StartOptions } from './start-options.ts';
import { preparePrograms } from './start-programs.ts';
import {
  commandToComeBack,
  interruptedWords,
  leftBehindWords,
  sayEnd,
  signInStage,
  type ReadyEvent,
} from './start-words.ts';
import { together } from './together.ts';
import { readEarlierRelays, rememberRelay } from './earlier-relays.ts';
import type { StartClaim } from './start-claim.ts';

const DEFAULT_PORT = 8081;

export interface Serving {
  /** CONTENT_DIR, checked. */
  folder: string;
  settings: CompleteSettings;
  options: StartOptions;
  /** Where the relay keeps what outlives it. */
  claim: Pick<StartClaim, 'channelsDir' | 'relaysFile'>;
  /** Says so; `say` is for what comes later. What it returns is disposed of before the relay ends. */
  onReady: (ready: ReadyEvent, say: (line: string) => void) => Disposable;
}

/** Returns at Ctrl-C, and where nobody sits also when the session sleeps. @throws ClientError, Interrupted */
export async function serve(serving: Serving, io: Io): Promise<void> {
  const begun: Begun = { isAsked: false, isServed: false };
  try {
    await run(serving, begun, io);
  } catch (error) {
    if (!io.interrupt.aborted) throw error;
    throw new Interrupted(interruptedWords(begun, serving.options, io));
  }
}

async function run(serving: Serving, begun: Begun, io: Io): Promise<void> {
  const { folder, settings, options } = serving;
  // Before a machine is started, and paid for, that nobody could reach.
  if (options.port !== undefined) await checkPort(options.port);
  using progress = createProgress(options, io);
  const choice = await findUi(options, io);
  const { stateDir } = settings;
  const programs = await preparePrograms(options, choice.kind, stateDir, progress, io);
  const [name, what] = backendStage(options);
  await using backend = await progress.stage(name, async (stage) => {
    stage.say(what);
    return await connectBackend(settings, io, options.quiet ? undefined : signInStage(stage));
  });
  if (!settings.emulator && !settings.local) await checkPlace(settings, backend.credentials, io);
  await using parts = new AsyncDisposableStack();
  const heard: Heard = { onDown: () => undefined, say: () => undefined };
  const say = (text: string) => {
    heard.say(text);
  };
  const baseImage = settings.uiBaseImage;
  const pages = { folder, choice, programs, stateDir, baseImage, parts, say };
  try {
    // The pages take a second to start, the machine longer: both at once.
    const [{ session, access }, ui] = await together(
      (signal) => reachSession(backend, begun, progress, signal, io),
      (signal) => startPages(pages, progress, signal, io),
      io.interrupt,
    );
    begun.session = session;
    await serveSession({ ...serving, begun, backend, session, access, ui }, parts, heard, io);
  } catch (error) {
    if (!(error instanceof ClientError) || io.interrupt.aborted || begun.isServed) throw error;
    throw new ClientError(error.message + leftBehindWords(begun, options, io), { cause: error });
  }
}

function backendStage({ emulator, local }: StartOptions): [name: string, what: string] {
  if (local) return ['Engine', 'Docker on this machine'];
  return emulator ? ['Emulator', 'the emulated cloud to start'] : ['Sign-in', 'who you are'];
}

type Everything = Serving & {
  begun: Begun;
  backend: Backend;
  session: Live['state']['session'];
  access: SessionAccess;
  ui: UiServer | undefined;
};

async function serveSession(
  all: Everything,
  parts: AsyncDisposableStack,
  heard: Heard,
  io: Io,
): Promise<void> {
  const { options, session, begun } = all;
  const relay = await openRelay(all, heard);
  parts.defer(() => relay.close());
  const say = (text: string) => {
    heard.say(text);
  };
  parts.use(all.onReady(readyEvent(all, relay), say));
  begun.isServed = true;
  const first = { session, connection: 'up', isWakeable: false } as const;
  const line = parts.use(createLiveLine(options, first, io));
  heard.say = (text) => {
    line.note(text);
  };
  const live = new Live(first, (state) => {
    begun.session = state.session;
    line.show(state);
  });
  all.backend.credentials.followSignIn(signInLive(live, line));
  const keep = (signal: AbortSignal) => keepSession(keeping(all, relay, live, heard, io), signal);
  const isAsleep = await untilEnd(all, keep, io);
  line[Symbol.dispose]();
  sayEnd(live.state.session, isAsleep, options, io);
}

/** A sign-in that ends is said once; until it is given again, the line shows what to do. */
function signInLive(live: Live, line: LiveLine): SignInCallbacks {
  return {
    onNeeded: (signInCommand, reason) => {
      line.note(reason);
      live.update({ signInCommand });
    },
    onBack: () => {
      live.update({ signInCommand: undefined });
    },
  };
}

/** What the relay, the browser and the pages have to say, to whoever listens by then. */
interface Heard {
  /** A request has not got through to the agent. */
  onDown: () => void;
  say: (text: string) => void;
}

async function openRelay(all: Everything, heard: Heard): Promise<Relay> {
  const { options, access, ui, folder, claim } = all;
  const earlier = readEarlierRelays(claim.relaysFile, Date.now());
  const relay = await startRelay({
    // Pages that were open when the last one died ask there.
    port: options.port ?? earlier[0]?.port ?? DEFAULT_PORT,
    isPortFixed: options.port !== undefined,
    token: randomBytes(24).toString('base64url'),
    earlierTokens: earlier.map(({ digest }) => digest),
    folder: folderPrefix(folder),
    channelsDir: claim.channelsDir,
    agent: access,
    ui,
    clock: systemClock,
    onState: (state) => {
      if (state === 'down') heard.onDown();
    },
    onTrouble: (words) => {
      heard.say(words);
    },
    onBug: (error) => {
      heard.say(`A bug in the relay: ${messageOf(error)}`);
    },
  });
  rememberRelay(claim.relaysFile, relay, Date.now());
  return relay;
}

function keeping(
  { backend, session, access, options }: Everything,
  relay: Relay,
  live: Live,
  heard: Heard,
  io: Io,
): KeepOptions {
  return {
    ...{ api: backend.api, session, access, live, now: io.now },
    probe: () => relay.probe(),
    onEnter: isInteractive(options, io) ? (callback) => onEnter(io, callback) : undefined,
    onConnection: (connection) => {
      heard.onDown = () => {
        connection.check();
      };
    },
  };
}

function readyEvent({ session, ui }: Everything, relay: Relay): ReadyEvent {
  return {
    event: 'ready',
    session,
    gateway: { url: relay.origin, token: relay.token },
    ui: ui ? { url: relay.url } : null,
  };
}

/** @throws PortError when something else has the port */
async function checkPort(port: number): Promise<void> {
  const probe = createServer();
  await listen(probe, { port, isPortFixed: true });
  await new Promise((resolve) => probe.close(resolve));
}

/** Whether it has ended by the session's sleep; at Ctrl-C it has not. @throws when something has gone that is needed */
async function untilEnd(
  { backend, ui, options }: Everything,
  keep: (signal: AbortSignal) => Promise<unknown>,
  io: Io,
): Promise<boolean> {
  const again = `Come back with: ${commandToComeBack(options, io)}`;
  const interrupted = io.interrupt.aborted
    ? Promise.resolve(false)
    : once(io.interrupt, 'abort').then(() => false);
  const lost = backend.lost.then((reason) => {
    throw new ClientError(`${reason} ${again}`);
  });
  const pagesGone = ui?.ended.then(({ code, lastLines }) => {
    throw new ClientError(
      `The notebook server ended by itself with status ${code}; the kernels go on.\n${lastLines}\n${again}`,
    );
  });
  const over = new AbortController();
  const kept = keep(AbortSignal.any([over.signal, io.interrupt])).then(() => true);
  // Nobody listens any more when another one has won.
  kept.catch(() => undefined);
  try {
    return await Promise.race([interrupted, lost, kept, ...(pagesGone ? [pagesGone] : [])]);
  } finally {
    over.abort();
  }
}
