// The little of Google that vm-startup.sh talks to, for tests of the runtime alone: a metadata server on each
// instance's address and a registry with two images. The emulator's own have their own tests.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
});
const DIGEST = `sha256:${createHash('sha256').update(MANIFEST).digest('hex')}`;
const TOKEN = 'an-access-token';

export interface Cloud {
  registryUrl: string;
  close(): void;
}

export async function startCloud(instances: Record<string, string>): Promise<Cloud> {
  const servers: Server[] = [];
  const registry = createServer((request, response) => {
    const isKnown = request.url?.endsWith(`/manifests/${DIGEST}`) === true;
    const isAllowed = request.headers.authorization === `Bearer ${TOKEN}`;
    response.writeHead(isAllowed ? (isKnown ? 200 : 404) : 401).end(isKnown ? MANIFEST : '');
  });
  servers.push(registry);
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
  for (const [name, address] of Object.entries(instances)) {
    const metadata = metadataServer(name, address);
    servers.push(metadata);
    metadata.listen(8880, address);
    await once(metadata, 'listening');
  }
  return {
    registryUrl: `http://127.0.0.1:${(registry.address() as AddressInfo).port}`,
    close: () => {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function metadataServer(name: string, address: string): Server {
  const values: Record<string, string> = {
    name,
    'network-interfaces/0/ip': address,
    'attributes/': 'datalab-gateway-address\ndatalab-gateway-image\n',
    'attributes/datalab-gateway-address': address,
    'attributes/datalab-gateway-image': `gcr.io/a-project/datalab-gateway@${DIGEST}`,
    'attributes/datalab-agent-image': `gcr.io/a-project/datalab-agent@${DIGEST}`,
    'attributes/datalab-session': `session-of-${name}`,
    'attributes/datalab-api-url': 'http://127.0.0.1:9/api',
    'service-accounts/default/token': JSON.stringify({ access_token: TOKEN }),
  };
  return createServer((request, response) => {
    const value = values[request.url?.replace('/computeMetadata/v1/instance/', '') ?? ''];
    const isGoogle = request.headers['metadata-flavor'] === 'Google';
    response.writeHead(isGoogle ? (value === undefined ? 404 : 200) : 403).end(value ?? '');
  });
}
