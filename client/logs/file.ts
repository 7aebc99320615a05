// The end of a log file on this machine, and what is written to it from then on.
import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { PrintLines } from '../output/log-lines.ts';

/** What is looked at for the last lines, and what is read at once. */
const CHUNK_BYTES = 1_048_576;
const LOOK_MILLISECONDS = 300;

interface Chunk {
  content: Buffer;
  /** Where in the file it begins. */
  start: number;
}

/** @returns how far it has read; a last line without an end is printed when its end comes, unless nobody follows */
export async function printLastLines(
  file: string,
  count: number,
  print: PrintLines,
  isFollowed: boolean,
): Promise<number> {
  const chunk = await readChunk(file, -CHUNK_BYTES);
  if (!chunk) return 0;
  const { content, start } = chunk;
  const end = isFollowed ? content.lastIndexOf('\n') + 1 : content.length;
  const lines = linesIn(content.subarray(0, end));
  // The first one is whole only at the beginning of the file.
  print((start === 0 ? lines : lines.slice(1)).slice(-count));
  return start + end;
}

/** Returns at the signal, and when the file is gone. One that has become shorter is read from its beginning. */
export async function followFile(
  file: string,
  from: number,
  print: PrintLines,
  signal: AbortSignal,
): Promise<void> {
  let position = from;
  while (!signal.aborted) {
    const chunk = await readChunk(file, position);
    if (!chunk) return;
    const { content, start } = chunk;
    const newline = content.lastIndexOf('\n') + 1;
    const end = newline === 0 && content.length === CHUNK_BYTES ? CHUNK_BYTES : newline;
    print(linesIn(content.subarray(0, end)));
    position = start + end;
    if (content.length === CHUNK_BYTES) continue;
    await delay(LOOK_MILLISECONDS, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * @param position negative: from the end; behind the end: from the beginning
 * @returns undefined: there is no such file
 */
async function readChunk(file: string, position: number): Promise<Chunk | undefined> {
  const handle = await openIfThere(file);
  if (!handle) return undefined;
  try {
    const { size } = await handle.stat();
    const fromEnd = Math.max(0, size + position);
    const start = position < 0 ? fromEnd : position > size ? 0 : position;
    const length = Math.min(size - start, CHUNK_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
    return { content: buffer.subarray(0, bytesRead), start };
  } finally {
    await handle.close();
  }
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function linesIn(content: Buffer): { text: string }[] {
  const lines = content.toString().split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((text) => ({ text }));
}
