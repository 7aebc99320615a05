// One kernel as its front-ends see it: their requests go into its log and then, one after the other, to the kernel; what
// it says goes into the log and then to them. What is done when is decided in queue/; this only does it, in that order:
// first the entry, then the deed. kernel-hosts.ts owns it; channel-end.ts and plain-end.ts are its front-ends.
import { randomUUID } from 'node:crypto';
import type { Hello, Welcome } from './channel/frames.ts';
import type { Message } from './channel/messages.ts';
import { readMessage } from './channel/messages.ts';
import type { Clock } from './clock.ts';
import type { Gate } from './gate.ts';
import type { Gateway } from './gateway.ts';
import { GatewayLine, kernelInfoRequest } from './gateway-line.ts';
import type { KernelLog, LogRecord } from './kernel-log/kernel-log.ts';
import { isUse } from './kernel-messages.ts';
import type { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';
import { kernelMessageOf } from './message.ts';
import { writeAnswer } from './queue/answers.ts';
import type { Entry } from './queue/entry.ts';
import { greet } from './queue/greeting.ts';
import type { Step } from './queue/next.ts';
import { nextStep } from './queue/next.ts';
import type { Conditions, Incoming } from './queue/record.ts';
import { recordMessage, recordRequest, recordRestart } from './queue/record.ts';
import type { Owed } from './queue/state.ts';
import { isBusy, sessionOf, subshellOf } from './queue/state.ts';
import { isShuttingDown } from './queue/unanswered.ts';
import { assertNever } from './assert-never.ts';

/** A disk that is full stays so for a while. */
const NO_ROOM_MILLISECONDS = 5_000;
/** Begins the keys of channels that end with their connection. */
export const PLAIN_KEY = 'plain-';

export interface KernelHostOptions {
  kernelId: string;
  /** The front-end session that the gateway knows the agent by. */
  sessionId: string;
  /** Its log, open. */
  kernelLog: KernelLog;
  gateway: Gateway;
  kernels: Kernels;
  gate: Gate;
  clock: Clock;
  log: Log;
  /** The gateway knows no such kernel. */
  onGone: () => void;
  /** A front-end wants the kernel to end: a message that the gateway would not take. */
  onShutdownWanted: (isRestart: boolean) => void;
}

/** A front-end's connection, as the host uses it. */
export interface FrontEnd {
  readonly key: string;
  /** There is more in the log. */
  appended(record: LogRecord): void;
  /** Everything up to here is no longer needed for it. */
  readonly delivered: number;
  /** The kernel is gone. */
  dead(reason: string): void;
  /** Another connection has taken its place. */
  superseded(): void;
  /** The agent is going away. */
  close(): void;
}

export class KernelHost {
  readonly #options: KernelHostOptions;
  readonly #log: KernelLog;
  readonly #line: GatewayLine;
  readonly #frontEnds = new Map<string, FrontEnd>();
  /** Where channels without a connection left off, and since when (awake, in ms) nobody has come. */
  readonly #absent = new Map<string, { delivered: number; since: number }>();
  /** Our own questions on the present connection: their message id, and the lane that they are asked in. */
  readonly #fences = new Map<string, string>();
  #stopWaiting: (() => void) | undefined;
  #isSettling = false;
  #isClosed = false;

  constructor(options: KernelHostOptions) {
    this.#options = options;
    this.#log = options.kernelLog;
    for (const key of this.#log.state.channels.keys()) {
      if (key.startsWith(PLAIN_KEY)) this.#append({ kind: 'channelGone', key });
      else this.#left(key, this.#log.first - 1);
    }
    // Who asked for it died before the answer came. If there is another process, it shows itself.
    if (this.#log.state.isRestarting) this.#append({ kind: 'restartFailed' });
    if (isShuttingDown(this.#log.state)) this.#append({ kind: 'shutdownFailed' });
    this.#line = new GatewayLine({
      ...{ kernelId: options.kernelId, sessionId: options.sessionId },
      ...{ gateway: options.gateway, clock: options.clock, log: options.log },
      isBusy: () => isBusy(this.#log.state),
      onConnected: () => {
        options.kernels.channelOpened(options.kernelId);
        this.#settle();
      },
      onDisconnected: () => {
        this.#fences.clear();
        options.kernels.channelClosed(options.kernelId);
      },
      onMessage: (frame, connection) => this.#receive(frame, connection),
      onGone: options.onGone,
    });
    this.#settle();
  }

  get kernelLog(): Pick<KernelLog, 'head' | 'first' | 'read'> {
    return this.#log;
  }

  /**
   * A relay's channel comes, or comes back. What it is told is written first; `attach` is to follow at once.
   * @throws when the log cannot be written
   */
  greet(key: string, hello: Hello): Welcome {
    const { isResumed, entry } = greet(this.#log.state, key, hello, this.#log, randomUUID);
    this.#frontEnds.get(key)?.superseded();
    this.#append(entry);
    return {
      ...{ kind: 'welcome', isResumed },
      channel: { incarnation: entry.incarnation, epoch: entry.epoch },
      received: this.#log.state.channels.get(key)?.received ?? 0,
      delivered: isResumed ? hello.received : this.#log.head,
      executionState: isBusy(this.#log.state) ? 'busy' : 'idle',
      session: sessionOf(this.#log.state),
    };
  }

  /** A front-end without a relay comes: nothing that it has not sent or got will outlive its connection. */
  admit(key: string): number {
    this.#append({ kind: 'channel', key, incarnation: randomUUID(), epoch: 1 });
    return this.#log.head;
  }

  attach(frontEnd: FrontEnd): void {
    this.#frontEnds.set(frontEnd.key, frontEnd);
    this.#absent.delete(frontEnd.key);
    this.#counted();
    this.#settle();
  }

  /** Its connection has ended. `isForGood`: it will not come back. */
  detach(frontEnd: FrontEnd, isForGood: boolean): void {
    if (this.#frontEnds.get(frontEnd.key) !== frontEnd) return;
    this.#frontEnds.delete(frontEnd.key);
    this.#counted();
    if (isForGood) this.#append({ kind: 'channelGone', key: frontEnd.key });
    else this.#left(frontEnd.key, frontEnd.delivered);
    this.#settle();
  }

  /** The relay has shown that it knows the channel's epoch. */
  confirm(key: string): void {
    if (this.#log.state.channels.get(key)?.previousEpoch === undefined) return;
    this.#append({ kind: 'channelConfirmed', key });
  }

  /**
   * A front-end's message; when this returns it is in the log.
   * @throws MessageError; another error when the log cannot be written
   */
  request(incoming: Incoming, frame: Buffer): void {
    const message = readMessage(frame);
    const { kernels, kernelId, gate } = this.#options;
    const entry = recordRequest(this.#log.state, incoming, message, this.#conditions());
    if (!entry) return;
    this.#append(entry, frame);
    const summary = kernelMessageOf(message);
    const isForKernel = entry.refused === undefined && !entry.isIgnored;
    if (isForKernel && !gate.isOpen && isUse(summary)) {
      kernels.used(kernelId);
      gate.use();
    }
    if (isForKernel) kernels.request(kernelId, summary);
    if (entry.sentOn !== undefined) this.#sendNow(message, frame);
    this.#settle();
  }

  /** The kernel is about to be restarted: what comes from now on waits. */
  restarting(): void {
    this.#append({ kind: 'restarting' });
    this.#settle();
  }

  /** @returns where in the log the restart stands; `undefined` when there was none */
  restarted(isDone: boolean): number | undefined {
    for (const entry of recordRestart(this.#log.state, isDone)) this.#append(entry);
    this.#settle();
    return isDone ? this.#log.head : undefined;
  }

  /** The kernel has not ended though a front-end wanted it to, as far as is known: its request is answered. */
  shutdownFailed(): void {
    if (!isShuttingDown(this.#log.state)) return;
    this.#append({ kind: 'shutdownFailed' });
    this.#settle();
  }

  /** Forgets what nobody needs any more, channels of front-ends that stay away among it. */
  tidy(expireMilliseconds: number): void {
    const now = this.#options.clock.awake();
    for (const [key, { since }] of this.#absent) {
      if (now - since < expireMilliseconds) continue;
      this.#absent.delete(key);
      this.#append({ kind: 'channelGone', key });
    }
    this.forget();
  }

  forget(): void {
    const positions = [
      ...[...this.#frontEnds.values()].map(({ delivered }) => delivered),
      ...[...this.#absent.values()].map(({ delivered }) => delivered),
    ];
    this.#log.forget(Math.min(this.#log.head, ...positions));
  }

  /** The kernel is gone: everybody is told, and nothing is kept. */
  end(reason: string): void {
    const frontEnds = [...this.#frontEnds.values()];
    this.#stop();
    for (const frontEnd of frontEnds) frontEnd.dead(reason);
    this.#log.remove();
  }

  /** The agent is going away: what the gateway said until it knew is on disk, and nothing more is sent. */
  async close(): Promise<void> {
    await this.#line.retire();
    if (this.#isClosed) return;
    const frontEnds = [...this.#frontEnds.values()];
    this.#stop();
    for (const frontEnd of frontEnds) frontEnd.close();
    this.#log.close();
  }

  #stop(): void {
    this.#isClosed = true;
    this.#stopWaiting?.();
    this.#frontEnds.clear();
    this.#counted();
    this.#line.close();
  }

  #receive(frame: Buffer, connection: string): string | undefined {
    if (this.#isClosed) return undefined;
    const message = readMessage(frame);
    const { kernels, kernelId, log } = this.#options;
    kernels.answer(kernelId, kernelMessageOf(message));
    const lane = this.#fences.get(message.parent.msg_id ?? '');
    const fence = lane === undefined ? undefined : { id: message.parent.msg_id ?? '', lane };
    try {
      const way = { connection, isLeaving: this.#line.isLeaving };
      for (const entry of recordMessage(this.#log.state, message, fence, way)) {
        if (entry.kind === 'fenced') this.#fences.delete(fence?.id ?? '');
        this.#append(entry, entry.kind === 'message' ? frame : undefined);
      }
      this.#settle();
    } catch (error) {
      // What cannot be written must not be taken: the gateway keeps it until there is room.
      log.error('kernel log not written', { kernel: kernelId, reason: reasonOf(error) });
      this.#line.pause(NO_ROOM_MILLISECONDS);
    }
    return message.channel === 'iopub' ? message.parent.msg_id : undefined;
  }

  /** Does what is to be done until nothing is left, or something has to happen first. */
  #settle(): void {
    if (this.#isSettling || this.#isClosed) return;
    this.#isSettling = true;
    try {
      for (let step = this.#next(); step; step = this.#next()) this.#take(step);
    } finally {
      this.#isSettling = false;
    }
    if (this.#options.gate.isOpen || this.#stopWaiting) return;
    this.#stopWaiting = this.#options.gate.onceOpen(() => {
      this.#stopWaiting = undefined;
      this.#settle();
    });
  }

  #next(): Step | undefined {
    return nextStep(this.#log.state, this.#conditions());
  }

  #conditions(): Conditions {
    return {
      connection: this.#line.connection,
      isHeld: !this.#options.gate.isOpen,
      fences: new Set(this.#fences.values()),
    };
  }

  #take(step: Step): void {
    switch (step.do) {
      case 'answer':
        this.#answer(step.owed);
        return;
      case 'send':
        this.#send(step.lane, step.sequence);
        return;
      case 'fence':
        this.#fence(step.lane);
        return;
      case 'showPrompt': {
        const { id, parent, sequence } = step.prompt;
        const body = this.#log.bodyOf(sequence);
        const facts = { kind: 'message', type: 'input_request' } as const;
        this.#append({ ...facts, to: step.channel, parent, prompt: id }, body);
        return;
      }
      default:
        assertNever(step);
    }
  }

  #answer(owed: Owed): void {
    const { kernels, kernelId } = this.#options;
    const body = this.#log.bodyOf(owed.request.sequence);
    const asked = body && readMessage(body);
    const { entry, message } = writeAnswer(owed, asked, sessionOf(this.#log.state), new Date());
    kernels.answer(kernelId, kernelMessageOf(readMessage(message)));
    this.#append(entry, message);
  }

  #send(lane: string, sequence: number): void {
    const body = this.#log.bodyOf(sequence);
    const connection = this.#line.connection ?? '';
    this.#append({ kind: 'sent', lane, sequence, connection });
    if (body) this.#line.send(body);
  }

  #fence(lane: string): void {
    const { sessionId, kernels, kernelId } = this.#options;
    const id = randomUUID();
    const question = kernelInfoRequest(id, sessionId, subshellOf(lane));
    this.#fences.set(id, lane);
    kernels.request(kernelId, kernelMessageOf(readMessage(question)));
    this.#line.send(question);
  }

  #sendNow(message: Message, frame: Buffer): void {
    if (message.header.msg_type !== 'shutdown_request') {
      this.#line.send(frame);
      return;
    }
    const content = message.content() as { restart?: unknown };
    this.#options.onShutdownWanted(content.restart === true);
  }

  #append(entry: Entry, body?: Buffer): void {
    const sequence = this.#log.append(entry, body);
    for (const frontEnd of [...this.#frontEnds.values()]) {
      frontEnd.appended({ sequence, entry, body });
    }
    if (entry.kind !== 'restarted') return;
    this.#fences.clear();
    this.#line.renew();
  }

  #left(key: string, delivered: number): void {
    this.#absent.set(key, { delivered, since: this.#options.clock.awake() });
  }

  #counted(): void {
    this.#options.kernels.frontEnds(this.#options.kernelId, this.#frontEnds.size);
  }
}
