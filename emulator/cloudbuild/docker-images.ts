// The local images of a build's docker: blobs in a folder, names in a file beside them. They go with the build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { digestOf } from '../registry/state.ts';

const blob = z.object({ digest: z.string(), size: z.int() });
export type Blob = z.infer<typeof blob>;

const localImage = z.object({ config: blob, layers: z.array(blob) });
export type LocalImage = z.infer<typeof localImage>;

export interface LocalImages {
  /** By name with tag. */
  find(name: string): LocalImage | undefined;
  tag(name: string, image: LocalImage): void;
  write(content: Buffer): Blob;
  read(blob: Blob): Buffer;
}

const names = z.record(z.string(), localImage);

export function openLocalImages(folder: string): LocalImages {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, 'images.json');
  const fileOf = ({ digest }: Blob) => path.join(folder, digest.replace(':', '-'));
  const load = () => names.parse(JSON.parse(readText(file) ?? '{}'));
  return {
    find: (name) => load()[name],
    tag(name, image) {
      writeFileSync(file, JSON.stringify({ ...load(), [name]: image }));
    },
    write(content) {
      const written = { digest: digestOf(content), size: content.length };
      writeFileSync(fileOf(written), content);
      return written;
    },
    read: (written) => readFileSync(fileOf(written)),
  };
}

/** `gcr.io/p/name@sha256:…` */
export function isPinned(name: string): boolean {
  const [named = '', digest = ''] = name.split('@');
  return withTag(named) !== undefined && /^sha256:[0-9a-f]{64}$/.test(digest);
}

/** `gcr.io/p/name` is `gcr.io/p/name:latest`. Undefined for what is no name of an image with its registry. */
export function withTag(name: string): string | undefined {
  if (!/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+(:[\w][\w.-]{0,127})?$/.test(name)) {
    return undefined;
  }
  return /:[^/]+$/.test(name) ? name : `${name}:latest`;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
