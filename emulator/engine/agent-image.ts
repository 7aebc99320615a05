// The agent image, as an installed backend has it: built of docker/agent on the engine and pushed to the emulated registry.
// What has not changed is neither built nor pushed again.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { EXTENSION, INSTALLATION } from '../installed.ts';
import { writeDockerCredentials } from '../registry/docker-credentials.ts';
import type { Log } from '../router.ts';
import type { Engine } from './engine.ts';
import { runToEnd } from './run-to-end.ts';

/** On the engine, between starts. */
export const LOCAL_AGENT_IMAGE = 'datalab-agent:emulator';

export interface AgentImageOptions {
  engine: Engine;
  project: string;
  /** The emulator's own: nobody else works in it. */
  stateDir: string;
  /** http://127.0.0.1:PORT */
  registryUrl: string;
  /** Of an account that may push. */
  accessToken: string;
  log: Log;
  signal: AbortSignal | undefined;
}

/** Pulls its base where the engine has it not: minutes on a slow line. */
const BUILD_SECONDS = 900;
const PUSH_SECONDS = 300;

/** @throws EngineError; the signal's reason */
export async function installAgentImage(options: AgentImageOptions): Promise<void> {
  const { engine, project, stateDir, registryUrl, accessToken, log, signal } = options;
  const work = path.join(stateDir, 'agent-image');
  // What an emulator that was killed here has left, with its token.
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { mode: 0o700 });
  try {
    const context = await agentContext(work, signal);
    log('the agent image is built, unless it is there');
    // Its id: the name is another one's as soon as an emulator of another release has built.
    const words = ['--quiet', '--force-rm', '--tag', LOCAL_AGENT_IMAGE, context];
    const id = await engine.run(['build', ...words], {
      ...{ seconds: BUILD_SECONDS, signal },
      environment: { DOCKER_BUILDKIT: '0' },
    });
    const name = `${new URL(registryUrl).host}/${project}/datalab-agent:latest`;
    await engine.run(['tag', id, name]);
    writeDockerCredentials(work, [new URL(registryUrl).host], accessToken);
    await engine.run(['push', name], {
      ...{ seconds: PUSH_SECONDS, signal },
      environment: { DOCKER_CONFIG: work },
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** What is built is one; the sources are bundled first. */
async function agentContext(work: string, signal: AbortSignal | undefined): Promise<string> {
  if (EXTENSION === '.js') return path.join(INSTALLATION, 'agent');
  const program = path.join(INSTALLATION, 'scripts', 'agent-context.ts');
  await runToEnd(process.execPath, [program, work], { signal });
  return path.join(work, 'agent');
}
