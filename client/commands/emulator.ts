// `datalab-client emulator`: the emulator in this process, until Ctrl-C; what `start --emulator` spawns is the
// same with --until-detached.
import { once } from 'node:events';
import type { ReadyEvent } from '../../emulator/attachment.ts';
import { EmulatorRunningError, EngineError, openEngine, runEmulator } from '../../emulator/main.ts';
import { attachEmulator, emulatorFolder } from '../emulator.ts';
import { ClientError, Interrupted } from '../errors.ts';
import type { Io } from '../io.ts';
import { readEmulatorSettings } from '../settings/settings.ts';
import type { Call } from '../verbs.ts';

/** Settings of the functions, given to the emulator with this before their names. */
const FUNCTIONS_PREFIX = 'DATALAB_FUNCTIONS_';

export async function emulator({ flags }: Call, io: Io): Promise<void> {
  const which = readEmulatorSettings(flags, io);
  const spawner = flags.untilDetached ? io.inputEnd : undefined;
  try {
    const given = spawner ? AbortSignal.any([io.interrupt, spawner]) : io.interrupt;
    const engine = which.runtime === 'docker' ? await openEngine(io.env, given) : undefined;
    const running = await runEmulator({
      stateDir: emulatorFolder(which),
      project: io.env['PROJECT_ID'] || 'datalab-emulator',
      zone: io.env['ZONE'] || 'europe-west1-b',
      searchPath: io.env['PATH'] ?? '',
      staysWithoutClients: flags.untilDetached !== true,
      functions: { environment: functionsEnvironment(io.env) },
      ...(engine ? { engine } : {}),
      ...(spawner ? { spawner } : {}),
      interrupt: io.interrupt,
      log: (line) => io.stderr.write(`${line}\n`),
    });
    if (io.interrupt.aborted) {
      await running.end();
      throw new Interrupted();
    }
    if (!flags.untilDetached) say(running.ready, flags, io);
    await Promise.race([running.ended, interrupted(io)]);
    await running.end();
  } catch (error) {
    if (io.interrupt.aborted) throw new Interrupted();
    // Whoever started it has gone before it was ready.
    if (spawner?.aborted && error instanceof Error && error.name === 'AbortError') return;
    if (error instanceof EngineError) throw new ClientError(error.message);
    if (!(error instanceof EmulatorRunningError)) throw error;
    // Two clients at once have each started one: the other serves both.
    if (!flags.untilDetached) await stayAttached(which, flags, io);
  }
}

async function stayAttached(
  which: ReturnType<typeof readEmulatorSettings>,
  flags: { json?: true },
  io: Io,
): Promise<void> {
  const attached = await attachEmulator(which, io);
  io.stderr.write('An emulator of this state folder runs already; this keeps it running.\n');
  say(attached.ready, flags, io);
  await Promise.race([attached.lost, interrupted(io)]);
  await attached.detach();
}

function say(ready: ReadyEvent, flags: { json?: true }, io: Io): void {
  if (flags.json) {
    io.stdout.write(`${JSON.stringify(ready)}\n`);
    return;
  }
  const urls = Object.entries(ready.urls).map(([name, url]) => `  ${name.padEnd(15)} ${url}`);
  io.stdout.write(
    `Emulated project ${ready.project}, zone ${ready.zone}\n${urls.join('\n')}\n` +
      `Credentials: ${ready.credentials}\nCtrl-C ends it: a power cut for its instances.\n`,
  );
}

async function interrupted({ interrupt }: Io): Promise<void> {
  if (!interrupt.aborted) await once(interrupt, 'abort');
}

function functionsEnvironment(env: Io['env']): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(FUNCTIONS_PREFIX) && value !== undefined) {
      given[name.slice(FUNCTIONS_PREFIX.length)] = value;
    }
  }
  return given;
}
