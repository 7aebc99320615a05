// The Docker engine that tests run containers with, if one answers: test/docker/engine.sh starts one.
import type { TestContext } from 'node:test';
import { runDocker } from '../../client/docker/docker-program.ts';
import { lookForEngine } from '../../client/docker/engine.ts';
import type { Engine } from '../../client/docker/engine-info.ts';
import { isMissing } from '../helpers/requires.ts';

const look = await lookForEngine({ environment: process.env });

/** Undefined: the test is skipped. */
export function requireEngine(t: TestContext): Engine | undefined {
  if ('engine' in look) return look.engine;
  isMissing(t, `no Docker engine can be used (${look.problem}); try: test/docker/engine.sh start`);
  return undefined;
}

/** @returns what it prints @throws with what it says when it fails */
export async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runDocker(args, { environment: process.env });
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}
