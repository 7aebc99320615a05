// The invocations of docker that vm-startup.sh makes, as data. Anything else is refused: a stand-in that
// accepts what it does not understand would let the script rot. Instances keep the script that they were made with: what
// earlier ones do not say need not be said. Pure; docker.ts acts on it.

export interface Mount {
  host: string;
  container: string;
}

export type DockerCommand =
  | { verb: 'pull'; image: string }
  | { verb: 'image-inspect'; image: string }
  | { verb: 'inspect'; container: string }
  | { verb: 'remove'; container: string }
  | { verb: 'start'; container: string }
  | { verb: 'run-gateway'; container: string; image: string; mounts: Mount[]; publish: Endpoint }
  | {
      verb: 'run-agent';
      container: string;
      image: string;
      mounts: Mount[];
      env: [string, string][];
    };

export interface Endpoint {
  address: string;
  port: number;
}

/** `docker: unknown invocation`: the script says something that this stand-in was not written for. */
export class UnknownInvocation extends Error {}

const IMAGE = /^[a-z0-9.-]+(\/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$/;
const CONTAINER = /^[a-z0-9][a-z0-9_.-]*$/;
const UNPRIVILEGED = ['--security-opt', 'no-new-privileges'];
const LOGS = ['--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'];

/**
 * Reads the arguments after `docker`.
 * @throws UnknownInvocation for everything that vm-startup.sh does not say.
 */
export function parseDockerArguments(args: readonly string[]): DockerCommand {
  const words = new Words(args);
  const verb = words.take();
  if (verb === 'pull') return words.end({ verb, image: words.expect('--quiet').match(IMAGE) });
  if (verb === 'image') {
    words.expect('inspect', '--format', '{{.Id}}');
    return words.end({ verb: 'image-inspect', image: words.match(IMAGE) });
  }
  if (verb === 'inspect') {
    words.expect('--format', '{{.Config.Image}}');
    return words.end({ verb, container: words.match(CONTAINER) });
  }
  if (verb === 'rm') {
    return words.end({ verb: 'remove', container: words.expect('--force').match(CONTAINER) });
  }
  if (verb === 'start') return words.end({ verb, container: words.match(CONTAINER) });
  if (verb === 'run') return parseRun(words);
  throw words.unknown();
}

function parseRun(words: Words): DockerCommand {
  if (words.skip('--detach')) return parseRunGateway(words);
  words.expect('--rm', '--name');
  const container = words.match(CONTAINER);
  words.expect('--network', 'host');
  if (words.skip('--pid')) words.expect('host');
  if (words.skip('--read-only')) words.expect('--cap-drop', 'ALL', ...UNPRIVILEGED);
  words.expect(...LOGS);
  const mounts = words.mounts();
  const env: [string, string][] = [];
  while (words.skip('--env')) env.push(splitAt(words.match(/^[A-Z_]+=/), '='));
  return words.end({ verb: 'run-agent', container, mounts, env, image: words.match(IMAGE) });
}

function parseRunGateway(words: Words): DockerCommand {
  const container = words.expect('--name').match(CONTAINER);
  words.expect('--restart=always');
  if (words.skip('--security-opt')) words.expect('no-new-privileges');
  words.expect(...LOGS, '--publish');
  const [address = '', port = ''] = words.match(/^127\.[0-9.]+:[0-9]+:8888$/).split(':');
  const mounts = words.mounts();
  words.expect('--workdir', '/work');
  const publish = { address, port: Number(port) };
  return words.end({
    verb: 'run-gateway',
    container,
    mounts,
    publish,
    image: words.match(IMAGE),
  });
}

function splitAt(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

class Words {
  readonly #all: readonly string[];
  #at = 0;

  constructor(all: readonly string[]) {
    this.#all = all;
  }

  take(): string {
    const word = this.#all[this.#at];
    if (word === undefined) throw this.unknown();
    this.#at += 1;
    return word;
  }

  expect(...expected: string[]): this {
    for (const word of expected) if (this.take() !== word) throw this.unknown();
    return this;
  }

  match(pattern: RegExp): string {
    const word = this.take();
    if (!pattern.test(word)) throw this.unknown();
    return word;
  }

  skip(word: string): boolean {
    if (this.#all[this.#at] !== word) return false;
    this.#at += 1;
    return true;
  }

  mounts(): Mount[] {
    const mounts: Mount[] = [];
    while (this.skip('--volume')) {
      const [host = '', container = ''] = this.match(/^\/[^:]+:\/[^:]+(:ro)?$/).split(':');
      mounts.push({ host, container });
    }
    return mounts;
  }

  end<T>(command: T): T {
    if (this.#at !== this.#all.length) throw this.unknown();
    return command;
  }

  unknown(): UnknownInvocation {
    return new UnknownInvocation(`unknown invocation: docker ${this.#all.join(' ')}`);
  }
}
