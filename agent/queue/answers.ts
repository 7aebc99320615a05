// What the agent answers in the kernel's place, and in which words (pure): cells that were not run, or whose fate nobody
// knows, and what the gateway has done for it. next.ts says which answer is owed; its parts are written one after the other.
import { randomUUID } from 'node:crypto';
import type { Header, Message, NewMessage } from '../channel/messages.ts';
import { writeMessage } from '../channel/messages.ts';
import type { MessageEntry } from './entry.ts';
import type { Cause, Owed, Waiting } from './state.ts';

/** Of the agent's own messages. */
const USERNAME = 'datalab';

const WORDS: Record<Exclude<Cause, 'error' | 'idleUnseen' | 'done'>, string> = {
  restarted:
    'Not run: the kernel was restarted while this waited. Run it again if it is still wanted.',
  stopped: 'The kernel was restarted before this was done.',
  died: 'The kernel died before this was done. Its variables are gone; run the cells that it needs again.',
  tooLate: 'Not run: it waited too long for a connection. Run it again if it is still wanted.',
  overtaken:
    'Not run: while this waited for a connection, another page used the kernel. Run it again if it is still wanted.',
  notNow: 'The kernel cannot be reached at the moment, so this was not delivered. Try again.',
  unknown:
    'Whether this ran is not known: the connection to the kernel broke while it was on its way. It was not sent again, so ' +
    'that it does not run twice; look at what it should have done.',
  endUnseen:
    'This ran, but the connection to the kernel broke before its end was seen: output may be missing, and it may have failed.',
};

export interface AnswerPart {
  entry: MessageEntry;
  message: Buffer;
}

/**
 * The next part of it. The last one is the idle status.
 * @param message the request that is answered. The log may have forgotten what was sent long ago.
 * @param session `sessionOf` the kernel's state
 */
export function writeAnswer(
  { request, cause, written }: Owed,
  message: Message | undefined,
  session: string,
  now: Date,
): AnswerPart {
  const asked = message ?? outlineOf(request);
  const parts = partsOf(cause, asked);
  const part = parts[Math.min(written, parts.length - 1)] ?? idle();
  const header: Header = {
    msg_id: randomUUID(),
    msg_type: part.type,
    session,
    username: USERNAME,
    date: now.toISOString(),
    version: '5.3',
  };
  const made: NewMessage = {
    channel: part.channel,
    header,
    parent: asked.header,
    content: part.content,
  };
  return {
    entry: {
      kind: 'message',
      type: part.type,
      parent: request.id,
      owed: request.sequence,
      ...(part.channel === 'iopub' ? {} : { to: request.channel }),
      ...(part.type === 'status' && { executionState: 'idle' }),
    },
    message: writeMessage(made),
  };
}

function outlineOf({ id, type, isControl }: Waiting): Message {
  const header = { msg_id: id, msg_type: type };
  return { channel: isControl ? 'control' : 'shell', header, parent: {}, content: () => ({}) };
}

interface Part {
  channel: string;
  type: string;
  content: Record<string, unknown>;
}

function partsOf(cause: Cause, { header, channel }: Message): Part[] {
  const type = header.msg_type.replace(/_request$/, '_reply');
  const isExecute = header.msg_type === 'execute_request';
  if (cause === 'idleUnseen') return [idle()];
  if (cause === 'error') return [{ channel, type, content: aborted() }, idle()];
  if (cause === 'done')
    return [{ channel, type, content: { status: 'ok', restart: true } }, idle()];
  const words = WORDS[cause];
  const isFailure = cause === 'unknown' || cause === 'endUnseen' || !isExecute;
  const reply = { channel, type, content: isFailure ? failed(cause, words) : aborted() };
  if (!isExecute) return [reply, idle()];
  const shown = isFailure
    ? { channel: 'iopub', type: 'error', content: shownFailure(cause, words) }
    : { channel: 'iopub', type: 'stream', content: { name: 'stderr', text: `${words}\n` } };
  return [shown, reply, idle()];
}

function aborted(): Record<string, unknown> {
  return { status: 'aborted', execution_count: null, user_expressions: {}, payload: [] };
}

function failed(cause: Cause, words: string): Record<string, unknown> {
  return { status: 'error', execution_count: null, ...shownFailure(cause, words) };
}

function shownFailure(cause: Cause, words: string): Record<string, unknown> {
  const name = cause === 'unknown' || cause === 'endUnseen' ? 'OutcomeUnknown' : 'NotDelivered';
  return { ename: name, evalue: words, traceback: [`${name}: ${words}`] };
}

function idle(): Part {
  return { channel: 'iopub', type: 'status', content: { execution_state: 'idle' } };
}
