// A runtime whose instances are the real agent and nothing else, in the test's own process: it registers and reports
// through the real API with identity tokens of the emulated metadata server, agrees to sleep, and switches the machine
// off when it is told to. The gateway behind it answers and has no kernels. A boot takes milliseconds.
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { startAgent, type Agent } from '../../agent/main.ts';
import type {
  BootSpec,
  InstanceEnd,
  InstanceRuntime,
  RunningInstance,
} from '../../emulator/runtime/instance-runtime.ts';
import { AGENT_PORT, INSTANCE_ATTRIBUTES } from '../../functions/contract.ts';
import { SleepyClock } from './sleepy-clock.ts';
import { until } from './until.ts';

/** @param log takes what agents say, one line each */
export async function createReportingRuntime(
  t: Pick<TestContext, 'after'>,
  log: (line: string) => void = () => undefined,
): Promise<InstanceRuntime> {
  const gateway = createEmptyGateway();
  gateway.listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  t.after(() => {
    gateway.close();
    gateway.closeAllConnections();
  });
  const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  return {
    sweep: () => Promise.resolve(),
    remove: ({ folder }) => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
    boot: (spec) => {
      mkdirSync(spec.folder, { recursive: true });
      return Promise.resolve(new ReportingInstance(spec, gatewayUrl, log));
    },
  };
}

/** What the agent asks of a gateway: that it is there, and what its kernels do. */
function createEmptyGateway(): Server {
  const kernelspecs = { default: 'python3', kernelspecs: { python3: { name: 'python3' } } };
  const answers: Record<string, string> = {
    '/api/kernelspecs': JSON.stringify(kernelspecs),
    '/api/kernels': '[]',
  };
  return createServer((request, response) => {
    const answer = answers[request.url ?? ''];
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
  });
}

class ReportingInstance implements RunningInstance {
  readonly name: string;
  readonly ended: Promise<InstanceEnd>;
  readonly #end = Promise.withResolvers<InstanceEnd>();
  readonly #clock = new SleepyClock();
  readonly #off = new AbortController();
  readonly #booted: Promise<Agent | undefined>;

  constructor(spec: BootSpec, gatewayUrl: string, log: (line: string) => void) {
    this.name = spec.name;
    this.ended = this.#end.promise;
    this.#booted = this.#boot(spec, gatewayUrl, log).catch((error: unknown) => {
      log(`${spec.name}: ${String(error)}`);
      return undefined;
    });
  }

  freeze(): Promise<void> {
    this.#clock.freeze();
    return Promise.resolve();
  }

  thaw(): Promise<void> {
    this.#clock.thaw();
    return Promise.resolve();
  }

  shutDown(): Promise<void> {
    return this.powerOff();
  }

  async powerOff(): Promise<void> {
    await this.#switchOff('lost');
  }

  async #boot(
    { name, folder, address, metadataHost }: BootSpec,
    gatewayUrl: string,
    log: (line: string) => void,
  ): Promise<Agent | undefined> {
    const [sessionId = '', apiUrl = ''] = await Promise.all([
      this.#attribute(metadataHost, INSTANCE_ATTRIBUTES.session),
      this.#attribute(metadataHost, INSTANCE_ATTRIBUTES.apiUrl),
    ]);
    if (this.#off.signal.aborted) return undefined;
    const gatewayTokenFile = path.join(folder, 'gateway-token');
    writeFileSync(gatewayTokenFile, 'a-token\n');
    const say = (event: string, fields?: object) => {
      log(`${name} ${event} ${JSON.stringify(fields ?? {})}`);
    };
    const agent = await startAgent(
      {
        ...{ address, port: AGENT_PORT, gatewayUrl, gatewayTokenFile },
        ...{ stateDir: path.join(folder, 'agent'), logBytes: 256 * 1_048_576 },
        role: { kind: 'session', apiUrl, sessionId, metadataHost },
      },
      { clock: this.#clock, log: { info: say, error: say }, random: Math.random, version: 'test' },
    );
    void agent.switchedOff.then(() => this.#switchOff('shutdown'));
    return agent;
  }

  /** As vm-startup.sh does: it asks again until it has an answer. */
  #attribute(metadataHost: string, name: string): Promise<string | undefined> {
    const url = `http://${metadataHost}/computeMetadata/v1/instance/attributes/${name}`;
    return until(`metadata ${name}`, async () => {
      if (this.#off.signal.aborted) return '';
      const headers = { 'metadata-flavor': 'Google' };
      const reply = await fetch(url, { headers, signal: this.#off.signal }).catch(() => undefined);
      return reply?.ok === true ? await reply.text() : undefined;
    });
  }

  async #switchOff(how: InstanceEnd): Promise<void> {
    this.#off.abort();
    const agent = await this.#booted;
    // Not awaited: power does not wait for a call that is under way. What it still does needs the clock.
    agent?.stop().catch(() => undefined);
    this.#clock.thaw();
    this.#end.resolve(how);
  }
}
