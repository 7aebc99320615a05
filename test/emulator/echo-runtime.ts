// A runtime for tests of the emulator: an instance is one small program that sends back what it gets, at once
// on ECHO_PORT, as a whole on MIRROR_PORT. Real processes, so that freezing and power cuts are real too.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type {
  BootSpec,
  InstanceEnd,
  InstanceRuntime,
  RunningInstance,
} from '../../emulator/runtime/instance-runtime.ts';

export const ECHO_PORT = 17;
/** Reads four bytes of length and so many bytes, then sends these back. */
export const MIRROR_PORT = 18;

/** Ends with its parent (the end of standard input), and by itself when it is sent `shutdown` or `crash`. */
const PROGRAM = `
  const net = require('node:net');
  process.stdin.on('end', () => process.exit(0)).resume();
  net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      if (data.toString() === 'shutdown') process.exit(10);
      if (data.toString() === 'crash') process.exit(1);
    });
    socket.pipe(socket);
  }).listen(${ECHO_PORT}, process.argv[1], () => console.log('booted ' + process.argv[2]));
  net.createServer((socket) => {
    const chunks = [];
    let size = 0;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      size += chunks.push(data) && data.length;
      if (size < 4) return;
      const all = Buffer.concat(size === 4 + chunks[0].readUInt32BE(0) ? chunks : []);
      if (all.length > 0) socket.write(all.subarray(4));
    });
  }).listen(${MIRROR_PORT}, process.argv[1]);
`;

export interface EchoRuntime extends InstanceRuntime {
  readonly boots: BootSpec[];
  /** The next boots fail. */
  refuse: boolean;
}

export function createEchoRuntime(): EchoRuntime {
  const boots: BootSpec[] = [];
  const runtime: EchoRuntime = {
    boots,
    refuse: false,
    sweep: () => Promise.resolve(),
    remove: ({ folder }) => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
    boot: async (spec) => {
      if (runtime.refuse) throw new Error('this test lets no machine boot');
      boots.push(spec);
      mkdirSync(spec.folder, { recursive: true });
      const log = openSync(path.join(spec.folder, 'serial-port-1.log'), 'w');
      // A frozen one does not notice the end of its standard input.
      const command = [process.execPath, '-e', PROGRAM, spec.address, spec.name];
      const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
        stdio: ['pipe', log, log],
      });
      closeSync(log);
      await once(child, 'spawn');
      return new EchoInstance(spec.name, child);
    },
  };
  return runtime;
}

class EchoInstance implements RunningInstance {
  readonly name: string;
  readonly ended: Promise<InstanceEnd>;
  readonly #child: ChildProcess;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    child.stdin?.on('error', () => undefined);
    this.ended = once(child, 'exit').then(([status]) => (status === 10 ? 'shutdown' : 'lost'));
  }

  freeze(): Promise<void> {
    this.#child.kill('SIGSTOP');
    return Promise.resolve();
  }

  thaw(): Promise<void> {
    this.#child.kill('SIGCONT');
    return Promise.resolve();
  }

  async shutDown(): Promise<void> {
    await this.powerOff();
  }

  async powerOff(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
