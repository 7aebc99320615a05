// A strict IAP relay on loopback for the tunnel's tests: passes bytes to a TCP port and writes down every breach of the
// protocol. It has its own idea of the frames, so that a mistake in client/tunnel/frames.ts shows.
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

const SUBPROTOCOL = 'relay.tunnel.cloudproxy.app';
const MAX_DATA_BYTES = 16_384;

export interface IapServerOptions {
  /** Where every tunnel leads; without it nothing is connected and the test plays the relay. */
  targetPort?: number;
  token: string;
  /** Answers the handshake with this status. */
  refuseWith?: number;
  /** Closes with this code before the session id. */
  closeWith?: number;
  /** The peer falls silent: no pongs. */
  isMute?: boolean;
  /** Instead of sending the session id. */
  onOpen?: (peer: IapPeer) => void;
  /** Bytes on the way to the client before the relay waits for an acknowledgement. */
  windowBytes?: number;
  /** The relay takes no data from the client (acknowledges nothing and does not read). */
  acknowledges?: boolean;
}

export interface IapServer {
  url: string;
  violations: string[];
  peers: IapPeer[];
  requests: IncomingMessage[];
  close(): Promise<void>;
}

export class IapPeer {
  readonly webSocket: WebSocket;
  readonly violations: string[];
  readonly dataFrameSizes: number[] = [];
  readonly acks: number[] = [];
  sentBytes = 0;
  receivedBytes = 0;
  ackedByClient = 0;
  closeCode: number | undefined;
  #ackedToClient = 0;
  #socket: Socket | undefined;
  readonly #windowBytes: number;
  readonly #acknowledges: boolean;

  constructor(webSocket: WebSocket, violations: string[], options: IapServerOptions) {
    this.webSocket = webSocket;
    this.violations = violations;
    this.#windowBytes = options.windowBytes ?? Number.MAX_SAFE_INTEGER;
    this.#acknowledges = options.acknowledges ?? true;
    webSocket.on('message', (data, isBinary) => {
      this.#receive(data as Buffer, isBinary);
    });
    webSocket.on('error', () => undefined);
    webSocket.on('close', (code) => {
      this.closeCode = code;
      this.#socket?.end();
    });
  }

  sendSessionId(): void {
    const id = Buffer.from('a session id');
    this.webSocket.send(Buffer.concat([bytesOf(1, 2), bytesOf(id.length, 4), id]));
  }

  sendData(data: Buffer): void {
    for (let from = 0; from < data.length; from += MAX_DATA_BYTES) {
      const part = data.subarray(from, from + MAX_DATA_BYTES);
      this.sentBytes += part.length;
      this.webSocket.send(Buffer.concat([bytesOf(4, 2), bytesOf(part.length, 4), part]));
    }
  }

  sendAck(total: number): void {
    this.webSocket.send(Buffer.concat([bytesOf(7, 2), bytesOf(total, 8)]));
  }

  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on('data', (data) => {
      this.sendData(data);
      if (this.sentBytes - this.ackedByClient > this.#windowBytes) socket.pause();
      if (this.webSocket.bufferedAmount > 1_048_576) {
        socket.pause();
        this.webSocket.send(Buffer.concat([bytesOf(99, 2)]), () => socket.resume());
      }
    });
    socket.on('drain', () => {
      this.webSocket.resume();
    });
    socket.on('end', () => {
      this.webSocket.close(1000);
    });
    socket.on('error', () => {
      this.webSocket.close(4010);
    });
  }

  #receive(message: Buffer, isBinary: boolean): void {
    if (!isBinary) this.violations.push('a text message');
    const tag = message.readUInt16BE(0);
    if (tag === 4) this.#receiveData(message);
    else if (tag === 7) this.#receiveAck(message);
    else this.violations.push(`tag ${tag} from the client`);
  }

  #receiveData(message: Buffer): void {
    const length = message.readUInt32BE(2);
    if (length !== message.length - 6) this.violations.push('a data frame of the wrong length');
    if (length > MAX_DATA_BYTES) this.violations.push(`a data frame of ${length} bytes`);
    if (length === 0) this.violations.push('an empty data frame');
    this.dataFrameSizes.push(length);
    this.receivedBytes += length;
    if (this.#socket?.write(message.subarray(6)) === false) this.webSocket.pause();
    if (!this.#acknowledges) return;
    if (this.receivedBytes - this.#ackedToClient < 2 * MAX_DATA_BYTES) return;
    this.#ackedToClient = this.receivedBytes;
    this.sendAck(this.receivedBytes);
  }

  #receiveAck(message: Buffer): void {
    const total = Number(message.readBigUInt64BE(2));
    if (message.length !== 10) this.violations.push('an acknowledgement of the wrong length');
    if (total <= this.ackedByClient)
      this.violations.push(`ack ${total} after ${this.ackedByClient}`);
    if (total > this.sentBytes) this.violations.push(`ack ${total} of ${this.sentBytes}`);
    this.ackedByClient = total;
    this.acks.push(total);
    if (this.sentBytes - total <= this.#windowBytes) this.#socket?.resume();
  }
}

export async function startIapServer(options: IapServerOptions): Promise<IapServer> {
  const violations: string[] = [];
  const peers: IapPeer[] = [];
  const requests: IncomingMessage[] = [];
  const http = createServer();
  const webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (protocols) => (protocols.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    ...(options.isMute === true ? { autoPong: false } : {}),
  });
  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    requests.push(request);
    checkRequest(request, violations);
    const status =
      options.refuseWith ??
      (request.headers.authorization === `Bearer ${options.token}` ? undefined : 401);
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      open(webSocket);
    });
  });
  const open = (webSocket: WebSocket) => {
    if (options.closeWith !== undefined) {
      webSocket.close(options.closeWith, 'as asked');
      return;
    }
    const peer = new IapPeer(webSocket, violations, options);
    peers.push(peer);
    if (options.targetPort === undefined) {
      if (options.onOpen) options.onOpen(peer);
      else peer.sendSessionId();
      return;
    }
    const socket = connect(options.targetPort, '127.0.0.1', () => {
      peer.attach(socket);
      peer.sendSessionId();
    });
    socket.once('error', () => {
      if (socket.connecting) webSocket.close(4003);
    });
  };
  const port = await listen(http);
  return {
    url: `ws://127.0.0.1:${port}/v4`,
    violations,
    peers,
    requests,
    close: async () => {
      for (const client of webSockets.clients) client.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function checkRequest(request: IncomingMessage, violations: string[]): void {
  const url = new URL(request.url ?? '/', 'http://relay');
  const expected = {
    project: 'a-project',
    zone: 'europe-west1-b',
    instance: 'an-instance',
    interface: 'nic0',
    newWebsocket: 'True',
  };
  if (url.pathname !== '/v4/connect') violations.push(`path ${url.pathname}`);
  for (const [name, value] of Object.entries(expected)) {
    if (url.searchParams.get(name) !== value) violations.push(`parameter ${name}`);
  }
  if (!/^\d+$/.test(url.searchParams.get('port') ?? '')) violations.push('parameter port');
  if (request.headers.origin !== 'bot:iap-tunneler') violations.push('Origin');
  if (request.headers['user-agent'] === undefined) violations.push('User-Agent');
  if (request.headers['sec-websocket-protocol'] !== SUBPROTOCOL) violations.push('subprotocol');
}

function bytesOf(value: number, size: 2 | 4 | 8): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes.subarray(8 - size);
}
