// What of a kernel's message tells what the kernel is doing (pure): its kind, the request that it belongs to, its status.
// kernel-host.ts hands it to kernels.ts for every message that passes.
import { z } from 'zod';
import type { Message } from './channel/messages.ts';

/** The request that a message belongs to. */
export interface ParentRequest {
  type: string;
  id: string;
  /** It runs beside the shell, not in its turn. */
  isSubshell: boolean;
}

export interface KernelMessage {
  channel: string;
  type: string;
  id: string;
  parent?: ParentRequest;
  /** Of a `status` message. */
  executionState?: string;
}

const statusContent = z.object({ execution_state: z.string() });

export function kernelMessageOf(from: Message): KernelMessage {
  const { channel, header, parent } = from;
  const message: KernelMessage = { channel, type: header.msg_type, id: header.msg_id };
  if (parent.msg_id !== undefined) {
    const isSubshell = typeof parent.subshell_id === 'string';
    message.parent = { id: parent.msg_id, type: parent.msg_type ?? '', isSubshell };
  }
  if (message.type !== 'status') return message;
  const status = statusContent.safeParse(from.content());
  if (status.success) message.executionState = status.data.execution_state;
  return message;
}
