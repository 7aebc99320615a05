// Which UI server serves the pages: what was asked for, or what this machine has. Called by serve.ts before anything begins.
import type { EngineLook } from '../docker/engine.ts';
import type { Engine } from '../docker/engine-info.ts';
import { ClientError } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Runtime } from '../settings/settings.ts';
import type { StartOptions } from './start-options.ts';

export type UiChoice =
  { kind: 'process' } | { kind: 'none' } | { kind: 'container'; engine: Engine };

export interface UiWish {
  /** What was said, if anything. */
  ui: 'container' | 'process' | 'none' | undefined;
  emulator: boolean;
  /** What the emulator's instances run in: its processes need Jupyter on this machine, which then can serve pages, too. */
  runtime: Runtime;
  hasEngine: boolean;
}

/** Pure. */
export function chooseUi({ ui, emulator, runtime, hasEngine }: UiWish): UiChoice['kind'] {
  if (ui !== undefined) return ui;
  if (emulator && runtime === 'process') return 'process';
  return hasEngine ? 'container' : 'process';
}

/** Looks for an engine where that decides. @throws ClientError when a container was asked for and cannot be */
export async function findUi(options: StartOptions, io: Io): Promise<UiChoice> {
  const { ui, runtime } = options;
  const wish = { ui, emulator: options.emulator === true, runtime };
  const withEngine = chooseUi({ ...wish, hasEngine: true });
  if (withEngine !== 'container') return { kind: withEngine };
  const look = await lookForEngine(io);
  if ('engine' in look) return { kind: 'container', engine: look.engine };
  if (ui === 'container') {
    throw new ClientError(
      `--ui container needs a Docker engine. Docker: ${look.problem}. ` +
        'Or let a Jupyter of this machine serve the pages: --ui process',
    );
  }
  return { kind: 'process' };
}

async function lookForEngine(io: Io): Promise<EngineLook> {
  const { lookForEngine: look } = await import('../docker/engine.ts');
  const found = await look({ environment: io.env, signal: io.interrupt });
  // What Ctrl-C has ended did not say that there is no engine.
  io.interrupt.throwIfAborted();
  return found;
}
