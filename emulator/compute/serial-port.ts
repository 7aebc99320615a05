// Serial port 1 of an instance: what its last boot, and all that runs there, has written.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { invalidValue, notReady } from '../google-error.ts';
import { API_ROOT, instancePath, type Json } from './links.ts';
import type { InstanceRecord } from './state.ts';

/** The file below the instance's folder that the runtime writes. */
export const SERIAL_PORT_LOG = 'serial-port-1.log';

const MAX_BYTES = 1_048_576;

export function readSerialPort(
  instance: InstanceRecord,
  query: URLSearchParams,
  place: { stateDir: string; project: string },
): Json {
  const port = query.get('port') ?? '1';
  if (!/^[1-4]$/.test(port)) {
    throw invalidValue('port', port, 'Values must be between 1 and 4.');
  }
  const { name, status } = instance.resource;
  const self = instancePath(place.project, instance.zone, name);
  if (status === 'TERMINATED' || status === 'PROVISIONING') throw notReady(self);
  const start = readStart(query.get('start'));
  const file = path.join(place.stateDir, instance.folder, SERIAL_PORT_LOG);
  const read = port === '1' ? readFrom(file, start) : { start: 0, contents: Buffer.alloc(0) };
  return {
    kind: 'compute#serialPortOutput',
    selfLink: `${API_ROOT}/${self}/serialPort`,
    contents: read.contents.toString(),
    start: String(read.start),
    next: String(read.start + read.contents.length),
  };
}

/** A negative start counts from the end. */
function readStart(start: string | null): number {
  if (start === null || start === '') return 0;
  if (/^-?\d{1,15}$/.test(start)) return Number(start);
  throw invalidValue('start', start, 'Must be a byte position.');
}

function readFrom(file: string, wanted: number): { start: number; contents: Buffer } {
  let descriptor;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return { start: 0, contents: Buffer.alloc(0) }; // Nothing has booted yet.
  }
  try {
    const { size } = fstatSync(descriptor);
    const from = wanted < 0 ? Math.max(0, size + wanted) : Math.min(wanted, size);
    const start = Math.max(from, size - MAX_BYTES);
    const contents = Buffer.alloc(size - start);
    const length = readSync(descriptor, contents, 0, contents.length, start);
    return { start, contents: contents.subarray(0, length) };
  } finally {
    closeSync(descriptor);
  }
}
