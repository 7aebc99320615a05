// `datalab-client start`: session, tunnel, UI server and relay, then waiting for Ctrl-C.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';
import { sessionName, type SessionView } from '../../functions/contract.ts';
import { connectBackend, type Backend } from '../backend.ts';
import { openBrowser } from '../browser.ts';
import { systemClock } from '../clock.ts';
import { checkContentFolder, folderPrefix } from '../content-folder.ts';
import { ClientError, messageOf } from '../errors.ts';
import { checkGateway } from '../gateway-check.ts';
import { openTunnelAs } from '../identity/tunnel.ts';
import type { Io } from '../io.ts';
import { startUiServer, type UiServer } from '../jupyter/ui-server.ts';
import { createProgress, type Progress } from '../output/progress.ts';
import type { AgentAccess } from '../relay/agent-link.ts';
import { listen } from '../relay/ports.ts';
import { startRelay, type Relay } from '../relay/relay.ts';
import { settleSession } from '../settle-session.ts';
import { completeSettings, type CompleteSettings } from '../settings/complete.ts';
import { checkPlace } from '../settings/lookup.ts';
import { claimStart, type StartClaim, type StartKey } from '../start-claim.ts';
import type { Settings } from '../settings/settings.ts';
import type { Flags } from '../flags.ts';
import type { Call } from '../verbs.ts';
import { followOtherStart } from './start-follow.ts';
import { preparePrograms, type Programs } from './start-programs.ts';
import { untilGone } from './start-watch.ts';
import {
  commandToComeBack,
  sayEnd,
  sayReady,
  signInLines,
  signInStage,
  type ReadyEvent,
} from './start-words.ts';

const DEFAULT_PORT = 8081;
const GATEWAY_PATIENCE_SECONDS = 120;

/** What `start` and what belongs to it go by. */
export type StartOptions = Pick<Flags, 'emulator' | 'json' | 'quiet'> &
  Pick<Settings, 'name' | 'ui' | 'port' | 'browser'> & {
    /** As it was given. */
    contentDir: string | undefined;
  };

export async function start({ argument, flags: given }: Call, io: Io): Promise<void> {
  const settings = await completeSettings(given, io);
  const { name, ui, port, browser } = settings;
  const flags: StartOptions = { ...given, name, ui, port, browser, contentDir: argument };
  checkName(name);
  const folder = checkContentFolder(argument ?? settings.contentDir ?? '.', io.cwd);
  const backend = given.emulator ? 'emulator' : settings.apiUrl;
  const key: StartKey = { stateDir: settings.stateDir, backend, session: name, folder };
  for (;;) {
    using claim = claimStart(key);
    if (claim) {
      await run(folder, claim, settings, flags, io);
      return;
    }
    if ((await followOtherStart(key, flags, io)) === 'was ready') return;
  }
}

async function run(
  folder: string,
  claim: StartClaim,
  settings: CompleteSettings,
  flags: StartOptions,
  io: Io,
): Promise<void> {
  // Before a machine is started, and paid for, that nobody could reach.
  if (flags.port !== undefined) await checkPort(flags.port);
  using progress = createProgress(flags, io);
  const programs = await preparePrograms(flags, settings.stateDir, progress, io);
  await using backend = await progress.stage(flags.emulator ? 'Emulator' : 'Sign-in', (stage) =>
    connectBackend(settings, io, flags.quiet ? undefined : signInStage(stage)),
  );
  if (!settings.emulator) await checkPlace(settings, backend.credentials, io.interrupt);
  await using parts = new AsyncDisposableStack();
  // The pages take a second to start, the machine longer: both at once.
  const [{ session, agent }, ui] = await together(
    (signal) => reachGateway(backend, flags, progress, signal, io),
    (signal) => startUi(folder, flags, programs, backend, progress, parts, signal, io),
    io.interrupt,
  );
  const relay = await startRelay({
    port: flags.port ?? DEFAULT_PORT,
    isPortFixed: flags.port !== undefined,
    token: randomBytes(24).toString('hex'),
    folder: folderPrefix(folder),
    agent,
    ui,
    clock: systemClock,
    onBug: (error) => io.stderr.write(`A bug in the relay: ${messageOf(error)}\n`),
  });
  parts.defer(() => relay.close());
  const ready = readyEvent(session, relay, ui);
  claim.announce(ready);
  try {
    sayReady(ready, flags, io);
    backend.credentials.followSignIn(signInLines(flags, io));
    if (ready.ui && flags.browser) parts.use(openBrowser(ready.ui.url, claim.folder, io));
    await untilEnd(backend, session, ui, flags, io);
  } finally {
    claim.withdraw();
  }
  sayEnd(session, flags, io);
}

function checkName(name: string): void {
  const checked = sessionName.safeParse(name);
  if (!checked.success)
    throw new ClientError(`--name ${name}: ${checked.error.issues[0]?.message ?? ''}`);
}

/** @throws PortError when something else has the port */
async function checkPort(port: number): Promise<void> {
  const probe = createServer();
  await listen(probe, { port, isPortFixed: true });
  await new Promise((resolve) => probe.close(resolve));
}

/** The session running and its gateway answering through the tunnel. */
async function reachGateway(
  backend: Backend,
  flags: StartOptions,
  progress: Progress,
  signal: AbortSignal,
  io: Io,
): Promise<{ session: SessionView; agent: AgentAccess }> {
  const session = await progress.stage('Session', async (stage) => {
    const begun = await backend.api.createSession({ name: flags.name });
    return await settleSession(backend.api, begun, 'READY', stage, signal);
  });
  const agent = await progress.stage('Tunnel', async (stage) => {
    const { accessToken, tunnel } = await backend.api.connect(session.id);
    const access: AgentAccess = {
      accessToken,
      connect: () => openTunnelAs(backend.credentials, { url: backend.iapUrl, target: tunnel }),
    };
    await checkGateway(access, stage, {
      patienceSeconds: GATEWAY_PATIENCE_SECONDS,
      elapsed: io.elapsed,
      clock: systemClock,
      signal,
    });
    return access;
  });
  return { session, agent };
}

async function startUi(
  folder: string,
  flags: StartOptions,
  programs: Programs,
  backend: Backend,
  progress: Progress,
  parts: AsyncDisposableStack,
  signal: AbortSignal,
  io: Io,
): Promise<UiServer | undefined> {
  const program = programs.ui;
  if (flags.ui !== 'process' || !program) return undefined;
  return await progress.stage('Notebooks', async () => {
    const ui = await startUiServer({
      contentDir: folder,
      stateDir: path.join(backend.settings.stateDir, 'ui'),
      program,
      environment: { ...io.env },
      isRoot: process.getuid?.() === 0,
      clock: systemClock,
      signal,
    });
    parts.defer(() => ui.stop());
    return ui;
  });
}

function readyEvent(session: SessionView, relay: Relay, ui: UiServer | undefined): ReadyEvent {
  return {
    event: 'ready',
    session,
    gateway: { url: relay.origin, token: relay.token },
    ui: ui ? { url: relay.url } : null,
  };
}

/** Returns at Ctrl-C; throws when something that the user needs has gone away. */
async function untilEnd(
  backend: Backend,
  session: SessionView,
  ui: UiServer | undefined,
  flags: StartOptions,
  io: Io,
): Promise<void> {
  const watching = new AbortController();
  const again = `Come back with: ${commandToComeBack(flags, io)}`;
  const interrupted = io.interrupt.aborted
    ? Promise.resolve()
    : once(io.interrupt, 'abort').then(() => undefined);
  const lost = backend.lost.then((reason) => {
    throw new ClientError(`${reason} ${again}`);
  });
  const pagesGone = ui?.ended.then(({ code, lastLines }) => {
    throw new ClientError(
      `The notebook server ended by itself with status ${code}.\n${lastLines}\n${again}`,
    );
  });
  const gone = untilGone(backend.api, session, watching.signal).then((reason) => {
    throw new ClientError(`${reason} ${again}`);
  });
  // Nobody listens any more when another one has won.
  gone.catch(() => undefined);
  try {
    await Promise.race([interrupted, lost, gone, ...(pagesGone ? [pagesGone] : [])]);
  } finally {
    watching.abort();
  }
}

/**
 * Both results. When one fails, the other is told to give up and waited for, so that nothing goes on behind our
 * back; what failed first is thrown.
 */
async function together<A, B>(
  a: (signal: AbortSignal) => Promise<A>,
  b: (signal: AbortSignal) => Promise<B>,
  interrupt: AbortSignal,
): Promise<[A, B]> {
  const failure = new AbortController();
  const signal = AbortSignal.any([interrupt, failure.signal]);
  const orGiveUp = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(signal);
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  };
  const [first, second] = await Promise.allSettled([orGiveUp(a), orGiveUp(b)]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled')
    return [first.value, second.value];
  throw failure.signal.reason;
}
