// The body of Google's error replies, whichever client read it: the reason in `details` (newer APIs) or `errors`
// (Compute Engine), and the message.
import { z } from 'zod';

const errorReply = z.object({
  error: z.object({
    message: z.string().optional(),
    errors: z.array(z.object({ reason: z.string().optional() })).optional(),
    details: z.array(z.object({ reason: z.string().optional() })).optional(),
  }),
});

export interface ErrorReply {
  reason: string | undefined;
  message: string | undefined;
}

/** Undefined for what is no error reply of Google's. @param payload text, or what has been parsed of it */
export function readErrorReply(payload: unknown): ErrorReply | undefined {
  const reply = errorReply.safeParse(typeof payload === 'string' ? parseJson(payload) : payload);
  if (!reply.success) return undefined;
  const { message, errors = [], details = [] } = reply.data.error;
  const found = [...details, ...errors].find(({ reason }) => reason !== undefined);
  return { reason: found?.reason, message };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
