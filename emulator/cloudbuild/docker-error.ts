// How the stand-in for docker refuses: what it says, and its exit status. docker.ts shows it.
import { isPinned, withTag } from './docker-images.ts';

/** What docker would say on standard error, and its exit status. */
export class DockerError extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

export function unknownFlag(verb: string, error: unknown): DockerError {
  const why = error instanceof Error ? error.message : String(error);
  return new DockerError(`docker (emulated): ${why}\nSee 'docker ${verb} --help'.`, 125);
}

/** With its tag, or by its digest. @throws DockerError */
export function requireReference(given: string): string {
  return isPinned(given) ? given : requireName(given);
}

/** With its tag. @throws DockerError */
export function requireName(given: string): string {
  const name = withTag(given);
  if (name !== undefined) return name;
  throw new DockerError(`invalid argument "${given}": invalid reference format`, 125);
}
