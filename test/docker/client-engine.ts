// The tests' engine as the client sees it.
import type { TestContext } from 'node:test';
import { lookForEngine } from '../../client/docker/engine.ts';
import type { Engine } from '../../client/docker/engine-info.ts';
import { isMissing } from '../helpers/requires.ts';
import { requireEngine } from './engine.ts';

/** Undefined: the test is skipped. */
export async function requireClientEngine(t: TestContext): Promise<Engine | undefined> {
  if (!requireEngine(t)) return undefined;
  const look = await lookForEngine({ environment: process.env });
  if ('engine' in look) return look.engine;
  isMissing(t, `the client cannot use the engine: ${look.problem}`);
  return undefined;
}
