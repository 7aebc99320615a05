// `datalab-client start`: session, tunnel, UI server and relay, then waiting for Ctrl-C.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import type { SessionView } from '../../functions/contract.ts';
import { openBackend, type Backend } from '../backend.ts';
import { openBrowser } from '../browser.ts';
import { systemClock } from '../clock.ts';
import { checkContentFolder, folderPrefix } from '../content-folder.ts';
import { ClientError } from '../errors.ts';
import { checkGateway } from '../gateway-check.ts';
import type { Io } from '../io.ts';
import { startUiServer, type UiServer } from '../jupyter/ui-server.ts';
import type { StartFlags } from '../main.ts';
import { createProgress, type Progress } from '../progress.ts';
import type { AgentAccess } from '../relay/agent-link.ts';
import { startRelay, type Relay } from '../relay/relay.ts';
import { settleSession } from '../settle-session.ts';
import { readSettings } from '../settings.ts';
import { claimStart, type StartKey } from '../start-claim.ts';
import { openTunnel } from '../tunnel/connection.ts';
import { followOtherStart } from './start-follow.ts';
import { preparePrograms, type Programs } from './start-programs.ts';
import { sayEnd, sayReady, type ReadyEvent } from './start-words.ts';

const DEFAULT_PORT = 8081;
const GATEWAY_PATIENCE_SECONDS = 120;

export async function start(
  contentDir: string | undefined,
  flags: StartFlags,
  io: Io,
): Promise<void> {
  const settings = readSettings(io);
  const folder = checkContentFolder(contentDir ?? settings.contentDir ?? '.', io.cwd);
  const backend = flags.emulator ? 'emulator' : (settings.apiUrl ?? '');
  const key: StartKey = { stateDir: settings.stateDir, backend, session: flags.name, folder };
  for (;;) {
    using claim = claimStart(key);
    if (claim) {
      await run(folder, flags, io, (ready) => {
        claim.announce(ready);
      });
      return;
    }
    if ((await followOtherStart(key, flags, io)) === 'was ready') return;
  }
}

async function run(
  folder: string,
  flags: StartFlags,
  io: Io,
  announce: (ready: ReadyEvent) => void,
): Promise<void> {
  using progress = createProgress(flags, io);
  const programs = await preparePrograms(flags, progress, io);
  await using backend = await progress.stage(flags.emulator ? 'Emulator' : 'Sign-in', () =>
    openBackend(flags, io),
  );
  await using parts = new AsyncDisposableStack();
  // The pages take a second to start, the machine longer: both at once.
  const [{ session, agent }, ui] = await together(
    reachGateway(backend, flags, progress, io),
    flags.ui === 'process' ? startUi(folder, programs, backend, progress, parts, io) : undefined,
  );
  const relay = await startRelay({
    port: flags.port ?? DEFAULT_PORT,
    isPortFixed: flags.port !== undefined,
    token: randomBytes(24).toString('hex'),
    folder: folderPrefix(folder),
    agent,
    ui,
    clock: systemClock,
  });
  parts.defer(() => relay.close());
  const ready = readyEvent(session, relay, ui);
  announce(ready);
  sayReady(ready, flags, io);
  if (ready.ui && flags.browser) openBrowser(ready.ui.url, io);
  await untilEnd(backend, ui, io);
  sayEnd(session, flags, io);
}

/** The session running and its gateway answering through the tunnel. */
async function reachGateway(
  backend: Backend,
  flags: StartFlags,
  progress: Progress,
  io: Io,
): Promise<{ session: SessionView; agent: AgentAccess }> {
  const session = await progress.stage('Session', async (stage) => {
    const begun = await backend.api.createSession({ name: flags.name });
    return await settleSession(backend.api, begun, 'READY', stage);
  });
  const agent = await progress.stage('Tunnel', async (stage) => {
    const { accessToken, tunnel } = await backend.api.connect(session.id);
    const access: AgentAccess = {
      accessToken,
      connect: () =>
        openTunnel({
          url: backend.iapUrl,
          accessToken: () => backend.credentials.accessToken(),
          target: tunnel,
        }),
    };
    await checkGateway(access, stage, {
      patienceSeconds: GATEWAY_PATIENCE_SECONDS,
      elapsed: io.elapsed,
      clock: systemClock,
      signal: io.interrupt,
    });
    return access;
  });
  return { session, agent };
}

async function startUi(
  folder: string,
  programs: Programs,
  backend: Backend,
  progress: Progress,
  parts: AsyncDisposableStack,
  io: Io,
): Promise<UiServer | undefined> {
  const program = programs.ui;
  if (!program) return undefined;
  return await progress.stage('Notebooks', async () => {
    const ui = await startUiServer({
      contentDir: folder,
      stateDir: path.join(backend.settings.stateDir, 'ui'),
      program,
      environment: { ...io.env },
      isRoot: process.getuid?.() === 0,
      clock: systemClock,
      signal: io.interrupt,
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
async function untilEnd(backend: Backend, ui: UiServer | undefined, io: Io): Promise<void> {
  const interrupted = io.interrupt.aborted
    ? Promise.resolve()
    : once(io.interrupt, 'abort').then(() => undefined);
  const lost = backend.lost.then((reason) => {
    throw new ClientError(`${reason} Start it again with: datalab-client start --emulator`);
  });
  const pagesGone = ui?.ended.then(({ code, lastLines }) => {
    throw new ClientError(
      `The notebook server ended by itself with status ${code}.\n${lastLines}\n` +
        'Kernels are not affected; come back with: datalab-client start',
    );
  });
  await Promise.race([interrupted, lost, ...(pagesGone ? [pagesGone] : [])]);
}

/** Both results; when one fails, the other is waited for too, so that nothing goes on behind our back. */
async function together<A, B>(
  a: Promise<A>,
  b: Promise<B> | undefined,
): Promise<[A, B | undefined]> {
  const results = await Promise.allSettled([a, b]);
  const [first, second] = results;
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
