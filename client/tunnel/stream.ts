// One open tunnel as a stream that undici and ws use like a socket. connection.ts makes it; outgoing.ts holds writes
// back, acknowledgement.ts confirms what was read, keepalive.ts notices a dead peer.
import { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { Acknowledgement } from './acknowledgement.ts';
import type { Clock } from '../clock.ts';
import type { TunnelTarget } from './target.ts';
import { errorOfClose, errorOfProtocol, errorOfSilence, isEndOfStream } from './errors.ts';
import type { Frame } from './frames.ts';
import { FrameError, decodeFrame } from './frames.ts';
import { watchPeer } from './keepalive.ts';
import { Outgoing } from './outgoing.ts';

/** Large enough that the reader's pauses do not stop the relay. */
const HIGH_WATER_MARK_BYTES = 1_048_576;
/** After `end()` the answer may still come; the protocol has no half-close, so silence of this length ends it. */
const LINGER_MILLISECONDS = 2_000;
/** How long the peer may take to answer a goodbye. */
const CLOSE_MILLISECONDS = 2_000;

export interface TunnelStreamOptions {
  relay: WebSocket;
  target: TunnelTarget;
  clock: Clock;
  pingIntervalMilliseconds: number;
}

type TimerName = 'linger' | 'close' | 'idle';

export class TunnelStream extends Duplex {
  /** Resolves when the session id has arrived, rejects when the tunnel ends before that. */
  readonly connected: Promise<void>;
  readonly #settleConnected: PromiseWithResolvers<void>;
  readonly #options: TunnelStreamOptions;
  readonly #relay: WebSocket;
  readonly #outgoing: Outgoing;
  readonly #acknowledgement: Acknowledgement;
  readonly #cancels = new Map<TimerName, () => void>();
  #stopWatching: (() => void) | undefined;
  #idleMilliseconds = 0;
  /** The relay's name for this connection: what a reconnect asks for. */
  #sessionId: Buffer | undefined;

  constructor(options: TunnelStreamOptions) {
    super({ highWaterMark: HIGH_WATER_MARK_BYTES, allowHalfOpen: false });
    this.#options = options;
    this.#relay = options.relay;
    this.#outgoing = new Outgoing(options.relay);
    this.#acknowledgement = new Acknowledgement(options.relay, options.clock);
    this.#settleConnected = Promise.withResolvers();
    this.connected = this.#settleConnected.promise;
    this.connected.catch(() => undefined); // `close` tells it too; nobody may be waiting here.
    // The stream is handed over asynchronously: an error before its user listens must not end the process.
    this.on('error', () => undefined);
    this.#listen();
  }

  get connecting(): boolean {
    return this.#sessionId === undefined;
  }

  override _read(): void {
    if (this.#relay.isPaused) this.#relay.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#restartIdleTimer();
    this.#outgoing.write([chunk], done);
  }

  override _writev(items: { chunk: Buffer }[], done: () => void): void {
    this.#restartIdleTimer();
    this.#outgoing.write(
      items.map((item) => item.chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    done();
    this.#linger();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stopWatching?.();
    for (const cancel of this.#cancels.values()) cancel();
    this.#settleConnected.reject(error ?? new Error('the tunnel was closed before it was open'));
    if (error !== null || this.connecting) this.#relay.terminate();
    else this.#closeRelay();
    this.#acknowledgement.stop();
    done(error);
  }

  /** As a socket's: emits `timeout` after so long without traffic (0: never); ws and node:http rely on it. */
  setTimeout(milliseconds: number, onTimeout?: () => void): this {
    this.#idleMilliseconds = milliseconds;
    if (onTimeout) this.once('timeout', onTimeout);
    this.#restartIdleTimer();
    return this;
  }

  // A socket's other settings concern the TCP connection between relay and instance, which is not ours to set.
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  #listen(): void {
    this.#relay.on('message', (data, isBinary) => {
      if (!this.destroyed) this.#receive(data as Buffer, isBinary);
    });
    this.#relay.on('error', () => undefined); // `close` follows and is what counts.
    this.#relay.on('close', (code) => {
      this.#onRelayClosed(code);
    });
  }

  #receive(message: Buffer, isBinary: boolean): void {
    try {
      if (!isBinary) throw new FrameError('a text message');
      this.#handle(decodeFrame(message));
    } catch (error) {
      this.destroy(errorOfProtocol(this.#options.target, error));
    }
  }

  #handle(frame: Frame): void {
    if (this.connecting && frame.kind !== 'sessionId' && frame.kind !== 'unknown') {
      throw new FrameError(`a frame (${frame.kind}) before the session id`);
    }
    switch (frame.kind) {
      case 'data':
        this.#onData(frame.data);
        return;
      case 'ack':
        this.#restartIdleTimer();
        this.#outgoing.confirm(frame.bytes);
        return;
      case 'sessionId':
        this.#onSessionId(frame.sessionId);
        return;
      case 'reconnectAck':
        throw new FrameError('the answer to a reconnect that nobody asked for');
      case 'unknown':
        return;
      default:
        frame satisfies never;
    }
  }

  #onSessionId(sessionId: Buffer): void {
    if (!this.connecting) throw new FrameError('a second session id');
    this.#sessionId = Buffer.from(sessionId);
    const { clock, pingIntervalMilliseconds, target } = this.#options;
    this.#stopWatching = watchPeer(this.#relay, clock, pingIntervalMilliseconds, () => {
      this.destroy(errorOfSilence(target));
    });
    this.#settleConnected.resolve();
    this.emit('connect');
  }

  #onData(data: Buffer): void {
    this.#acknowledgement.received(data.length);
    this.#restartIdleTimer();
    if (this.writableFinished) this.#linger();
    if (!this.push(data)) this.#relay.pause();
  }

  #onRelayClosed(code: number): void {
    this.#stopTimer('close');
    if (this.destroyed) return;
    if (this.connecting || !isEndOfStream(code)) {
      this.destroy(errorOfClose(code, this.#options.target));
      return;
    }
    this.#stopWatching?.();
    this.push(null);
    // As with TCP: what was written and not delivered is lost, what has arrived is still read.
    this.#outgoing.drop();
  }

  #linger(): void {
    this.#startTimer('linger', LINGER_MILLISECONDS, () => {
      this.#closeRelay();
    });
  }

  #closeRelay(): void {
    if (this.#relay.readyState === WebSocket.CLOSED) return;
    this.#acknowledgement.send();
    this.#relay.close(1000);
    this.#relay.resume(); // The peer's own goodbye stands behind what was not read.
    this.#startTimer('close', CLOSE_MILLISECONDS, () => {
      this.#relay.terminate();
    });
  }

  #restartIdleTimer(): void {
    if (this.#idleMilliseconds === 0 || this.destroyed) this.#stopTimer('idle');
    else {
      this.#startTimer('idle', this.#idleMilliseconds, () => {
        this.emit('timeout');
      });
    }
  }

  #startTimer(name: TimerName, milliseconds: number, run: () => void): void {
    this.#stopTimer(name);
    this.#cancels.set(name, this.#options.clock.after(milliseconds, run));
  }

  #stopTimer(name: TimerName): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }
}
