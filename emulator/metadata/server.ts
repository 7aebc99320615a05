// One metadata server per running instance, on its own loopback address: binding it is also what proves that
// the address is free, between several emulators on one machine too.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createListener, type Dispatch } from '../router.ts';

export const METADATA_PORT = 8880;

export interface MetadataServer {
  readonly address: string;
  /** host:port, as GCE_METADATA_HOST takes it. */
  readonly host: string;
  close(): void;
}

/** Undefined when another emulator, or anything else, has the address. */
export async function listenOnAddress(
  address: string,
  answer: Dispatch,
): Promise<MetadataServer | undefined> {
  const server = createServer(createListener(answer));
  if (!(await tryListen(server, address))) return undefined;
  return {
    address,
    host: `${address}:${METADATA_PORT}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function tryListen(server: Server, address: string): Promise<boolean> {
  server.listen(METADATA_PORT, address);
  try {
    await once(server, 'listening');
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') return false;
    throw error;
  }
}
