// Follows what the containers of an instance print, from the files that the stand-in for docker has them write. How far
// it has come is kept beside each file; a file that has grown large is emptied once it was read, as docker rotates its own.
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

export type TellLines = (container: string, lines: readonly string[]) => void;

const LOOK_MILLISECONDS = 250;
/** Read at a look: what prints more than this for long is not kept whole. */
const MAX_READ_BYTES = 65_536;
const MAX_FILE_BYTES = 10_485_760;

/** @returns what looks a last time and ends it */
export function followContainers(dockerFolder: string, tell: TellLines): () => void {
  const look = () => {
    for (const name of containersIn(dockerFolder)) {
      const folder = path.join(dockerFolder, 'containers', name);
      const lines = readNews(path.join(folder, 'log'), path.join(folder, 'log.position'));
      if (lines.length > 0) tell(name, lines);
    }
  };
  const timer = setInterval(() => {
    unlessDiskFails(look);
  }, LOOK_MILLISECONDS);
  timer.unref();
  return () => {
    clearInterval(timer);
    unlessDiskFails(look);
  };
}

/** A log that cannot be kept, or that was just removed with its container, must not end the emulator. */
function unlessDiskFails(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

function containersIn(dockerFolder: string): string[] {
  const folder = path.join(dockerFolder, 'containers');
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readNews(file: string, positionFile: string): string[] {
  if (!existsSync(file)) return [];
  const known = existsSync(positionFile) ? Number(readFileSync(positionFile, 'utf8')) : 0;
  const { content, start, size } = readFrom(file, known);
  const end = content.lastIndexOf('\n') + 1;
  // A line without an end is left for later, unless it fills what is read at once.
  const length = end === 0 && content.length === MAX_READ_BYTES ? content.length : end;
  const isLarge = size > MAX_FILE_BYTES && start + length === size;
  if (isLarge) truncateSync(file, 0);
  const position = isLarge ? 0 : start + length;
  // Before the lines are told: twice on a full disk would be for ever.
  if (position !== known) writeFileSync(positionFile, String(position), { mode: 0o600 });
  const lines = content.subarray(0, length).toString().split('\n');
  if (lines.at(-1) === '') lines.pop();
  return start > known ? [`(${start - known} bytes are not kept here)`, ...lines] : lines;
}

/** From the position on; further behind where too much has come since. */
function readFrom(file: string, known: number): { content: Buffer; start: number; size: number } {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const from = known > size ? 0 : known;
    const isBehind = size - from > MAX_FILE_BYTES;
    const start = isBehind ? size - MAX_READ_BYTES : from;
    const content = Buffer.alloc(Math.min(size - start, MAX_READ_BYTES));
    const length = readSync(descriptor, content, 0, content.length, start);
    return { content: content.subarray(0, length), start, size };
  } finally {
    closeSync(descriptor);
  }
}
