// The two containers of a local session on the engine: how they are, and what is done with them. Everything is found by name,
// and every call may be repeated.
import { z } from 'zod';
import { problemOf, runDocker, type DockerOptions } from '../docker/docker-program.ts';
import { ClientError } from '../errors.ts';
import { AGENT_PORT_INSIDE, ARGUMENTS_LABEL, FOLDER_LABEL } from './container-arguments.ts';
import type { LocalPlace } from './place.ts';

export interface Container {
  /** Docker's word: `running`, `restarting`, `paused`, `exited` … */
  status: string;
  /** Name of the image that it was made of. */
  image: string;
  /** Of the arguments that it was made with. */
  arguments: string | undefined;
  startedAt: string;
  /** How often the engine has started it again, one after the other. */
  restarts: number;
  /** The folder of notebooks that was mounted. */
  folder: string | undefined;
  /** On 127.0.0.1, where its agent's port is published. */
  port: number | undefined;
}

export interface Look {
  gateway: Container | undefined;
  agent: Container | undefined;
}

const inspected = z.object({
  Name: z.string(),
  RestartCount: z.int().default(0),
  State: z.object({ Status: z.string(), StartedAt: z.string() }),
  Config: z.object({ Image: z.string(), Labels: z.record(z.string(), z.string()).nullish() }),
  NetworkSettings: z.object({
    Ports: z.record(z.string(), z.array(z.object({ HostPort: z.string() })).nullish()).nullish(),
  }),
});

/** Or its engine is just starting it again. */
export function isUp(container: Container | undefined): boolean {
  return container?.status === 'running' || container?.status === 'restarting';
}

/** It has what it had in memory: it is up, or stands still. */
export function isAlive(container: Container | undefined): boolean {
  return isUp(container) || container?.status === 'paused';
}

/** From asking a container to end to ending it: Jupyter ends its kernels meanwhile. */
const STOP_SECONDS = 10;
const RUN_MILLISECONDS = 120_000;

/** @throws ClientError when the engine does not answer */
export async function look(place: LocalPlace, options: DockerOptions): Promise<Look> {
  const names = [place.gateway, place.agent];
  const { stdout, ...result } = await runDocker(
    ['container', 'inspect', '--format', '{{json .}}', ...names],
    options,
  );
  // Of the two, those that are there are shown, and the code is 1 if one is not.
  if (result.code > 1 || (result.code === 1 && !/no such/i.test(result.stderr))) {
    throw new ClientError(`Docker: ${problemOf(result)}.`);
  }
  const found = stdout.split('\n').flatMap((line) => (line === '' ? [] : [readContainer(line)]));
  const of = (name: string) => found.find((one) => one.name === name)?.container;
  return { gateway: of(place.gateway), agent: of(place.agent) };
}

/** @throws ClientError with what docker says */
export async function run(args: readonly string[], options: DockerOptions): Promise<void> {
  const result = await runDocker(args, { limitMilliseconds: RUN_MILLISECONDS, ...options });
  options.signal?.throwIfAborted();
  if (result.code !== 0) throw new ClientError(`Docker: ${problemOf(result)}.`);
}

/** Under the lock: an engine makes two of one name when two ask at once. */
export async function makeNetwork({ network }: LocalPlace, options: DockerOptions): Promise<void> {
  const known = await runDocker(['network', 'inspect', '--format', '{{.Id}}', network], options);
  if (known.code !== 0) await run(['network', 'create', network], options);
}

/** The agent first: it says goodbye to a gateway that is there. Neither need be there. */
export async function stopContainers(place: LocalPlace, options: DockerOptions): Promise<void> {
  const { gateway, agent } = await look(place, options);
  const stop = ['stop', '--time', String(STOP_SECONDS)];
  if (agent) await run([...stop, place.agent], options);
  if (gateway) await run([...stop, place.gateway], options);
}

export async function removeContainers(place: LocalPlace, options: DockerOptions): Promise<void> {
  const { gateway, agent } = await look(place, options);
  const names = [...(agent ? [place.agent] : []), ...(gateway ? [place.gateway] : [])];
  if (names.length > 0) await run(['rm', '--force', ...names], options);
  // Which fails while another session is on it.
  await runDocker(['network', 'rm', place.network], options);
}

function readContainer(line: string): { name: string; container: Container } {
  const { Name, RestartCount, State, Config, NetworkSettings } = inspected.parse(JSON.parse(line));
  const port = NetworkSettings.Ports?.[`${AGENT_PORT_INSIDE}/tcp`]?.[0]?.HostPort;
  return {
    name: Name.replace(/^\//, ''),
    container: {
      status: State.Status,
      image: Config.Image,
      arguments: Config.Labels?.[ARGUMENTS_LABEL],
      startedAt: State.StartedAt,
      restarts: RestartCount,
      folder: Config.Labels?.[FOLDER_LABEL],
      port: port === undefined ? undefined : Number(port),
    },
  };
}
