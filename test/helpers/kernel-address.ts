// Lets the kernels of a Jupyter server of a test listen on an address that no other server's kernels have, as those of an
// emulated instance do: emulator/runtime/jupyter says why.
import path from 'node:path';

const CONFIG = path.join(import.meta.dirname, '../../emulator/runtime/jupyter');

let count = 0;

/** For the environment of the server. */
export function ownKernelAddress(): Record<string, string> {
  count += 1;
  // Beside those of emulated instances (127.0.x.x); a process id is another for every file of tests that runs.
  const [high, low] = [(process.pid >> 8) & 127, process.pid & 255];
  const address = `127.${128 + high}.${low}.${1 + (count % 254)}`;
  return { JUPYTER_CONFIG_PATH: CONFIG, DATALAB_EMULATOR_KERNEL_ADDRESS: address };
}
