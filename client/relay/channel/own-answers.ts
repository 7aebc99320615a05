// What the relay answers a front-end in the kernel's place (pure): requests that could not be delivered, and how the kernel
// is after a cut. relay-channel.ts writes them to the front-end; the agent has answers of its own.
import { randomUUID } from 'node:crypto';
import type { Message } from '../../../agent/channel/messages.ts';
import { writeMessage } from '../../../agent/channel/messages.ts';

export const REASONS = {
  notNow:
    'The kernel cannot be reached at the moment, so this was not delivered. Try again when it is connected.',
  noAnswer:
    'Whether this has reached the kernel is not known: the connection to it ended before an answer came. It was not sent ' +
    'again, since it would come late; try again if it is still wanted.',
  tooLarge: 'This is larger than what can be sent to a kernel (256 MiB), so it was not sent.',
  notKept:
    'This could not be written to the disk of this machine, which is full perhaps, so it was not sent to the kernel. ' +
    'Make room and try again.',
  unknown:
    'Whether this ran is not known: the connection to the kernel was lost for so long that the kernel’s side has forgotten ' +
    'it. It was not sent again, so that it does not run twice; look at what it should have done.',
  gone: 'Not run: the kernel is gone.',
  goneMeanwhile:
    'The kernel is gone. Whether this ran before is not known; look at what it should have done.',
  goneAmidst:
    'This had begun when the kernel went: it was stopped, or its end was not seen, and output may be missing.',
} as const;

/** Of these nobody can say that they were not delivered. */
const UNKNOWN: readonly Reason[] = ['noAnswer', 'unknown', 'goneMeanwhile', 'goneAmidst'];
const ABORTED: readonly Reason[] = ['gone', 'goneMeanwhile', 'goneAmidst'];

export type Reason = keyof typeof REASONS;

/**
 * The messages that end a request for its front-end, in order; none for what has no reply.
 * @param session of the kernel's messages (see `sessionOf` in agent/queue/state.ts)
 */
export function answerTo(
  { header, channel }: Message,
  reason: Reason,
  session: string,
  now: Date,
): Buffer[] {
  if (!header.msg_type.endsWith('_request')) return [];
  const made = (onChannel: string, type: string, content: object) =>
    writeMessage({
      channel: onChannel,
      header: { ...ownHeader(session, now), msg_type: type },
      parent: header,
      content,
    });
  const words = REASONS[reason];
  const ename = UNKNOWN.includes(reason) ? 'OutcomeUnknown' : 'NotDelivered';
  const failure = { ename, evalue: words, traceback: [`${ename}: ${words}`] };
  const type = header.msg_type.replace(/_request$/, '_reply');
  const isAborted = ABORTED.includes(reason) && header.msg_type === 'execute_request';
  const status = isAborted ? { status: 'aborted' } : { status: 'error', ...failure };
  const reply = made(channel, type, { execution_count: null, ...status });
  const idle = made('iopub', 'status', { execution_state: 'idle' });
  if (header.msg_type !== 'execute_request') return [reply, idle];
  return [made('iopub', 'error', failure), reply, idle];
}

/** What the kernel is doing, as the kernel would say it unasked. */
export function statusMessage(executionState: string, session: string, now: Date): Buffer {
  return writeMessage({
    channel: 'iopub',
    header: { ...ownHeader(session, now), msg_type: 'status' },
    content: { execution_state: executionState },
  });
}

function ownHeader(session: string, now: Date) {
  return {
    msg_id: randomUUID(),
    session,
    username: 'datalab',
    date: now.toISOString(),
    version: '5.3',
  };
}
