// Kernel messages of the model: what the real code looks at, without bytes.
import type { Message } from '../../agent/channel/messages.ts';

export interface Sketch {
  channel: string;
  id: string;
  type: string;
  session: string;
  parent?: Message | undefined;
  content?: Record<string, unknown>;
}

export function sketch({ channel, id, type, session, parent, content = {} }: Sketch): Message {
  return {
    channel,
    header: { msg_id: id, msg_type: type, session },
    parent: parent?.header ?? {},
    content: () => content,
  };
}
