// A gateway that makes kernels as Jupyter does, and whose answers are lost, or late, when the test says so.
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Gateway } from '../../agent/gateway.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

interface Kernel {
  id: string;
  name: string;
  execution_state: string;
}
interface Session {
  id: string;
  path: string;
  kernel: Kernel;
}

/** `lose`: it is done, and the answer is lost. `stall`: nothing is done before the test calls `finish`. */
export type Fate = 'answer' | 'lose' | 'stall';

export class ScriptedGateway {
  /** When it was started, if it says so. */
  started: string | undefined = '2026-01-01T00:00:00Z';
  kernels: Kernel[] = [];
  sessions: Session[] = [];
  /** What becomes of the next requests that make something; then they are answered. */
  fates: Fate[] = [];
  /** Method and path of what came to make something. */
  readonly made: string[] = [];
  readonly #stalled: { act: () => object; response: ServerResponse }[] = [];
  #count = 0;

  get stalled(): number {
    return this.#stalled.length;
  }

  /** Does what was stalled; whether its caller still hears of it is the caller's business. */
  finish(): void {
    for (const { act, response } of this.#stalled.splice(0)) reply(response, 201, act());
  }

  /** Hangs up on who waits, and goes on with what they asked for. */
  hangUp(): void {
    for (const { response } of this.#stalled) response.destroy();
  }

  newKernel(name = 'python3'): Kernel {
    this.#count += 1;
    const kernel = { id: `k${this.#count}`, name, execution_state: 'starting' };
    this.kernels.push(kernel);
    return kernel;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '' } = request;
    if (method === 'GET') {
      this.#answerGet(url, response);
      return;
    }
    const text = Buffer.concat(chunks).toString();
    const body = JSON.parse(text === '' ? '{}' : text) as Wanted;
    this.made.push(`${method} ${url}`);
    const act = () => this.#make(url, body);
    const fate = this.fates.shift() ?? 'answer';
    if (fate === 'stall') this.#stalled.push({ act, response });
    else if (fate === 'answer') reply(response, 201, act());
    else {
      act();
      response.destroy();
    }
  }

  #answerGet(url: string, response: ServerResponse): void {
    if (url === '/api/kernels') reply(response, 200, this.kernels);
    else if (url === '/api/sessions') reply(response, 200, this.sessions);
    else if (url === '/api/status') reply(response, 200, { started: this.started });
    else reply(response, 200, {});
  }

  #make(url: string, body: Wanted): object {
    if (url === '/api/kernels') return this.newKernel(body.name);
    if (url.endsWith('/restart')) return { id: 'k' };
    if (url === '/api/shutdown') return {};
    const known = this.sessions.find(({ id, path }) =>
      url === '/api/sessions' ? path === body.path : url.endsWith(id),
    );
    const kernel = () => this.newKernel(body.kernel?.name);
    if (known && url === '/api/sessions') return known;
    if (known) return Object.assign(known, { kernel: kernel() });
    const session = { id: `s${this.#count}`, path: body.path ?? '', kernel: kernel() };
    this.sessions.push(session);
    return session;
  }
}

interface Wanted {
  name?: string;
  path?: string;
  kernel?: { name: string };
}

/** @returns its address and the file with its token; gone after the test */
export async function startScriptedGateway(
  t: TestContext,
  script = new ScriptedGateway(),
): Promise<{ script: ScriptedGateway; url: string; tokenFile: string; gateway: Gateway }> {
  const server = createServer((request, response) => void script.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tokenFile = join(temporaryFolder(t), 'token');
  writeFileSync(tokenFile, 'the-gateway-token\n');
  const quiet = { info: () => undefined, error: () => undefined };
  const gateway = new Gateway(url, tokenFile, quiet);
  t.after(async () => {
    await gateway.close();
    server.closeAllConnections();
    server.close();
  });
  return { script, url, tokenFile, gateway };
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
