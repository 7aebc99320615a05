import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocketServer } from 'ws';
import { execute, openKernelSocket } from './kernel-socket.ts';
import { until } from './until.ts';

describe('a test that waits in vain', () => {
  it('is told what for when what it asks never answers', async () => {
    const never = () => new Promise<boolean>(() => undefined);
    await assert.rejects(until('a word', never, 0.05), /gave up after 0.05 s: a word/);
  });

  it('is told what a kernel has said of a cell that does not end', async (t) => {
    const server = createServer();
    const kernels = new WebSocketServer({ server });
    t.after(() => {
      for (const client of kernels.clients) client.terminate();
      server.close();
    });
    kernels.on('connection', (client) => {
      client.on('message', (data: Buffer) => {
        const { header } = JSON.parse(data.toString()) as { header: object };
        const content = { execution_state: 'busy' };
        client.send(JSON.stringify({ msg_type: 'status', parent_header: header, content }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socket = await openKernelSocket(`ws://127.0.0.1:${port}`, {});
    await assert.rejects(
      execute(socket, 'a cell', 0.5),
      /gave up after 0.5 s: the end of "a cell"; heard was status busy/,
    );
  });
});
