// What a relay keeps of its channels on disk: who they are, what waits to be sent, and how much their front-ends have had.
// channels.ts opens one for each; relay-channel.ts writes it.
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../../replace-file.ts';
import { Outbox } from './outbox.ts';

export interface ChannelName {
  kernelId: string;
  /** The front-end's own: a page's, say. */
  session: string;
}

const channelFile = z.object({
  kernelId: z.string(),
  session: z.string(),
  /** As the agent knows it; absent before its first welcome. */
  channel: z.object({ incarnation: z.string(), epoch: z.number() }).optional(),
});

const CURSOR_BYTES = 6;
/** Of channels that nobody has used for so long nothing is kept. */
const MAX_AGE_MILLISECONDS = 7 * 24 * 3_600_000;

export class ChannelStore {
  readonly name: ChannelName;
  readonly outbox: Outbox;
  readonly #folder: string;
  readonly #cursorFile: number;
  #channel: z.infer<typeof channelFile>['channel'];
  #cursor: number;

  /** @throws when the disk does not take it */
  constructor(channelsDir: string, name: ChannelName) {
    this.name = name;
    this.#folder = folderOf(channelsDir, name);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#channel = readChannel(this.#folder)?.channel;
    this.#cursor = readCursor(this.#folder);
    this.outbox = new Outbox(path.join(this.#folder, 'outbox'));
    const flags = constants.O_RDWR | constants.O_CREAT;
    this.#cursorFile = openSync(path.join(this.#folder, 'cursor'), flags, 0o600);
    if (this.#channel === undefined) this.saveChannel(undefined);
  }

  /** What the agent knows this channel by. */
  get channel(): { incarnation: string; epoch: number } | undefined {
    return this.#channel;
  }

  /** Everything up to here was handed to the front-end. */
  get cursor(): number {
    return this.#cursor;
  }

  set cursor(position: number) {
    if (position === this.#cursor) return;
    this.#cursor = position;
    const bytes = Buffer.alloc(CURSOR_BYTES);
    bytes.writeUIntBE(position, 0, CURSOR_BYTES);
    writeSync(this.#cursorFile, bytes, 0, CURSOR_BYTES, 0);
  }

  saveChannel(channel: { incarnation: string; epoch: number } | undefined): void {
    this.#channel = channel;
    const file = path.join(this.#folder, 'channel.json');
    replaceFile(file, JSON.stringify({ ...this.name, channel }));
  }

  close(): void {
    this.outbox.close();
    closeSync(this.#cursorFile);
  }

  /** Nobody will come back for it. */
  remove(): void {
    this.close();
    rmSync(this.#folder, { recursive: true, force: true });
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

function readCursor(folder: string): number {
  try {
    const bytes = readFileSync(path.join(folder, 'cursor'));
    return bytes.length < CURSOR_BYTES ? 0 : bytes.readUIntBE(0, CURSOR_BYTES);
  } catch {
    return 0;
  }
}

function lastUse(folder: string): number {
  const times = readdirSync(folder).map((file) => statSync(path.join(folder, file)).mtimeMs);
  return Math.max(...times);
}
