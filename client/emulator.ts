// Attaches to the emulator of a state folder, starting it when it does not run. Who is connected to it is
// attached, and the last one to go ends it. With commands/emulator.ts the only one that knows emulator/; loaded late.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { attachToEmulator, type Attachment, type ReadyEvent } from '../emulator/attachment.ts';
import { ClientError, messageOf } from './errors.ts';
import { PROGRAM } from './installed.ts';
import type { Io } from './io.ts';
import { lastLines } from './output/last-lines.ts';
import type { Settings } from './settings/settings.ts';

export interface AttachedEmulator {
  ready: ReadyEvent;
  lost: Promise<string>;
  /** Returns when the emulator has ended, if this was the last one attached. */
  detach(): Promise<void>;
}

/** With an engine, the first start builds the agent's image, and pulls what that begins with. */
const START_SECONDS = { process: 60, docker: 1200 } as const;
const DETACH_SECONDS = 20;

type Which = Pick<Settings, 'stateDir' | 'runtime'>;

/** Folder of the emulator inside the client's state folder. The instances of one runtime are nothing to the other. */
export function emulatorFolder({ stateDir, runtime }: Which): string {
  return path.join(stateDir, runtime === 'docker' ? 'emulator-docker' : 'emulator');
}

export async function attachEmulator(which: Which, io: Io): Promise<AttachedEmulator> {
  const folder = emulatorFolder(which);
  const startSeconds = START_SECONDS[which.runtime];
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const logFile = path.join(folder, 'emulator.log');
  let child: ChildProcess | undefined;
  try {
    const end = io.elapsed() + startSeconds * 1000;
    for (;;) {
      io.interrupt.throwIfAborted();
      const attached = await tryAttach(folder, child, io.interrupt);
      if (attached) return attached;
      if (child && hasFailed(child)) {
        // On a full disk it could not say why; then we cannot either, and that is the reason.
        appendFileSync(logFile, '(The emulator has ended.)\n');
        throw new ClientError(
          `The emulator did not start.\n${lastLines(readFileSync(logFile, 'utf8'), 10)}`,
        );
      }
      if (io.elapsed() > end) {
        throw new ClientError(
          `The emulator did not start within ${startSeconds} s; see ${logFile}`,
        );
      }
      // Two clients at once may both start one: the second of them finds the folder taken and ends with 0.
      if (!child || hasEnded(child)) child = startEmulator(which, logFile, io);
      await delay(50, undefined, { signal: io.interrupt });
    }
  } catch (error) {
    if (child) await abandon(child, folder, startSeconds);
    throw error;
  }
}

/** A process of its own, out of the terminal's reach: it outlives this client while others are attached. */
function startEmulator({ stateDir, runtime }: Which, logFile: string, io: Io): ChildProcess {
  const log = openSync(logFile, 'a', 0o600);
  const args = [PROGRAM, 'emulator', '--until-detached', '--runtime', runtime];
  const child = spawn(process.execPath, args, {
    cwd: '/',
    detached: true,
    env: { ...io.env, DATALAB_STATE_DIR: stateDir },
    // The pipe tells it that we are gone, should that be before we have attached.
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  child.unref();
  child.stdin?.on('error', () => undefined);
  return child;
}

/** We go before we have attached: it ends, unless others use it; either way we wait for it. */
async function abandon(child: ChildProcess, folder: string, seconds: number): Promise<void> {
  child.stdin?.end();
  for (let round = 0; round < seconds * 20 && !hasEnded(child); round += 1) {
    const attachment = await attachToEmulator(folder);
    if (attachment) {
      await detach(attachment);
      return;
    }
    await delay(50);
  }
}

async function tryAttach(
  folder: string,
  child: ChildProcess | undefined,
  interrupt: AbortSignal,
): Promise<AttachedEmulator | undefined> {
  const attachment = await attachToEmulator(folder);
  if (!attachment) return undefined;
  try {
    const ready = await Promise.race([attachment.ready, aborted(interrupt)]);
    // It was just ending: look again.
    return ready && attached(attachment, child, ready);
  } catch (error) {
    await detach(attachment);
    interrupt.throwIfAborted();
    throw new ClientError(`The emulator did not start: ${messageOf(error)}`);
  }
}

function attached(
  attachment: Attachment,
  child: ChildProcess | undefined,
  ready: ReadyEvent,
): AttachedEmulator {
  let isDetaching = false;
  const never = new Promise<string>(() => undefined);
  return {
    ready,
    lost: attachment.ended.then(() => (isDetaching ? never : 'The emulator has ended.')),
    detach: async () => {
      isDetaching = true;
      child?.stdin?.end();
      await detach(attachment);
    },
  };
}

/** An emulator that hangs must not hang us too. */
async function detach(attachment: Attachment): Promise<void> {
  const patience = delay(DETACH_SECONDS * 1000, undefined, { ref: false });
  await Promise.race([attachment.detach(), patience]);
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, 'abort');
  signal.throwIfAborted();
  return undefined;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** The one that finds the folder taken ends with 0. */
function hasFailed(child: ChildProcess): boolean {
  return hasEnded(child) && child.exitCode !== 0;
}
