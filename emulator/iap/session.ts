// One tunnel: carries bytes between a client's WebSocket and a TCP connection to the instance, with cumulative
// acknowledgements both ways. It outlives a WebSocket that was cut, for the client to reconnect.
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import {
  ackFrame,
  CLOSE,
  dataFrames,
  FrameError,
  readFrame,
  reconnectAckFrame,
  sessionIdFrame,
  type CloseCode,
} from './frames.ts';
import { Unconfirmed } from './unconfirmed.ts';

export interface SessionOptions {
  id: string;
  destination: Socket;
  clock: Clock;
  /** How long a cut tunnel waits for its client. */
  reconnectMilliseconds: number;
  onEnd: () => void;
}

/** What may be on its way to the client without its acknowledgement; it acknowledges every 32,768 bytes. */
const WINDOW_BYTES = 256 * 1024;
const ACK_BYTES = 32_768;
/**
 * What the instance may be behind before the WebSocket is read no further. Generous, since acknowledgements
 * wait behind data there: instance and client that both wait to be read would wait for ever.
 */
const BACKLOG_BYTES = 8 * 1024 * 1024;
const ACK_MILLISECONDS = 2_000;

export class TunnelSession {
  readonly id: string;
  readonly #options: SessionOptions;
  readonly #destination: Socket;
  #webSocket: WebSocket | undefined;
  /** What it runs on: corked while several frames are written, which makes them one system call. */
  #carrier: Duplex | undefined;
  #ended = false;
  /** Sent and not yet acknowledged, from byte #confirmed on. */
  readonly #unconfirmed = new Unconfirmed();
  #confirmed = 0;
  #received = 0;
  #acknowledged = 0;
  #cancelAck: (() => void) | undefined;
  #cancelExpiry: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.#options = options;
    this.#destination = options.destination;
    this.#destination.on('data', (chunk: Buffer) => {
      this.#toClient(chunk);
    });
    this.#destination.on('drain', () => this.#webSocket?.resume());
    this.#destination.on('error', () => {
      this.end(CLOSE.readFailed, 'destination read failed');
    });
    // Google's relay says it with this code too when the instance closes in order.
    this.#destination.on('close', () => {
      this.end(CLOSE.readFailed, 'destination read failed');
    });
  }

  get isAttached(): boolean {
    return this.#webSocket !== undefined;
  }

  /** `resumeFrom`: how many bytes the client had received, when it reconnects. */
  attach(webSocket: WebSocket, carrier: Duplex, resumeFrom?: number): void {
    if (resumeFrom !== undefined && !this.#confirm(resumeFrom)) {
      webSocket.close(CLOSE.failedToRewind, 'failed to rewind');
      return;
    }
    this.#cancelExpiry?.();
    this.#webSocket = webSocket;
    this.#carrier = carrier;
    webSocket.on('message', (message: RawData, isBinary: boolean) => {
      this.#onMessage(message as Buffer, isBinary);
    });
    webSocket.on('close', (code: number) => {
      this.#onClose(webSocket, code);
    });
    if (resumeFrom === undefined) webSocket.send(sessionIdFrame(this.id));
    else webSocket.send(reconnectAckFrame(this.#received));
    this.#acknowledged = this.#received;
    for (const piece of this.#unconfirmed.pieces) this.#send(piece);
    this.#destination.resume();
  }

  /** Asks the client to sign in again and reconnect. */
  expireCredentials(): void {
    const webSocket = this.#webSocket;
    if (!webSocket) return;
    this.#detach();
    webSocket.close(CLOSE.reauthenticate, 'reauthentication required');
  }

  end(code: CloseCode, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelAck?.();
    this.#cancelExpiry?.();
    const webSocket = this.#webSocket;
    this.#webSocket = undefined;
    webSocket?.resume(); // A paused one would not see the client's answer to the close.
    webSocket?.close(code, reason);
    this.#destination.destroy();
    this.#options.onEnd();
  }

  #toClient(chunk: Buffer): void {
    this.#unconfirmed.append(chunk);
    this.#send(chunk);
    if (!this.#webSocket || this.#unconfirmed.bytes >= WINDOW_BYTES) this.#destination.pause();
  }

  #send(bytes: Buffer): void {
    if (!this.#webSocket) return;
    this.#carrier?.cork();
    for (const frame of dataFrames(bytes)) this.#webSocket.send(frame);
    this.#carrier?.uncork();
  }

  #onMessage(message: Buffer, isBinary: boolean): void {
    try {
      if (!isBinary) throw new FrameError(CLOSE.invalidOpcode, 'text message');
      const frame = readFrame(message);
      if (frame.kind === 'data') this.#toDestination(frame.data);
      else if (!this.#confirm(frame.bytes)) throw new FrameError(CLOSE.invalidAck, 'invalid ack');
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.end(error.closeCode, error.message);
    }
  }

  /** False for an acknowledgement that goes back, or beyond what was sent. */
  #confirm(bytes: number): boolean {
    const confirmed = bytes - this.#confirmed;
    if (confirmed < 0 || confirmed > this.#unconfirmed.bytes) return false;
    this.#confirmed = bytes;
    this.#unconfirmed.confirm(confirmed);
    if (this.#webSocket && this.#unconfirmed.bytes < WINDOW_BYTES) this.#destination.resume();
    return true;
  }

  #toDestination(data: Buffer): void {
    this.#received += data.length;
    this.#destination.write(data, () => {
      this.#acknowledgeSoon();
    });
    if (this.#destination.writableLength > BACKLOG_BYTES) this.#webSocket?.pause();
  }

  #acknowledgeSoon(): void {
    if (this.#received - this.#acknowledged > ACK_BYTES) this.#acknowledge();
    else
      this.#cancelAck ??= this.#options.clock.after(ACK_MILLISECONDS, () => {
        this.#acknowledge();
      });
  }

  #acknowledge(): void {
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    if (!this.#webSocket || this.#received === this.#acknowledged) return;
    this.#acknowledged = this.#received;
    this.#webSocket.send(ackFrame(this.#received));
  }

  #onClose(webSocket: WebSocket, code: number): void {
    if (webSocket !== this.#webSocket) return;
    // 1006: cut, nobody said goodbye. Anything else is the client's wish to end.
    if (code === 1006) this.#detach();
    else this.end(CLOSE.normal, '');
  }

  #detach(): void {
    this.#webSocket = undefined;
    this.#destination.pause();
    this.#cancelExpiry = this.#options.clock.after(this.#options.reconnectMilliseconds, () => {
      this.end(CLOSE.unknown, 'no reconnect');
    });
  }
}
