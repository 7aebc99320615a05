// POST /batch/compute/v1: several calls in one multipart body, as gcloud sends them when it asks for more than
// one thing. Every part goes through the router like a call of its own.
// https://cloud.google.com/compute/docs/api/how-tos/batch
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { GoogleError } from '../google-error.ts';
import { render, type Call, type Dispatch, type Reply, type Route } from '../router.ts';

const MAX_PARTS = 1000;

export function createBatchRoute(dispatch: Dispatch): Route {
  return {
    method: 'POST',
    path: '/batch/compute/v1',
    handle: async (call) => {
      const parts = splitParts(call);
      if (parts.length > MAX_PARTS) throw malformed('The batch has more than 1000 calls.');
      const replies: string[] = [];
      for (const part of parts) replies.push(await answerPart(part, call, dispatch));
      return joinParts(replies);
    },
  };
}

async function answerPart(part: string, outer: Call, dispatch: Dispatch): Promise<string> {
  const [envelope = '', request = '', ...rest] = part.split('\n\n');
  const body = rest.join('\n\n').trim();
  const contentId = /^content-id: *<?([^>\n]+)>?/im.exec(envelope)?.[1] ?? '';
  const [requestLine = '', ...headerLines] = request.trim().split('\n');
  const [method = '', target = ''] = requestLine.split(' ');
  if (!target.startsWith('/')) throw malformed('A part of the batch is not an HTTP request.');
  const url = new URL(target, 'http://emulator');
  const reply = await dispatch({
    method,
    path: url.pathname,
    query: url.searchParams,
    // A part without credentials of its own has those of the batch.
    headers: { authorization: outer.headers.authorization, ...readHeaders(headerLines) },
    body: Buffer.from(body),
  });
  return formatPart(contentId, reply);
}

function formatPart(contentId: string, reply: Reply): string {
  const { headers, content } = render(reply);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [
    'Content-Type: application/http',
    `Content-ID: <response-${contentId}>`,
    '',
    `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}`,
    ...lines,
    '',
    content.toString(),
  ].join('\r\n');
}

function joinParts(parts: readonly string[]): Reply {
  const boundary = `batch_${randomUUID()}`;
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('') + `--${boundary}--\r\n`;
  const headers = { 'content-type': `multipart/mixed; boundary=${boundary}` };
  return { status: 200, headers, body };
}

function splitParts({ headers, body }: Call): string[] {
  const boundary = /boundary="?([^";]+)"?/i.exec(headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) throw malformed('The batch is not multipart/mixed.');
  return body
    .toString()
    .replaceAll('\r\n', '\n')
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => part.replace(/^\n/, ''));
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.split(':');
      return [name.trim().toLowerCase(), value.join(':').trim()];
    }),
  );
}

function malformed(message: string): GoogleError {
  return new GoogleError(400, 'badRequest', message, { status: 'INVALID_ARGUMENT' });
}
