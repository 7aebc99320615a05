// A tar archive (ustar) of files, the same bytes for the same content: what an image's digest derives from.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const BLOCK = 512;

/** `roots` are files or folders below `base`; what is not there is left out. */
export function createTar(base: string, roots: readonly string[]): Buffer {
  const blocks = roots
    .flatMap((root) => filesBelow(base, root))
    .sort()
    .flatMap((name) => entry(name, readFileSync(path.join(base, name))));
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function filesBelow(base: string, name: string): string[] {
  const status = lstatSync(path.join(base, name), { throwIfNoEntry: false });
  if (status?.isFile()) return [name];
  if (!status?.isDirectory()) return [];
  return readdirSync(path.join(base, name)).flatMap((child) =>
    filesBelow(base, `${name}/${child}`),
  );
}

function entry(name: string, content: Buffer): Buffer[] {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, '0');
  header.write(name.slice(0, 100), 0);
  header.write(octal(0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)];
}
