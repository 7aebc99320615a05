// What the emulated registry holds: blobs and manifests by digest, tags. Content stays when a tag moves on,
// since sessions pin digests.
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { openStateFile, writeAtomically } from '../state.ts';

const registryRecord = z.object({
  repositories: z.record(
    z.string(),
    z.object({
      /** Tag -> digest of its manifest. */
      tags: z.record(z.string(), z.string()),
      /** Digest -> media type. */
      manifests: z.record(z.string(), z.string()),
    }),
  ),
});

export interface Manifest {
  digest: string;
  mediaType: string;
  content: Buffer;
}

export interface Blob {
  file: string;
  /** Bytes. */
  size: number;
}

export interface RegistryState {
  hasRepository(name: string): boolean;
  /** `reference` is a tag or a digest. */
  readManifest(name: string, reference: string): Manifest | undefined;
  listTags(name: string): string[];
  findBlob(digest: string): Blob | undefined;
  /** Its digest. */
  writeBlob(content: Buffer): string;
  /** Takes the file for the blob of that digest, which the caller has checked. */
  adoptBlob(file: string, digest: string): void;
  /** Stores the manifest, lets `reference` name it if that is a tag, and answers its digest. */
  putManifest(name: string, reference: string, content: Buffer, mediaType: string): string;
  /** Tags that name the manifest. */
  tagsOf(name: string, digest: string): string[];
  deleteTag(name: string, tag: string): void;
  /** Its blobs stay: other images may have them too. */
  deleteManifest(name: string, digest: string): void;
}

export function openRegistryState(stateDir: string): RegistryState {
  const folder = path.join(stateDir, 'registry');
  const file = openStateFile(path.join(folder, 'registry.json'), registryRecord, () => ({
    repositories: {},
  }));
  const { repositories } = file.value;
  const blobs = openBlobs(path.join(folder, 'blobs'));
  return {
    hasRepository: (name) => repositories[name] !== undefined,
    readManifest(name, reference) {
      const repository = repositories[name];
      const digest = repository?.tags[reference] ?? reference;
      const mediaType = repository?.manifests[digest];
      const content = mediaType === undefined ? undefined : blobs.read(digest);
      return mediaType === undefined || !content ? undefined : { digest, mediaType, content };
    },
    listTags: (name) => Object.keys(repositories[name]?.tags ?? {}).sort(),
    findBlob: (digest) => blobs.find(digest),
    writeBlob: (content) => blobs.write(content),
    adoptBlob: (given, digest) => {
      blobs.adopt(given, digest);
    },
    putManifest(name, reference, content, mediaType) {
      const digest = blobs.write(content);
      const repository = (repositories[name] ??= { tags: {}, manifests: {} });
      repository.manifests[digest] = mediaType;
      if (!isDigest(reference)) repository.tags[reference] = digest;
      file.save();
      return digest;
    },
    tagsOf(name, digest) {
      const tags = Object.entries(repositories[name]?.tags ?? {});
      return tags.filter(([, named]) => named === digest).map(([tag]) => tag);
    },
    deleteTag(name, tag) {
      const repository = repositories[name];
      if (repository) repository.tags = without(repository.tags, tag);
      file.save();
    },
    deleteManifest(name, digest) {
      const repository = repositories[name];
      if (repository) repository.manifests = without(repository.manifests, digest);
      file.save();
    },
  };
}

export function isDigest(reference: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(reference);
}

export function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function without(all: Record<string, string>, key: string): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => name !== key));
}

/** SHA-256 of a file of any size, as digestOf() has it. */
export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

interface Blobs {
  read(digest: string): Buffer | undefined;
  find(digest: string): Blob | undefined;
  write(content: Buffer): string;
  adopt(file: string, digest: string): void;
}

function openBlobs(folder: string): Blobs {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (digest: string) => path.join(folder, digest.replace(':', '-'));
  const find = (digest: string) => {
    if (!isDigest(digest)) return undefined;
    const size = statSync(fileOf(digest), { throwIfNoEntry: false })?.size;
    return size === undefined ? undefined : { file: fileOf(digest), size };
  };
  return {
    find,
    read(digest) {
      const found = find(digest);
      return found && readFileSync(found.file);
    },
    write(content) {
      const digest = digestOf(content);
      if (!find(digest)) writeAtomically(fileOf(digest), content);
      return digest;
    },
    adopt(file, digest) {
      renameSync(file, fileOf(digest));
    },
  };
}
