// The functions of the backend, each a program of its own as each is a service of its own at Google: the API first,
// and awaited; those that nobody waits for follow in the background.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import path from 'node:path';
import {
  keepFunction,
  startFunction,
  type FunctionTarget,
  type FunctionsProgram,
  type FunctionsProgramOptions,
} from './functions-program.ts';
import type { FunctionUrls } from './google.ts';

export type FunctionName = keyof FunctionUrls;
export type FunctionPorts = Readonly<Record<FunctionName, number>>;

const API: FunctionTarget = { name: 'api', signatureType: 'http' };
const BACKGROUND = [
  { name: 'onBuildFinished', signatureType: 'cloudevent' },
  { name: 'reapIdle', signatureType: 'http' },
] as const satisfies readonly (FunctionTarget & { name: FunctionName })[];

export type FunctionsOptions = Omit<FunctionsProgramOptions, 'target' | 'port' | 'logFile'> & {
  ports: FunctionPorts;
};

/** Returns when the API answers. @throws Error that names its log file when it does not come up */
export async function startFunctions(options: FunctionsOptions): Promise<FunctionsProgram> {
  const { ports, stateDir } = options;
  const logFile = functionsLog(stateDir, 'api');
  const api = await startFunction({ ...options, target: API, port: ports.api, logFile });
  const others = BACKGROUND.map((target) =>
    keepFunction({
      ...options,
      target,
      port: ports[target.name],
      logFile: functionsLog(stateDir, target.name),
    }),
  );
  return {
    end: async () => {
      await Promise.all([api, ...others].map((program) => program.end()));
    },
  };
}

export function functionsLog(stateDir: string, name: FunctionName): string {
  return path.join(stateDir, name === 'api' ? 'functions.log' : `functions-${name}.log`);
}

export function functionUrlsOf(ports: FunctionPorts): FunctionUrls {
  const url = (port: number) => `http://127.0.0.1:${port}`;
  return {
    api: url(ports.api),
    onBuildFinished: url(ports.onBuildFinished),
    reapIdle: url(ports.reapIdle),
  };
}

/** The preferred ones as far as they are free: the framework must be told a port, it cannot choose one and say which. */
export async function chooseFunctionPorts(
  preferred: Partial<FunctionPorts>,
): Promise<FunctionPorts> {
  // Held until all are chosen: a port that is let go may be given out again.
  const held: Server[] = [];
  try {
    return {
      api: await hold(preferred.api, held),
      onBuildFinished: await hold(preferred.onBuildFinished, held),
      reapIdle: await hold(preferred.reapIdle, held),
    };
  } finally {
    await Promise.all(held.map((server) => once(server.close(), 'close')));
  }
}

async function hold(preferred: number | undefined, held: Server[]): Promise<number> {
  const server = createServer();
  try {
    server.listen(preferred ?? 0, '127.0.0.1');
    await once(server, 'listening');
  } catch (error) {
    if (preferred === undefined) throw error;
    return hold(undefined, held);
  }
  held.push(server);
  return (server.address() as AddressInfo).port;
}
