// The whole of the model: pages, relays, agent, gateway, kernel and the wires between them, moved by one choice at a time.
import { AgentModel } from './agent-model.ts';
import type { CellKind } from './kernel-model.ts';
import { KernelModel } from './kernel-model.ts';
import { RelayModel } from './relay-model.ts';

const KINDS: readonly CellKind[] = [...Array<CellKind>(9).fill('prints'), 'fails', 'asks'];

/** What went wrong on the way, which decides what may be promised. */
export interface Faults {
  /** What the agent had read of the gateway and not written. */
  lostWords: number;
  restarts: number;
}

export class World {
  readonly agent = new AgentModel();
  readonly kernel = new KernelModel();
  readonly relays = [new RelayModel('a'), new RelayModel('b'), new RelayModel('c')];
  readonly faults: Faults = { lostWords: 0, restarts: 0 };
  readonly kinds = new Map<string, CellKind>();
  #restart: { isDone: boolean } | undefined;

  constructor() {
    this.agent.connect();
    for (const relay of this.relays) this.#meet(relay);
  }

  /** `choice`: any number; `isQuiet`: nothing goes wrong any more. */
  move(choice: number): void {
    const relay = this.relays[Math.floor(choice / 64) % this.relays.length];
    if (!relay) return;
    const detail = Math.floor(choice / 128);
    const move = choice % 64;
    if (move < 9) this.#cell(relay, detail);
    else if (move < 17) this.#forth(relay);
    else if (move < 25) this.#back(relay);
    else if (move < 31) this.agent.step(false);
    else if (move < 41) this.kernel.step();
    else if (move < 46) this.#toKernel();
    else if (move < 52) this.#fromKernel();
    else if (move < 53) relay.confirm();
    else if (move < 54) this.#calm(1 + (detail % 6));
    else if (move < 56) this.#answerPrompt(detail);
    else this.#goWrong(move, relay, detail);
  }

  /** Until nothing is left to be done, with every way open. */
  rest(): void {
    this.agent.isHeld = false;
    this.#answerRestart();
    for (let round = 0; round < 2_000; round += 1) {
      if (this.agent.line === undefined) this.agent.connect();
      for (const relay of this.relays) {
        if (!relay.wire) this.#connect(relay);
        relay.answerPrompt();
      }
      this.#calm(1);
      if (this.kernel.isAsking) this.agent.losePatience();
      // The question was lost with an agent: a person would interrupt the cell.
      const isAsked = this.agent.state.prompt !== undefined || this.kernel.outbound.length > 0;
      if (this.faults.lostWords > 0 && this.kernel.isAsking && !isAsked) this.kernel.interrupt();
      if (this.#isAtRest()) return;
    }
    throw new Error('it does not come to rest');
  }

  /** For a while nothing goes wrong, and whatever is open is used. */
  #calm(rounds: number): void {
    for (let round = 0; round < rounds; round += 1) {
      for (const relay of this.relays) {
        while (relay.forth.length > 0) this.#forth(relay);
        while (relay.back.length > 0) this.#back(relay);
        relay.confirm();
      }
      while (!this.agent.isSettled) this.agent.step(false);
      while (this.agent.outbound.length > 0) this.#toKernel();
      this.kernel.step();
      while (this.agent.line !== undefined && this.kernel.outbound.length > 0) this.#fromKernel();
    }
  }

  #isAtRest(): boolean {
    const { agent, kernel, relays } = this;
    const isQuiet = agent.isSettled && kernel.isIdle && agent.state.lanes.size === 0;
    return isQuiet && relays.every((relay) => relay.isDone && !relay.hasPrompt);
  }

  #cell(relay: RelayModel, detail: number): void {
    const kind = KINDS[detail % KINDS.length] ?? 'prints';
    relay.cell(kind);
    this.kinds.set(relay.sent.at(-1) ?? '', kind);
  }

  /** Whoever was asked; `detail`: the answer is in the agent's log, on its way to the kernel, or neither. */
  #answerPrompt(detail: number): void {
    const asked = this.relays.find(({ hasPrompt }) => hasPrompt);
    if (!asked) return;
    asked.answerPrompt();
    if (detail % 3 === 0) return;
    while (asked.forth.length > 0) this.#forth(asked);
    if (detail % 3 === 1) this.agent.step(false);
  }

  #forth(relay: RelayModel): void {
    const frame = relay.forth.shift();
    if (frame && relay.wire) this.agent.receive(relay.key, frame, relay.wire);
  }

  #back(relay: RelayModel): void {
    const frame = relay.back.shift();
    if (frame) relay.receive(frame);
  }

  #toKernel(): void {
    const message = this.agent.outbound.shift();
    if (message) this.kernel.take(message);
  }

  #fromKernel(): void {
    if (this.agent.line === undefined) return;
    const message = this.kernel.outbound.shift();
    if (message) this.agent.hear(message);
  }

  #goWrong(move: number, relay: RelayModel, detail: number): void {
    switch (move) {
      case 56:
        this.#cut(relay);
        return;
      case 57:
        this.#cut(relay);
        this.#connect(relay);
        return;
      case 58:
        relay.wait(detail % 2 === 0 ? 5_000 : 60_000);
        return;
      case 59:
        this.agent.hangUp(relay.key);
        relay.crash(detail % 2 === 0);
        return;
      case 60:
        this.#killAgent(detail);
        return;
      case 61:
        if (detail % 2 === 0) this.agent.disconnect();
        else if (this.agent.line === undefined) this.agent.connect();
        return;
      case 62:
        if (relay.key.startsWith('c')) this.#leave(relay);
        else this.agent.isHeld = !this.agent.isHeld;
        return;
      default:
        this.#endProcess(detail);
    }
  }

  #cut(relay: RelayModel): void {
    relay.cut();
    this.agent.hangUp(relay.key);
  }

  /** For good: what it asked for is done all the same. Another page may come in its place. */
  #leave(relay: RelayModel): void {
    this.#cut(relay);
    this.agent.expire(relay.key);
    const successor = new RelayModel(`${relay.key}c`);
    this.relays[this.relays.indexOf(relay)] = successor;
    this.#meet(successor);
  }

  #connect(relay: RelayModel): void {
    relay.connect();
  }

  /** Between an entry and its deed, between two steps, or with a word of the gateway read and not written. */
  #killAgent(detail: number): void {
    for (const relay of this.relays) relay.cut();
    this.#restart = undefined;
    if (
      detail % 4 === 0 &&
      this.agent.connection !== undefined &&
      this.kernel.outbound.length > 0
    ) {
      this.kernel.outbound.shift();
      this.faults.lostWords += 1;
    }
    if (detail % 2 === 0) this.agent.crash();
    else this.agent.step(true);
    this.agent.crash();
  }

  /** The gateway's answer to who asked for it, which may come long after the new process has spoken. */
  #answerRestart(): void {
    if (this.#restart) this.agent.restarted(this.#restart.isDone);
    this.#restart = undefined;
  }

  #endProcess(detail: number): void {
    this.faults.restarts += 1;
    if (detail % 2 === 1) {
      this.kernel.restart(true);
      return;
    }
    this.#answerRestart();
    this.agent.restarting();
    this.#restart = { isDone: detail % 3 > 0 };
    if (this.#restart.isDone) this.kernel.restart(false);
    if (detail % 4 === 0) this.#answerRestart();
  }

  #meet(relay: RelayModel): void {
    relay.connect();
    while (relay.forth.length > 0) this.#forth(relay);
    while (relay.back.length > 0) this.#back(relay);
    while (relay.forth.length > 0) this.#forth(relay);
  }
}
