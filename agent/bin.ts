#!/usr/bin/env node
// The agent's entry point: environment and signals in, exit code out. vm-startup.sh starts it again whenever it ends
// with anything but 0; 0 is reserved for "switch the machine off".
import release from '../package.json' with { type: 'json' };
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { parseConfig } from './config.ts';
import { createLog, reasonOf } from './log.ts';
import type { Agent } from './main.ts';
import { startAgent } from './main.ts';

const EXIT_SWITCH_OFF = 0;
const EXIT_CANNOT_START = 1;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
const STOP_MILLISECONDS = 5_000;

const log = createLog(systemClock, (line) => process.stderr.write(line));

const config = readConfig();
if (config) {
  await start(config);
} else {
  process.exitCode = EXIT_CANNOT_START;
}

function readConfig(): Config | undefined {
  try {
    return parseConfig(process.env);
  } catch (error) {
    log.error('settings', { reason: reasonOf(error) });
    return undefined;
  }
}

async function start(settings: Config): Promise<void> {
  const deps = { clock: systemClock, log, random: Math.random, version: release.version };
  try {
    const agent = await startAgent(settings, deps);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => void stop(agent, EXIT_CODES[signal]));
    }
    void agent.switchedOff.then(() => stop(agent, EXIT_SWITCH_OFF));
  } catch (error) {
    log.error('not started', { reason: reasonOf(error) });
    process.exitCode = EXIT_CANNOT_START;
  }
}

/** In order if that is possible in time. */
async function stop(agent: Agent, exitCode: number): Promise<void> {
  systemClock.after(STOP_MILLISECONDS, () => process.exit(exitCode));
  await agent.stop().catch((error: unknown) => {
    log.error('not stopped in order', { reason: reasonOf(error) });
  });
  process.exit(exitCode);
}
