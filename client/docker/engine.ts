// Looks for a Docker engine that can run the notebook pages. session/choose-ui.ts asks.
import { runDocker, problemOf, type DockerOptions } from './docker-program.ts';
import { readEngine, type Engine } from './engine-info.ts';

/** What is there, or why it cannot be used: a sentence that goes on after "Docker: ". */
export type EngineLook = { engine: Engine } | { problem: string };

const LOOK_MILLISECONDS = 10_000;

export async function lookForEngine(
  options: Pick<DockerOptions, 'environment' | 'signal'>,
): Promise<EngineLook> {
  const bounded = { ...options, limitMilliseconds: LOOK_MILLISECONDS };
  const [info, url] = await Promise.all([
    runDocker(['info', '--format', '{{json .}}'], bounded),
    endpointUrl(bounded),
  ]);
  const engine = readEngine(parsed(info.stdout), { url, platform: process.platform });
  // An older program ends with 0 when no engine answers.
  if (!engine) return { problem: problemOf({ ...info, code: info.code || 1 }) };
  if (engine.remoteHost !== undefined) {
    return {
      problem: `it runs on ${engine.remoteHost}, which has not this machine's folders (DOCKER_HOST, or: docker context use)`,
    };
  }
  return { engine };
}

/** Of the context in use. Podman has none: there the variable says it all. */
async function endpointUrl(options: DockerOptions): Promise<string> {
  const context = ['context', 'inspect', '--format', '{{.Endpoints.docker.Host}}'];
  const { code, stdout } = await runDocker(context, options);
  if (code === 0) return stdout.trim();
  const { DOCKER_HOST, CONTAINER_HOST } = options.environment;
  return DOCKER_HOST ?? CONTAINER_HOST ?? '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
