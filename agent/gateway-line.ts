// The agent's one WebSocket to the gateway for a kernel: opened again as often as it breaks, always under the same session
// id, so that the gateway's buffer of what was printed meanwhile is ours. kernel-host.ts owns it.
import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import { keepAlive } from './channel/keep-alive.ts';
import { V1_SUBPROTOCOL, fromWire, toWire, writeMessage } from './channel/messages.ts';
import type { Clock } from './clock.ts';
import type { Gateway } from './gateway.ts';
import { HandshakeRefused, openKernelConnection } from './kernel-connection.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';
import type { Way } from './queue/record.ts';
import { acknowledgeQuickly } from './quick-acknowledgement.ts';

const FIRST_PAUSE_MILLISECONDS = 200;
const LONGEST_PAUSE_MILLISECONDS = 5_000;
/** A kernel that is at work does not answer: then what is open is taken for good. */
const PROOF_MILLISECONDS = 20_000;
/** What is unread when the connection is ended is lost: it is not ended because we were frozen between two pings. */
const PINGS = { milliseconds: 30_000, maxSilent: 2 };
/** The answer to a question may be lost as any other's: then it is asked again. */
const ASK_AGAIN_MILLISECONDS = 2_000;
/** So long a gateway that is at work may take to send what it has to; Docker gives a program ten seconds to end. */
const HEAR_OUT_MILLISECONDS = 7_000;
/** One that has sent it answers a goodbye within this. */
const GOODBYE_MILLISECONDS = 1_000;

export interface GatewayLineOptions {
  kernelId: string;
  /** The front-end session that the gateway knows us by. */
  sessionId: string;
  gateway: Gateway;
  clock: Pick<Clock, 'after'>;
  log: Log;
  /** The kernel is at work: it will not answer a question. */
  isBusy: () => boolean;
  /** Both ways are open, under a name that no other connection has. */
  onConnected: (connection: string) => void;
  onDisconnected: () => void;
  /**
   * In the v1 form.
   * @returns the message id of the request that it is a published word on
   */
  onMessage: (frame: Buffer, way: Way) => string | undefined;
  /** The gateway knows no such kernel. */
  onGone: () => void;
}

/** A message as it came, and how. */
interface Heard {
  protocol: string;
  data: Buffer;
  isBinary: boolean;
  way: Way;
}

export class GatewayLine {
  readonly #options: GatewayLineOptions;
  readonly #end = new AbortController();
  /** Nothing is opened any more; what is open, or about to be, is heard out. */
  #isRetiring = false;
  #opening = Promise.resolve();
  /** Resolved when the present connection has shown that it passes messages, or has ended. */
  #proof = Promise.withResolvers<unknown>();
  #webSocket: WebSocket | undefined;
  #connection = '';
  #isProven = false;
  /** We have said goodbye to the gateway on this connection. */
  #isLeaving = false;
  #isPaused = false;
  /** What came all the same while nothing is taken: what the socket had read already. */
  readonly #held: Heard[] = [];
  /** Message ids of what was asked on this connection. */
  readonly #questions = new Set<string>();
  #pause = FIRST_PAUSE_MILLISECONDS;
  #cancels: (() => void)[] = [];

  constructor(options: GatewayLineOptions) {
    this.#options = options;
    this.#opening = this.#open();
  }

  /** The present connection, as soon as messages pass both ways. */
  get connection(): string | undefined {
    return this.#isProven && !this.#isOver ? this.#connection : undefined;
  }

  /** In the v1 form; what is sent on a connection that breaks may be lost. */
  send(frame: Buffer): void {
    const webSocket = this.#webSocket;
    if (!webSocket) return;
    const { data, isBinary } = toWire(webSocket.protocol, frame);
    webSocket.send(data, { binary: isBinary, compress: false });
  }

  /**
   * After a restart the kernel may have other ports: the gateway finds them when a connection is made. What it says until
   * this one has ended is still handed on; what comes behind that it keeps for the next.
   */
  renew(): void {
    const webSocket = this.#webSocket;
    if (!webSocket || this.#isLeaving) return;
    this.#isLeaving = true;
    this.#unproven();
    void this.#inTime(hearOut(webSocket)).then(() => {
      this.#sayGoodbye(webSocket);
    });
  }

  /** Hands on nothing more until `resume`, and loses nothing: the connection holds it, then the gateway. */
  pause(): void {
    this.#isPaused = true;
    this.#webSocket?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#handOnHeld();
  }

  close(): void {
    this.#end.abort();
    this.#hangUp();
  }

  /**
   * Nothing more is asked for; what the gateway says until it has heard so is still handed on. It gives what it has kept for
   * us to a connection a while after that is made, and forgets it when the connection ends before: one that is not proven
   * is waited for.
   */
  async retire(): Promise<void> {
    this.#isRetiring = true;
    await this.#inTime(
      this.#opening
        .then(() => this.#webSocket && this.#proof.promise)
        .then(() => this.#webSocket && hearOut(this.#webSocket)),
    );
    this.#end.abort();
    const webSocket = this.#webSocket;
    if (!webSocket) return;
    const closed = new Promise((done) => webSocket.once('close', done));
    this.#sayGoodbye(webSocket);
    await closed;
  }

  get #isOver(): boolean {
    return this.#isRetiring || this.#end.signal.aborted;
  }

  async #inTime(heard: Promise<unknown>): Promise<void> {
    const { promise: patience, resolve } = Promise.withResolvers<unknown>();
    const cancel = this.#options.clock.after(HEAR_OUT_MILLISECONDS, () => {
      resolve(undefined);
    });
    await Promise.race([heard, patience]);
    cancel();
  }

  #hangUp(): void {
    const webSocket = this.#webSocket;
    this.#lost();
    if (webSocket) this.#sayGoodbye(webSocket);
  }

  /** A gateway that does not answer the goodbye is gone, and with it the connection. */
  #sayGoodbye(webSocket: WebSocket): void {
    const cancel = this.#options.clock.after(GOODBYE_MILLISECONDS, () => {
      webSocket.terminate();
    });
    webSocket.once('close', cancel);
    webSocket.close();
  }

  async #open(): Promise<void> {
    const { gateway, kernelId, sessionId, log } = this.#options;
    const path = `/api/kernels/${kernelId}/channels?session_id=${sessionId}`;
    try {
      const { signal } = this.#end;
      this.#use(await openKernelConnection(gateway, path, [V1_SUBPROTOCOL], signal));
    } catch (error) {
      if (this.#isOver) return;
      if (error instanceof HandshakeRefused && error.status === 404) {
        this.#options.onGone();
        return;
      }
      log.error('kernel not reached', { kernel: kernelId, reason: reasonOf(error) });
      this.#reopen(this.#pause);
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MILLISECONDS);
    }
  }

  #use(webSocket: WebSocket): void {
    this.#webSocket = webSocket;
    this.#connection = randomUUID();
    this.#pause = FIRST_PAUSE_MILLISECONDS;
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (webSocket === this.#webSocket) this.#receive(webSocket, data, isBinary);
    });
    webSocket.once('close', () => {
      if (webSocket !== this.#webSocket) return;
      const pause = this.#isLeaving ? 0 : this.#pause;
      this.#lost();
      if (!this.#isOver) this.#reopen(pause);
    });
    const { clock } = this.#options;
    acknowledgeQuickly(webSocket, clock);
    this.#cancels.push(keepAlive(webSocket, clock, PINGS).stop);
    this.#prove();
    if (!this.#isPaused) webSocket.resume();
  }

  #receive({ protocol }: WebSocket, data: Buffer, isBinary: boolean): void {
    const way = { connection: this.#connection, isLeaving: this.#isLeaving };
    const heard = { protocol, data, isBinary, way };
    if (this.#isPaused) this.#held.push(heard);
    else this.#handOn(heard);
  }

  /** Until it is to wait again. */
  #handOnHeld(): void {
    while (!this.#isPaused) {
      const next = this.#held.shift();
      if (next) this.#handOn(next);
      else {
        this.#webSocket?.resume();
        return;
      }
    }
  }

  #handOn({ protocol, data, isBinary, way }: Heard): void {
    try {
      const frame = fromWire(protocol, data, isBinary);
      const subject = this.#options.onMessage(frame, way);
      // An earlier question may have been answered by a process that is gone.
      const isAnswer = subject !== undefined && this.#questions.has(subject);
      if (isAnswer && way.connection === this.#connection) this.#proven();
    } catch (error) {
      this.#options.log.error('message of the gateway not understood', { reason: reasonOf(error) });
    }
  }

  /**
   * The gateway takes messages for a kernel before it has subscribed to what that kernel says: the output of a cell that
   * is sent then is lost. So something is asked first, and what is published about it waited for.
   */
  #prove(): void {
    this.#isProven = false;
    this.#proof = Promise.withResolvers();
    this.#questions.clear();
    this.#ask();
    const patience = this.#options.isBusy() ? 0 : PROOF_MILLISECONDS;
    const webSocket = this.#webSocket;
    this.#cancels.push(
      this.#options.clock.after(patience, () => {
        if (webSocket === this.#webSocket) this.#proven();
      }),
    );
  }

  #ask(): void {
    const { sessionId, clock } = this.#options;
    const question = randomUUID();
    this.#questions.add(question);
    this.send(kernelInfoRequest(question, sessionId));
    const cancel = clock.after(ASK_AGAIN_MILLISECONDS, () => {
      if (!this.#isProven) this.#ask();
    });
    this.#cancels.push(cancel);
  }

  #proven(): void {
    if (this.#isProven || this.#isLeaving || this.#webSocket === undefined) return;
    this.#proof.resolve(undefined);
    if (this.#isOver) return;
    this.#isProven = true;
    this.#options.onConnected(this.#connection);
  }

  #lost(): void {
    this.#webSocket = undefined;
    this.#isLeaving = false;
    this.#unproven();
  }

  #unproven(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
    this.#proof.resolve(undefined);
    const wasProven = this.#isProven;
    this.#isProven = false;
    if (wasProven) this.#options.onDisconnected();
  }

  #reopen(milliseconds: number): void {
    const again = this.#options.clock.after(milliseconds, () => {
      this.#end.signal.removeEventListener('abort', again);
      if (!this.#isOver) this.#opening = this.#open();
    });
    this.#end.signal.addEventListener('abort', again, { once: true });
  }
}

/**
 * Tornado answers a goodbye by closing, and forgets what it had still to send: megabytes, when the kernel is faster than
 * we. So it is pinged until nothing comes before its pong.
 */
async function hearOut(webSocket: WebSocket): Promise<void> {
  for (let isQuiet = false; !isQuiet && webSocket.readyState === webSocket.OPEN;) {
    isQuiet = true;
    const onMessage = () => {
      isQuiet = false;
    };
    webSocket.on('message', onMessage);
    await answerToPing(webSocket);
    webSocket.off('message', onMessage);
  }
}

/** Or its end. */
function answerToPing(webSocket: WebSocket): Promise<void> {
  const question = randomUUID();
  return new Promise((resolve) => {
    const onPong = (answer: Buffer) => {
      if (answer.toString() === question) onEnd();
    };
    const onEnd = () => {
      webSocket.off('pong', onPong);
      webSocket.off('close', onEnd);
      resolve();
    };
    webSocket.on('pong', onPong);
    webSocket.once('close', onEnd);
    webSocket.ping(question);
  });
}

/** What an agent asks of a kernel; `subshell` if it is to be asked there. */
export function kernelInfoRequest(id: string, session: string, subshell?: string): Buffer {
  return writeMessage({
    channel: 'shell',
    header: {
      msg_id: id,
      msg_type: 'kernel_info_request',
      session,
      username: 'datalab',
      date: new Date().toISOString(),
      version: '5.3',
      ...(subshell === undefined ? {} : { subshell_id: subshell }),
    },
    content: {},
  });
}
