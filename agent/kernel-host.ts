// One kernel as its front-ends see it: their requests go into its log and then, one after the other, to the kernel; what
// it says goes into the log and then to them. What is done when is decided in queue/; this only does it, in that order:
// first the entry, then the deed. kernel-hosts.ts owns it; channel-end.ts and plain-end.ts are its front-ends.
import { randomUUID } from 'node:crypto';
import type { Hello, Welcome } from './channel/frames.ts';
import type { Message } from './channel/messages.ts';
import { readMessage } from './channel/messages.ts';
import type { Clock } from './clock.ts';
import type { FrontEnd } from './front-ends.ts';
import { FrontEnds } from './front-ends.ts';
import type { Gate } from './gate.ts';
import type { Gateway } from './gateway.ts';
import { GatewayLine, kernelInfoRequest } from './gateway-line.ts';
import { Journal } from './journal.ts';
import type { KernelLog, LogRecord } from './kernel-log/kernel-log.ts';
import { isUse } from './kernel-messages.ts';
import type { Kernels } from './kernels.ts';
import type { Log } from './log.ts';
import { reasonOf } from './log.ts';
import { kernelMessageOf } from './message.ts';
import { writeAnswer } from './queue/answers.ts';
import { greet } from './queue/greeting.ts';
import type { Step } from './queue/next.ts';
import { nextStep } from './queue/next.ts';
import type { Conditions, Incoming, Way } from './queue/record.ts';
import { recordMessage, recordRequest, recordRestart } from './queue/record.ts';
import type { Owed } from './queue/state.ts';
import { isBusy, sessionOf, subshellOf } from './queue/state.ts';
import { isShuttingDown } from './queue/unanswered.ts';
import { assertNever } from './assert-never.ts';

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

export class KernelHost {
  readonly #options: KernelHostOptions;
  readonly #log: KernelLog;
  readonly #journal: Journal;
  readonly #line: GatewayLine;
  readonly #frontEnds = new FrontEnds();
  /** Our own questions on the present connection: their message id, and the lane that they are asked in. */
  readonly #fences = new Map<string, string>();
  #stopWaiting: (() => void) | undefined;
  #isSettling = false;
  #isClosed = false;

  constructor(options: KernelHostOptions) {
    this.#options = options;
    this.#log = options.kernelLog;
    this.#journal = new Journal({
      ...{ kernelLog: options.kernelLog, clock: options.clock },
      onWritten: (record) => {
        this.#written(record);
      },
      onAgain: () => {
        this.#settle();
      },
    });
    for (const key of this.#log.state.channels.keys()) {
      if (key.startsWith(PLAIN_KEY)) this.#journal.note({ kind: 'channelGone', key });
      else this.#frontEnds.left(key, this.#log.first - 1, options.clock.awake());
    }
    // Who asked for it died before the answer came. If there is another process, it shows itself.
    if (this.#log.state.isRestarting) this.#journal.note({ kind: 'restartFailed' });
    if (isShuttingDown(this.#log.state)) this.#journal.note({ kind: 'shutdownFailed' });
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
      onMessage: (frame, way) => this.#receive(frame, way),
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
    this.#journal.catchUp();
    const { isResumed, entry } = greet(this.#log.state, key, hello, this.#log, randomUUID);
    this.#frontEnds.get(key)?.superseded();
    this.#journal.append(entry);
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
    this.#journal.append({ kind: 'channel', key, incarnation: randomUUID(), epoch: 1 });
    return this.#log.head;
  }

  attach(frontEnd: FrontEnd): void {
    this.#frontEnds.came(frontEnd);
    this.#counted();
    this.#settle();
  }

  /** Its connection has ended. `isForGood`: it will not come back. */
  detach(frontEnd: FrontEnd, isForGood: boolean): void {
    if (!this.#frontEnds.went(frontEnd)) return;
    this.#counted();
    const { key, delivered } = frontEnd;
    if (isForGood) this.#journal.note({ kind: 'channelGone', key });
    else this.#frontEnds.left(key, delivered, this.#options.clock.awake());
    this.#settle();
  }

  /** The relay has shown that it knows the channel's epoch. */
  confirm(key: string): void {
    if (this.#log.state.channels.get(key)?.previousEpoch === undefined) return;
    this.#journal.append({ kind: 'channelConfirmed', key });
  }

  /**
   * A front-end's message; when this returns it is in the log.
   * @throws MessageError; another error when the log cannot be written
   */
  request(incoming: Incoming, frame: Buffer): void {
    const message = readMessage(frame);
    const { kernels, kernelId, gate } = this.#options;
    this.#journal.catchUp();
    const entry = recordRequest(this.#log.state, incoming, message, this.#conditions());
    if (!entry) return;
    this.#journal.append(entry, frame);
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

  /**
   * The kernel is about to be restarted: what comes from now on waits.
   * @throws when the log cannot be written
   */
  restarting(): void {
    this.#journal.append({ kind: 'restarting' });
    this.#settle();
  }

  /** @returns where in the log the restart stands; `undefined` when there was none, or there is no room to write it */
  restarted(isDone: boolean): number | undefined {
    for (const entry of recordRestart(this.#log.state, isDone)) this.#journal.note(entry);
    this.#settle();
    return isDone && !this.#journal.isBehind ? this.#log.head : undefined;
  }

  /** A front-end wanted the kernel to end: it was started anew, or goes on as far as is known. Its request is answered. */
  shutdownAnswered(isDone: boolean): void {
    if (!isShuttingDown(this.#log.state)) return;
    this.#journal.note({ kind: isDone ? 'shutdownDone' : 'shutdownFailed' });
    this.#settle();
  }

  /** Forgets what nobody needs any more, channels of front-ends that stay away among it. */
  tidy(expireMilliseconds: number): void {
    for (const key of this.#frontEnds.expire(expireMilliseconds, this.#options.clock.awake())) {
      this.#journal.note({ kind: 'channelGone', key });
    }
    this.#settle();
    this.forget();
  }

  forget(): void {
    this.#log.forget(this.#frontEnds.delivered(this.#log.head));
  }

  /** The kernel is gone: everybody is told, and nothing is kept. */
  end(reason: string): void {
    const frontEnds = this.#frontEnds.all;
    this.#stop();
    for (const frontEnd of frontEnds) frontEnd.dead(reason);
    this.#log.remove();
  }

  /** The agent is going away: what the gateway said until it knew is on disk, and nothing more is sent. */
  async close(): Promise<void> {
    // There may be room by now.
    if (this.#journal.isWaiting) this.#settle();
    await this.#line.retire();
    if (this.#isClosed) return;
    const frontEnds = this.#frontEnds.all;
    this.#stop();
    for (const frontEnd of frontEnds) frontEnd.close();
    this.#log.close();
  }

  #stop(): void {
    this.#isClosed = true;
    this.#stopWaiting?.();
    this.#journal.stopWaiting();
    this.#frontEnds.clear();
    this.#counted();
    this.#line.close();
  }

  #receive(frame: Buffer, way: Way): string | undefined {
    if (this.#isClosed) return undefined;
    const message = readMessage(frame);
    const { kernels, kernelId } = this.#options;
    kernels.answer(kernelId, kernelMessageOf(message));
    const lane = this.#fences.get(message.parent.msg_id ?? '');
    const fence = lane === undefined ? undefined : { id: message.parent.msg_id ?? '', lane };
    for (const entry of recordMessage(this.#log.state, message, fence, way)) {
      if (entry.kind === 'fenced') this.#fences.delete(fence?.id ?? '');
      this.#journal.note(entry, entry.kind === 'message' ? frame : undefined);
    }
    this.#settle();
    return message.channel === 'iopub' ? message.parent.msg_id : undefined;
  }

  /** Does what is to be done until nothing is left, or something has to happen first. */
  #settle(): void {
    if (this.#isSettling || this.#isClosed) return;
    this.#isSettling = true;
    try {
      this.#journal.catchUp();
      for (let step = this.#next(); step; step = this.#next()) this.#take(step);
    } catch (error) {
      this.#waitForRoom(error);
      return;
    } finally {
      this.#isSettling = false;
    }
    this.#waitForGate();
    if (!this.#journal.isWaiting) return;
    this.#journal.stopWaiting();
    this.#line.resume();
  }

  /** What cannot be written is not taken: the gateway keeps it until there is room. */
  #waitForRoom(error: unknown): void {
    const { kernelId, log } = this.#options;
    if (!this.#journal.isWaiting) {
      log.error('kernel log not written', { kernel: kernelId, reason: reasonOf(error) });
      this.#line.pause();
    }
    this.#journal.wait();
  }

  #waitForGate(): void {
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
      present: new Set(this.#frontEnds.all.map(({ key }) => key)),
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
        this.#journal.append({ ...facts, to: step.channel, parent, prompt: id }, body);
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
    this.#journal.append(entry, message);
    kernels.answer(kernelId, kernelMessageOf(readMessage(message)));
  }

  #send(lane: string, sequence: number): void {
    const body = this.#log.bodyOf(sequence);
    const connection = this.#line.connection ?? '';
    this.#journal.append({ kind: 'sent', lane, sequence, connection });
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

  #written(record: LogRecord): void {
    for (const frontEnd of this.#frontEnds.all) frontEnd.appended(record);
    if (record.entry.kind !== 'restarted') return;
    this.#fences.clear();
    this.#line.renew();
  }

  #counted(): void {
    this.#options.kernels.frontEnds(this.#options.kernelId, this.#frontEnds.all.length);
  }
}
