// What `docker` is on an emulated instance: a stand-in whose containers are processes of the instance (process-docker.ts), or
// an engine whose containers are outside of them (engine/). script-runtime.ts is its only caller.
import type { BootSpec } from './instance-runtime.ts';

/** `leash` names the instance: the value of LEASH_VARIABLE in its processes. */
export interface InstanceDocker {
  /** Folders before all others on the instance's PATH. */
  readonly standIns: readonly string[];
  /** What the programs in there have to know. */
  environment(spec: BootSpec): Record<string, string>;
  /** Before the startup script runs: containers that an engine starts by itself at boot. */
  powerOn(leash: string): Promise<void>;
  /** The instance's containers stop where they are. */
  freeze(leash: string): Promise<void>;
  thaw(leash: string): Promise<void>;
  /** They are asked to end, and have so many seconds; what remains ends with the instance's processes. */
  shutDown(leash: string, seconds: number): Promise<void>;
  /** They end at once, where the leash was killed that would have done it. */
  powerOff(leash: string): Promise<void>;
  /** Tells `spec.onOutput` what they print. @returns what looks a last time and ends it */
  follow(spec: BootSpec, leash: string): () => void;
  /** The instance is gone for good: its containers too, and what in its folder is not this user's to remove. */
  remove(leash: string, folder: string): Promise<void>;
  /** Ends the containers of every instance of this emulator. */
  sweep(): Promise<void>;
}
