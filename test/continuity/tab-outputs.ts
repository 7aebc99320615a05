// What a cell has shown, as something that can be compared with another run of it: message ids, times and the names of
// comms and displays are replaced, large values by their hash. tab-worker.ts collects with it.
import { createHash } from 'node:crypto';
import type { KernelMessage } from '@jupyterlab/services';
import type { Output } from './tab-calls.ts';

const LARGE_CHARACTERS = 10_000;
/** Messages that say how it goes, not what comes of it. */
const UNSHOWN = ['status', 'execute_input', 'shutdown_reply'];

export class Outputs {
  readonly list: Output[] = [];
  duplicates = 0;
  readonly #known = new Set<string>();
  readonly #names = new Names();

  add(message: KernelMessage.IMessage): void {
    const { msg_id: id, msg_type: type } = message.header;
    if (this.#known.has(id)) {
      this.duplicates += 1;
      return;
    }
    this.#known.add(id);
    if (UNSHOWN.includes(type)) return;
    if (type === 'stream') this.#addText(message as KernelMessage.IStreamMsg);
    else this.list.push(this.#shown(type, message));
  }

  /** How text is cut into messages depends on the time. */
  #addText({ content: { name, text } }: KernelMessage.IStreamMsg): void {
    const last = this.list.at(-1);
    if (last?.[0] !== name) this.list.push([name, text]);
    else this.list.splice(-1, 1, [name, String(last[1]) + text]);
  }

  #shown(type: string, message: KernelMessage.IMessage): Output {
    const buffers = (message.buffers ?? []).map((buffer) => hashOf(bytesOf(buffer)));
    return [type, this.#names.replace(message.content), ...buffers];
  }
}

/** Gives random names of comms and displays others, in the order in which they appear. */
class Names {
  readonly #given = new Map<string, string>();

  replace(content: unknown): unknown {
    const text = JSON.stringify(content, (key, value: unknown) => {
      if ((key === 'comm_id' || key === 'display_id') && typeof value === 'string') {
        return this.#nameOf(value);
      }
      return value;
    });
    // A file that is named in a traceback is named after the kernel's process.
    return JSON.parse(text.replaceAll(/ipykernel_\d+/g, 'ipykernel')) as unknown;
  }

  #nameOf(value: string): string {
    const name = this.#given.get(value) ?? `name ${this.#given.size + 1}`;
    this.#given.set(value, name);
    return name;
  }
}

/** Small enough to be handed over and shown. */
export function condensed(outputs: readonly Output[]): Output[] {
  return outputs.map(([type, ...rest]) => [type, ...rest.map(condensedValue)]);
}

function condensedValue(value: unknown): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LARGE_CHARACTERS ? `${text.length} characters, ${hashOf(text)}` : value;
}

function bytesOf(buffer: ArrayBuffer | ArrayBufferView): Buffer {
  if (buffer instanceof ArrayBuffer) return Buffer.from(buffer);
  return Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function hashOf(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16);
}
