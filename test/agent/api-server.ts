// The HTTP API and the metadata server as the agent meets them, for its tests: strict about what they are asked,
// and able to fail. The schemas are the contract's own.
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { KernelActivity, ReportRequest, ReportResponse } from '../../functions/contract.ts';
import { registerRequest, reportRequest } from '../../functions/contract.ts';

export const ACCESS_TOKEN = 'the-access-token-of-the-session';
const IDENTITY_PATH = '/computeMetadata/v1/instance/service-accounts/default/identity';

export interface ApiServer {
  url: string;
  metadataHost: string;
  registrations: number;
  identityTokens: number;
  reports: ReportRequest[];
  /** Anything that was not as the contract says. */
  violations: string[];
  /** Answers calls with this status while it is set. */
  failWith: number | undefined;
  reportIntervalSeconds: number;
  deadManSeconds: number;
  /** What reports are answered with; `sleep` until it was answered itself. */
  isAwake: boolean;
  sleep: ReportResponse['sleep'];
  /** Answers no report while it is set, as a connection that is dead. */
  isSilent: boolean;
  lastKernel(id: string): KernelActivity | undefined;
  close(): Promise<void>;
}

export async function startApiServer(): Promise<ApiServer> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const api: ApiServer = {
    url: `http://127.0.0.1:${port}`,
    metadataHost: `127.0.0.1:${port}`,
    registrations: 0,
    identityTokens: 0,
    reports: [],
    violations: [],
    failWith: undefined,
    reportIntervalSeconds: 30,
    deadManSeconds: 3600,
    isAwake: true,
    sleep: undefined,
    isSilent: false,
    lastKernel: (id) => api.reports.at(-1)?.kernels.find((kernel) => kernel.id === id),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('request', (request, response) => {
    void answer(api, request, response);
  });
  return api;
}

async function answer(
  api: ApiServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', api.url);
  if (url.pathname === IDENTITY_PATH) {
    giveIdentity(api, request, url, response);
    return;
  }
  const body = await text(request);
  const bearer = request.headers.authorization;
  if (bearer !== request.headers['x-serverless-authorization']) api.violations.push('two tokens');
  if (!/^Bearer header\.[\w-]+\.signature$/.test(bearer ?? '')) api.violations.push('no token');
  if (api.failWith !== undefined) {
    const error = { code: api.failWith, status: 'UNAVAILABLE', message: 'as asked' };
    response.writeHead(api.failWith).end(JSON.stringify({ error }));
    return;
  }
  switch (`${request.method} ${url.pathname}`) {
    case 'POST /v1/sessions/s1:register':
      registerRequest.parse(JSON.parse(body));
      api.registrations += 1;
      json(response, {
        accessToken: ACCESS_TOKEN,
        reportIntervalSeconds: api.reportIntervalSeconds,
        deadManSeconds: api.deadManSeconds,
      });
      return;
    case 'POST /v1/sessions/s1:report':
      acceptReport(api, body);
      if (!api.isSilent) json(response, responseOf(api));
      return;
    default:
      api.violations.push(`${request.method} ${url.pathname}`);
      response.writeHead(404).end();
  }
}

function giveIdentity(
  api: ApiServer,
  request: IncomingMessage,
  url: URL,
  response: ServerResponse,
): void {
  if (request.headers['metadata-flavor'] !== 'Google') api.violations.push('Metadata-Flavor');
  if (url.searchParams.get('audience') !== api.url) api.violations.push('audience');
  if (url.searchParams.get('format') !== 'full') api.violations.push('format');
  api.identityTokens += 1;
  const claims = { exp: Math.floor(Date.now() / 1000) + 3600, n: api.identityTokens };
  response.end(`header.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`);
}

function acceptReport(api: ApiServer, body: string): void {
  const parsed = reportRequest.safeParse(JSON.parse(body));
  if (!parsed.success) {
    api.violations.push(parsed.error.message);
    return;
  }
  const last = api.reports.at(-1);
  if (last && parsed.data.sequence <= last.sequence) api.violations.push('sequence');
  if (last && parsed.data.bootId !== last.bootId) api.violations.push('bootId');
  if (last && parsed.data.wake < last.wake) api.violations.push('wake');
  api.reports.push(parsed.data);
  if (parsed.data.sleep && parsed.data.sleep.nonce === api.sleep?.nonce) api.sleep = undefined;
}

function responseOf(api: ApiServer): ReportResponse {
  const { reportIntervalSeconds, deadManSeconds, isAwake, sleep } = api;
  return { reportIntervalSeconds, deadManSeconds, isAwake, ...(sleep && { sleep }) };
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
