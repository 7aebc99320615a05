// What a relay keeps of its channels on disk: who they are, and in which files the rest of it is. channels.ts opens one for
// each; relay-channel.ts writes it.
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../replace-file.ts';
import { ChannelFiles, removeOtherLives } from './channel-files.ts';
import type { Outbox } from './outbox.ts';

export interface ChannelName {
  kernelId: string;
  /** The front-end's own: a page's, say. */
  session: string;
}

const ANONYMOUS = 'nobody-';

/** Of a front-end that does not say who it is: it cannot come back as the same, so its channel ends with its connection. */
export function anonymous(kernelId: string): ChannelName {
  return { kernelId, session: `${ANONYMOUS}${randomUUID()}` };
}

export function isAnonymous({ session }: ChannelName): boolean {
  return session.startsWith(ANONYMOUS);
}

const channelFile = z.object({
  kernelId: z.string(),
  session: z.string(),
  /** As the agent knows it; absent before its first welcome. */
  channel: z.object({ incarnation: z.string(), epoch: z.number() }).optional(),
  /** Which files are its own: each time that it begins anew others. */
  life: z.int().min(0).default(0),
});

type Known = z.infer<typeof channelFile>['channel'];

/** Of channels that nobody has used for so long nothing is kept. */
const MAX_AGE_MILLISECONDS = 7 * 24 * 3_600_000;

export class ChannelStore {
  readonly name: ChannelName;
  readonly #folder: string;
  #channel: Known;
  #life: number;
  #files: ChannelFiles;

  /** @throws when the disk does not take it */
  constructor(channelsDir: string, name: ChannelName) {
    this.name = name;
    this.#folder = folderOf(channelsDir, name);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const { channel, life = 0 } = readChannel(this.#folder) ?? {};
    this.#channel = channel;
    this.#life = life;
    removeOtherLives(this.#folder, life);
    this.#files = new ChannelFiles(this.#folder, life);
    if (channel === undefined) this.saveChannel(undefined);
  }

  /** What the agent knows this channel by. */
  get channel(): Known {
    return this.#channel;
  }

  get outbox(): Outbox {
    return this.#files.outbox;
  }

  get unheard(): Outbox {
    return this.#files.unheard;
  }

  /** Everything up to here was handed to the front-end. */
  get cursor(): number {
    return this.#files.cursor;
  }

  set cursor(position: number) {
    this.#files.cursor = position;
  }

  saveChannel(channel: Known): void {
    this.#write(channel, this.#life);
    this.#channel = channel;
  }

  /**
   * Another channel takes the place of this one, as a whole or not at all: its files are written beside the present ones,
   * and the name file, which is replaced, says which of them count. What was not heard is kept.
   * @param fill puts into it what is to be sent, and what is to be heard besides
   * @throws when the disk does not take it; then everything is as before
   */
  beginAnew(channel: Known, cursor: number, fill: (files: ChannelFiles) => void): void {
    const life = this.#life + 1;
    removeOtherLives(this.#folder, this.#life);
    const files = new ChannelFiles(this.#folder, life);
    try {
      files.cursor = cursor;
      for (const frame of this.unheard.readAll()) files.unheard.append(frame, 0, 0);
      fill(files);
      this.#write(channel, life);
    } catch (error) {
      files.close();
      throw error;
    }
    this.#files.close();
    [this.#channel, this.#life, this.#files] = [channel, life, files];
    removeOtherLives(this.#folder, life);
  }

  close(): void {
    this.#files.close();
  }

  /** Nobody will come back for it. */
  remove(): void {
    this.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(channel: Known, life: number): void {
    const file = path.join(this.#folder, 'channel.json');
    replaceFile(file, JSON.stringify({ ...this.name, channel, life }));
  }
}

/** The channels that an earlier relay has left; old ones are removed. */
export function storedChannels(channelsDir: string, now: number): ChannelName[] {
  mkdirSync(channelsDir, { recursive: true, mode: 0o700 });
  return readdirSync(channelsDir).flatMap((folderName) => {
    const folder = path.join(channelsDir, folderName);
    const stored = readChannel(folder);
    if (stored && now - lastUse(folder) < MAX_AGE_MILLISECONDS) {
      return [{ kernelId: stored.kernelId, session: stored.session }];
    }
    rmSync(folder, { recursive: true, force: true });
    return [];
  });
}

function folderOf(channelsDir: string, { kernelId, session }: ChannelName): string {
  const digest = createHash('sha256').update(`${kernelId}\0${session}`).digest('hex');
  return path.join(channelsDir, digest.slice(0, 32));
}

function readChannel(folder: string): z.infer<typeof channelFile> | undefined {
  try {
    const text = readFileSync(path.join(folder, 'channel.json'), 'utf8');
    return channelFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function lastUse(folder: string): number {
  const times = readdirSync(folder).map((file) => statSync(path.join(folder, file)).mtimeMs);
  return Math.max(...times);
}
