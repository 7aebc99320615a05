// The file that an image is to be extended with, read and checked before anybody is asked for anything.
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { MAX_EXTENSION_BYTES, type ExtendImageRequest } from '../functions/contract.ts';
import { ClientError, messageOf, UsageError } from './errors.ts';
import type { Flags } from './flags.ts';

/** @throws ClientError that says which flag, which file, and what to do */
export async function readExtension(
  { requirements, dockerfile }: Flags,
  cwd: string,
): Promise<ExtendImageRequest> {
  if ((requirements === undefined) === (dockerfile === undefined)) {
    throw new UsageError('give either --requirements FILE or --dockerfile FILE');
  }
  if (requirements !== undefined) {
    return { requirements: await readText('--requirements', path.resolve(cwd, requirements)) };
  }
  return { dockerfile: await readText('--dockerfile', path.resolve(cwd, dockerfile ?? '')) };
}

async function readText(flag: string, file: string): Promise<string> {
  const content = await readBounded(flag, file);
  let text: string;
  try {
    // With the mark that some editors begin a file with left out.
    text = new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new ClientError(`${flag}: ${file} is not text in UTF-8; save it as that.`);
  }
  if (text.includes('\0')) {
    throw new ClientError(`${flag}: ${file} is not text: it holds a NUL. Is it the right file?`);
  }
  if (text.trim() === '') throw new ClientError(`${flag}: ${file} is empty; nothing would change.`);
  return text;
}

async function readBounded(flag: string, file: string): Promise<Buffer> {
  try {
    const stats = await stat(file);
    if (stats.isDirectory()) {
      throw new ClientError(`${flag}: ${file} is a folder; give the file in it.`);
    }
    const tooLarge = new ClientError(
      `${flag}: ${file} is larger than ${MAX_EXTENSION_BYTES} bytes, the most that an extension may have. ` +
        'Extend the image several times instead, each time with a part of it.',
    );
    if (stats.size > MAX_EXTENSION_BYTES) throw tooLarge;
    const content = await readFile(file);
    // A pipe has no size.
    if (content.length > MAX_EXTENSION_BYTES) throw tooLarge;
    return content;
  } catch (error) {
    if (error instanceof ClientError) throw error;
    throw new ClientError(`${flag}: ${file} cannot be read: ${messageOf(error)}`);
  }
}
