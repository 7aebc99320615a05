// The machines behind the instances: what switches them on and off through the runtime, their metadata
// servers, and who may still be connected to them. Statuses are set here and nowhere else.
import path from 'node:path';
import { delay, timestamp, type Clock } from '../clock.ts';
import type { Reach } from '../iap/server.ts';
import type { ContainerOutput } from '../logging/cos-containers.ts';
import { answerMetadata } from '../metadata/routes.ts';
import { listenOnAddress, type MetadataServer } from '../metadata/server.ts';
import type { MetadataNode } from '../metadata/tree.ts';
import type { Durations } from '../options.ts';
import type { Dispatch, Log } from '../router.ts';
import type { InstanceRuntime, RunningInstance } from '../runtime/instance-runtime.ts';
import { claimAddress } from './addresses.ts';
import {
  findInstance,
  type ComputeState,
  type InstanceRecord,
  type InstanceStatus,
} from './state.ts';

export interface MachinesOptions {
  state: ComputeState;
  stateDir: string;
  runtime: InstanceRuntime;
  clock: Clock;
  durations: Durations;
  log: Log;
  registryUrl: () => string;
  metadataTree: (instance: InstanceRecord) => MetadataNode;
  aroundMetadata: (answer: Dispatch) => Dispatch;
  onOutput: ContainerOutput;
  /** Told of every change of an instance's status before it is saved. */
  onStatus: (instance: InstanceRecord) => void;
  /** The machine switched itself off, or its processes vanished. */
  onEnded: (instance: InstanceRecord, how: 'shutdown' | 'lost') => void;
}

interface Machine {
  running: RunningInstance;
  metadata: MetadataServer;
  /** Aborts when connections to the machine are dropped. */
  connections: AbortController;
  isFrozen: boolean;
}

const EMPTY_SCRIPT = '#!/bin/bash\n';

export class Machines {
  readonly #options: MachinesOptions;
  /** By instance id: the machines that have power. */
  readonly #machines = new Map<string, Machine>();
  /** Everything that may still have processes, and boots that may bring more. */
  readonly #alive = new Set<RunningInstance>();
  readonly #booting = new Set<Promise<RunningInstance>>();
  #isCut = false;

  constructor(options: MachinesOptions) {
    this.#options = options;
  }

  /** PROVISIONING, STAGING, RUNNING: for insert, start and after a failure. */
  async start(instance: InstanceRecord, milliseconds: number): Promise<void> {
    const { clock } = this.#options;
    delete instance.preempted;
    this.#setStatus(instance, 'PROVISIONING');
    await delay(clock, milliseconds * 0.4);
    this.#setStatus(instance, 'STAGING');
    await delay(clock, milliseconds * 0.6);
    if (this.#isCut) return;
    const metadata = await this.#claimMetadata(instance);
    try {
      await this.#boot(instance, metadata);
    } catch (error) {
      metadata.close();
      throw error;
    }
    this.#setStatus(instance, 'RUNNING', 'lastStartTimestamp');
  }

  /** Asks the guest to end, as ACPI does; a suspended one just loses its memory. */
  async stop(instance: InstanceRecord): Promise<void> {
    const { clock, durations } = this.#options;
    this.#setStatus(instance, 'STOPPING');
    const machine = this.#release(instance);
    const leastTime = delay(clock, durations.stopMilliseconds);
    if (machine?.isFrozen) await machine.running.powerOff();
    else await machine?.running.shutDown();
    this.#disconnect(machine);
    await leastTime;
    this.#setStatus(instance, 'TERMINATED', 'lastStopTimestamp');
  }

  /** Google takes the machine back: the guest can see it, and is asked to end. */
  async preempt(instance: InstanceRecord): Promise<void> {
    if (!this.isPowered(instance)) return;
    instance.preempted = true;
    await this.stop(instance);
  }

  /** The machine's processes vanish, as when its host fails; `onEnded` follows. False when it has no power. */
  async kill(instance: InstanceRecord): Promise<boolean> {
    const machine = this.#machines.get(instance.resource.id);
    await machine?.running.powerOff();
    return machine !== undefined;
  }

  /** False when the machine has ended meanwhile. */
  async suspend(instance: InstanceRecord): Promise<boolean> {
    const { clock, durations } = this.#options;
    const machine = this.#machines.get(instance.resource.id);
    if (!machine) return false;
    this.#setStatus(instance, 'SUSPENDING');
    await machine.running.freeze();
    machine.isFrozen = true;
    machine.connections.abort();
    await delay(clock, durations.suspendMilliseconds);
    if (!this.#machines.has(instance.resource.id)) return false;
    this.#setStatus(instance, 'SUSPENDED', 'lastSuspendedTimestamp');
    return true;
  }

  async resume(instance: InstanceRecord): Promise<boolean> {
    const { clock, durations } = this.#options;
    const machine = this.#machines.get(instance.resource.id);
    if (!machine) return false;
    this.#setStatus(instance, 'PROVISIONING');
    await delay(clock, durations.resumeMilliseconds * 0.5);
    this.#setStatus(instance, 'STAGING');
    await delay(clock, durations.resumeMilliseconds * 0.5);
    machine.connections = new AbortController();
    await machine.running.thaw();
    machine.isFrozen = false;
    this.#setStatus(instance, 'RUNNING', 'lastStartTimestamp');
    return true;
  }

  /** Power off and on again; the status stays RUNNING. */
  async reset(instance: InstanceRecord): Promise<void> {
    const { clock, durations } = this.#options;
    const machine = this.#release(instance);
    if (!machine) throw new Error('the machine has no power');
    machine.connections.abort();
    await machine.running.powerOff();
    await delay(clock, durations.resetMilliseconds);
    await this.#boot(instance, machine.metadata);
    this.#setStatus(instance, 'RUNNING', 'lastStartTimestamp');
  }

  /** Ends the machine and removes its disk. */
  async remove(instance: InstanceRecord): Promise<void> {
    const { clock, durations, stateDir, runtime } = this.#options;
    this.#setStatus(instance, 'STOPPING');
    const machine = this.#release(instance);
    const leastTime = delay(clock, durations.deleteMilliseconds);
    if (machine?.isFrozen) await machine.running.powerOff();
    else await machine?.running.shutDown();
    this.#disconnect(machine);
    const folder = path.join(stateDir, instance.folder);
    await runtime.remove({ name: instance.resource.name, folder });
    await leastTime;
  }

  /** What is left of a machine that ended by itself. */
  async settle(instance: InstanceRecord): Promise<void> {
    this.#setStatus(instance, 'STOPPING');
    await delay(this.#options.clock, this.#options.durations.stopMilliseconds);
    this.#setStatus(instance, 'TERMINATED', 'lastStopTimestamp');
  }

  setTerminated(instance: InstanceRecord, why: string): void {
    instance.resource.statusMessage = why;
    this.#setStatus(instance, 'TERMINATED', 'lastStopTimestamp');
  }

  reach(zone: string, name: string): Reach {
    const instance = findInstance(this.#options.state, zone, name);
    if (!instance) return undefined;
    const machine = this.#machines.get(instance.resource.id);
    if (!machine || machine.isFrozen || instance.resource.status !== 'RUNNING') {
      return { kind: 'notRunning' };
    }
    const { address } = machine.metadata;
    return { kind: 'running', address, lost: machine.connections.signal };
  }

  isPowered(instance: InstanceRecord): boolean {
    return this.#machines.has(instance.resource.id);
  }

  /** Every process of every machine ends at once; nothing is recorded, as when the power fails. */
  async cutPower(): Promise<void> {
    this.#isCut = true;
    const machines = [...this.#machines.values()];
    this.#machines.clear();
    await Promise.allSettled(this.#booting);
    await Promise.all([...this.#alive].map((running) => running.powerOff()));
    for (const machine of machines) this.#disconnect(machine);
  }

  async #claimMetadata(instance: InstanceRecord): Promise<MetadataServer> {
    const { state, stateDir, metadataTree, aroundMetadata, log } = this.#options;
    const others = state.value.instances.filter((other) => other !== instance);
    const taken = new Set(others.map(addressOf).filter((address) => address !== undefined));
    const readTree = () => metadataTree(instance);
    const answer = aroundMetadata((call) => Promise.resolve(answerMetadata(call, readTree, log)));
    return claimAddress(addressOf(instance), taken, stateDir, (address) =>
      listenOnAddress(address, answer),
    );
  }

  async #boot(instance: InstanceRecord, metadata: MetadataServer): Promise<void> {
    const { stateDir, runtime, registryUrl, state, onOutput } = this.#options;
    const { resource } = instance;
    for (const networkInterface of resource.networkInterfaces) {
      networkInterface.networkIP = metadata.address;
    }
    state.save();
    const script = resource.metadata.items?.find(({ key }) => key === 'startup-script')?.value;
    const booting = runtime.boot({
      name: resource.name,
      folder: path.join(stateDir, instance.folder),
      address: metadata.address,
      metadataHost: metadata.host,
      registryUrl: registryUrl(),
      startupScript: script ?? EMPTY_SCRIPT,
      onOutput: (container, lines) => {
        onOutput(instance, container, lines);
      },
    });
    this.#register(instance, metadata, await this.#track(booting));
  }

  async #track(booting: Promise<RunningInstance>): Promise<RunningInstance> {
    this.#booting.add(booting);
    try {
      const running = await booting;
      this.#alive.add(running);
      void running.ended.then(() => this.#alive.delete(running));
      return running;
    } finally {
      this.#booting.delete(booting);
    }
  }

  #register(instance: InstanceRecord, metadata: MetadataServer, running: RunningInstance): void {
    const machine: Machine = {
      running,
      metadata,
      connections: new AbortController(),
      isFrozen: false,
    };
    if (this.#isCut) {
      this.#disconnect(machine);
      return;
    }
    this.#machines.set(instance.resource.id, machine);
    void running.ended.then((how) => {
      this.#onEnded(instance, machine, how);
    });
  }

  #onEnded(instance: InstanceRecord, machine: Machine, how: 'shutdown' | 'lost'): void {
    // A machine that we switch off ourselves has been released before.
    if (this.#machines.get(instance.resource.id) !== machine) return;
    this.#machines.delete(instance.resource.id);
    this.#disconnect(machine);
    this.#options.onEnded(instance, how);
  }

  #release(instance: InstanceRecord): Machine | undefined {
    const machine = this.#machines.get(instance.resource.id);
    this.#machines.delete(instance.resource.id);
    return machine;
  }

  #disconnect(machine: Machine | undefined): void {
    machine?.connections.abort();
    machine?.metadata.close();
  }

  #setStatus(
    instance: InstanceRecord,
    status: InstanceStatus,
    time?: 'lastStartTimestamp' | 'lastStopTimestamp' | 'lastSuspendedTimestamp',
  ): void {
    if (this.#isCut) return;
    const { resource } = instance;
    resource.status = status;
    if (status === 'RUNNING') delete resource.statusMessage;
    if (time) resource[time] = timestamp(this.#options.clock);
    this.#options.onStatus(instance);
    this.#options.state.save();
  }
}

function addressOf(instance: InstanceRecord): string | undefined {
  return instance.resource.networkInterfaces[0]?.networkIP;
}
