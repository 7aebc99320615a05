// A Docker engine of this machine, through the `docker` program, which knows contexts, DOCKER_HOST and rights. Everything of
// the docker runtime goes through here.
import { z } from 'zod';
import { findProgram } from '../find-program.ts';
import { ProgramError, runToEnd } from './run-to-end.ts';

export interface Engine {
  /** Path of the `docker` program. */
  readonly program: string;
  /** What DOCKER_HOST has to say to reach it from anywhere. */
  readonly host: string;
  /**
   * Runs `docker ARGS`, and returns its standard output without the last line's end.
   * @throws EngineError when it fails, or has not ended after `seconds`; the signal's reason
   */
  run(args: readonly string[], options?: RunOptions): Promise<string>;
}

export interface RunOptions {
  /** Default: 60. */
  seconds?: number;
  /** Variables beside PATH, HOME and DOCKER_HOST. */
  environment?: Readonly<Record<string, string>>;
  /** Ends it, and a build with it. */
  signal?: AbortSignal | undefined;
}

/** With what docker said, and what to do. */
export class EngineError extends Error {
  override name = 'EngineError';
}

const CALL_SECONDS = 60;
const LOOK_SECONDS = 20;
const MAX_SHOWN_CHARACTERS = 120;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

const information = z.object({
  OSType: z.string().default(''),
  OperatingSystem: z.string().default(''),
  ServerVersion: z.string().default(''),
  SecurityOptions: z.array(z.string()).nullish(),
  ServerErrors: z.array(z.string()).nullish(),
});

/**
 * @param environment PATH, HOME, DOCKER_HOST, DOCKER_CONTEXT and what else docker goes by
 * @param interrupt gives up an engine that does not answer
 * @throws EngineError when none answers, or one that cannot run instances of this machine: their addresses are this
 * machine's own loopback addresses, and their disks its folders
 */
export async function openEngine(
  environment: NodeJS.ProcessEnv,
  interrupt?: AbortSignal,
): Promise<Engine> {
  const searchPath = environment['PATH'] ?? '';
  const program = requireProgram('docker', 'docker.io', searchPath);
  // Of the instances' startup script.
  requireProgram('curl', 'curl', searchPath);
  const ask = (args: readonly string[]) =>
    call(program, args, { ...environment }, LOOK_SECONDS, interrupt).catch((error: unknown) => {
      if (!(error instanceof EngineError)) throw error;
      throw new EngineError(
        `No Docker engine answers: ${error.message} Start it, or leave out --runtime docker.`,
      );
    });
  const host = await ask(['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}']);
  const seen = readInformation(await ask(['info', '--format', '{{json .}}']));
  const problem = problemOf(host, seen);
  if (problem !== undefined) {
    throw new EngineError(
      `The Docker engine at ${host} cannot run emulated instances: ${problem}. ` +
        'Use one of this Linux machine that runs as root, or leave out --runtime docker.',
    );
  }
  const { HOME = '/', PATH = '' } = environment;
  return {
    program,
    host,
    run: (args, { seconds = CALL_SECONDS, environment: more = {}, signal } = {}) => {
      const env = { PATH, HOME, LANG: 'C.UTF-8', DOCKER_HOST: host, ...more };
      return call(program, args, env, seconds, signal);
    },
  };
}

/** Programs that stand in for docker, and versions to come, may say something else. */
function readInformation(text: string): z.infer<typeof information> {
  const read = information.safeParse(parsed(text));
  // Podman's has a form of its own, in which nothing of this is.
  if (read.success && (read.data.OSType !== '' || read.data.ServerErrors)) return read.data;
  const [line = ''] = text.split('\n');
  const said = line === '' ? 'nothing' : line.slice(0, MAX_SHOWN_CHARACTERS);
  throw new EngineError(
    `What docker info answers cannot be read: ${said}. See whether \`docker version\` names a Docker engine, ` +
      'or leave out --runtime docker.',
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function problemOf(host: string, seen: z.infer<typeof information>): string | undefined {
  const { OSType, OperatingSystem, ServerErrors, SecurityOptions } = seen;
  const [error] = ServerErrors ?? [];
  if (error !== undefined) return error;
  if (OSType !== 'linux' || process.platform !== 'linux') return 'it does not run on Linux';
  if (!host.startsWith('unix:')) return 'it is on another machine';
  if (/docker desktop/i.test(OperatingSystem)) return 'Docker Desktop is a machine of its own';
  if (SecurityOptions?.some((option) => option.includes('rootless'))) {
    return 'a rootless engine has a network of its own';
  }
  return undefined;
}

function requireProgram(name: string, debianPackage: string, searchPath: string): string {
  const folders = searchPath.split(':').filter((folder) => folder !== '');
  const found = findProgram(name, folders);
  if (found !== undefined) return found;
  throw new EngineError(
    `The program ${name} is not on PATH. Install it (on Debian: apt-get install ${debianPackage}), ` +
      'or leave out --runtime docker.',
  );
}

async function call(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const options = { env, timeout: seconds * 1000, maxBuffer: MAX_OUTPUT_BYTES, signal };
  try {
    return (await runToEnd(program, args, options)).trimEnd();
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const said = error.stderr.trim().split('\n').at(-1) ?? '';
    const why = error.isLate ? `no answer within ${seconds} s` : said || error.message;
    throw new EngineError(`docker ${args[0] ?? ''}: ${why}`, { cause: error });
  }
}
