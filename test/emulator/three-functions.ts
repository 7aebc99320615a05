// Functions for tests of the emulator, by the names that the backend's have. What `reapIdle` and `onBuildFinished`
// are sent, they write into a file, one line each.
import { appendFileSync } from 'node:fs';
import { cloudEvent, http } from '@google-cloud/functions-framework';
import { listenOn, takeBodiesUnparsed } from '../../functions/framework.ts';

const { REQUESTS_FILE = '', LISTEN_ADDRESS = '', MISSING = '' } = process.env;

takeBodiesUnparsed();
listenOn(LISTEN_ADDRESS);

function write(content: object): void {
  appendFileSync(REQUESTS_FILE, `${JSON.stringify(content)}\n`);
}

http('api', (_request, response) => {
  response.json({ environment: process.env });
});

if (MISSING !== 'reapIdle') {
  http('reapIdle', (request, response) => {
    write({ target: 'reapIdle', method: request.method, headers: request.headers });
    response.json({});
  });
}

cloudEvent('onBuildFinished', (event: unknown) => {
  write({ target: 'onBuildFinished', event });
});
