// One `start` per session and folder: the first holds a lock that the operating system releases when it dies
// (SQLite's), and leaves beside it what it said when it was ready, for the second.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { replaceFile } from '../replace-file.ts';
import type { CompleteSettings } from '../settings/complete.ts';

export interface StartClaim extends Disposable {
  /** Where it is kept; the user's alone. */
  folder: string;
  /** What its relay keeps for the next one; nobody else uses it while the claim is held. */
  channelsDir: string;
  /** See earlier-relays.ts. */
  relaysFile: string;
  /** Lets later starts know; holds the relay's token, so the file is the user's alone. */
  announce(ready: object): void;
  /** From now on nobody is told any more: what was announced is being taken down. */
  withdraw(): void;
}

export interface StartKey {
  stateDir: string;
  /** Which backend, a URL, `emulator` or `local`, and in whose name. */
  backend: string;
  session: string;
  folder: string;
}

/** Two people's sessions of one name are two. */
export function startKey(settings: CompleteSettings, session: string, folder: string): StartKey {
  const who = settings.account ?? settings.credentials ?? '';
  const emulated = settings.runtime === 'docker' ? 'emulator docker' : 'emulator';
  const place = settings.local ? 'local' : settings.emulator ? emulated : settings.apiUrl;
  const backend = `${place} ${who}`;
  return { stateDir: settings.stateDir, backend, session, folder };
}

/** Undefined when another process holds it. */
export function claimStart(key: StartKey): StartClaim | undefined {
  const file = claimFile(key);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const lock = takeLock(`${file}.lock`);
  if (!lock) return undefined;
  const withdraw = () => {
    rmSync(`${file}.json`, { force: true });
  };
  // What one that was killed left there.
  withdraw();
  return {
    folder: path.dirname(file),
    channelsDir: `${file}.channels`,
    relaysFile: `${file}.relays`,
    announce: (ready) => {
      replaceFile(`${file}.json`, JSON.stringify(ready));
    },
    withdraw,
    [Symbol.dispose]: () => {
      withdraw();
      lock.close();
    },
  };
}

/** What the holder of the claim announced; undefined while it is not ready. */
export function readAnnouncement(key: StartKey): unknown {
  try {
    return JSON.parse(readFileSync(`${claimFile(key)}.json`, 'utf8'));
  } catch {
    return undefined;
  }
}

function claimFile({ stateDir, backend, session, folder }: StartKey): string {
  const id = createHash('sha256').update([backend, session, folder].join('\0')).digest('hex');
  return path.join(stateDir, 'starts', id.slice(0, 16));
}

/** Undefined while another process holds it. */
export function takeLock(file: string): DatabaseSync | undefined {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
