// What runs an emulated instance. script-runtime.ts implements it; compute/ is its only caller.

export interface BootSpec {
  /** The instance's name. */
  name: string;
  /** The instance's own folder: its "disk", which survives reboots. */
  folder: string;
  /** The loopback address that stands for the instance's internal address (127.x.y.z). */
  address: string;
  /** host:port of the instance's metadata server. */
  metadataHost: string;
  /** Where the stand-in for `docker pull` finds the emulated registry. */
  registryUrl: string;
  /** Content of the metadata item `startup-script`. */
  startupScript: string;
  /** Told of what the instance's containers print, line by line, soon after they have. */
  onOutput?: (container: string, lines: readonly string[]) => void;
}

/** Why a running instance ended by itself: it asked to be switched off, or its processes vanished. */
export type InstanceEnd = 'shutdown' | 'lost';

export interface RunningInstance {
  readonly name: string;
  /** Settles when every process of the instance is gone, whoever ended it. */
  readonly ended: Promise<InstanceEnd>;
  /** Stops every process of the instance where it is; memory stays. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Asks every process to end, waits a few seconds, then `powerOff`. */
  shutDown(): Promise<void>;
  /** Ends every process of the instance at once and returns when they are gone. */
  powerOff(): Promise<void>;
}

export interface InstanceRuntime {
  /** Starts the instance's first process and returns; booting goes on. */
  boot(spec: BootSpec): Promise<RunningInstance>;
  /** Removes the folder of an instance that does not run, and whatever else there is of it. */
  remove(instance: Pick<BootSpec, 'name' | 'folder'>): Promise<void>;
  /** Ends whatever an earlier emulator of the same state folder left behind. */
  sweep(): Promise<void>;
}
