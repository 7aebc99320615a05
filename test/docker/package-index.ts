// An index of Python packages on this machine, as a mirror of PyPI serves them: a page for each name, wheels beside it.
// https://packaging.python.org/en/latest/specifications/simple-repository-api/
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { TestContext } from 'node:test';

/** @param wheels file names in `folder`, by the package's normalized name. Its address; it ends with the test. */
export async function startIndex(
  t: TestContext,
  folder: string,
  wheels: Readonly<Record<string, string>>,
): Promise<string> {
  const server = createServer((request, response) => {
    answer(request, response, folder, wheels);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
}

function answer(
  { url = '' }: IncomingMessage,
  response: ServerResponse,
  folder: string,
  wheels: Readonly<Record<string, string>>,
): void {
  const [, name = ''] = /^\/simple\/([^/]+)\/$/.exec(url) ?? [];
  const wheel = wheels[name];
  if (wheel !== undefined) {
    response.setHeader('content-type', 'text/html');
    response.end(`<!DOCTYPE html><a href="/wheels/${wheel}">${wheel}</a>`);
    return;
  }
  const file = url.replace('/wheels/', '');
  if (Object.values(wheels).includes(file)) response.end(readFileSync(path.join(folder, file)));
  else response.writeHead(404).end();
}
