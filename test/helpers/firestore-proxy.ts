// Between a client and the Firestore emulator, as gRPC: can lose the reply to a write that was done, and can answer in
// Firestore's place what the emulator never would.
import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

/** A gRPC status, such as 14: UNAVAILABLE. */
export interface GrpcStatus {
  code: number;
  message: string;
}

export interface FirestoreProxy {
  /** `host:port`, for FIRESTORE_EMULATOR_HOST. */
  host: string;
  /** The next commit is done and answered with UNAVAILABLE, after what happens `meanwhile`. */
  loseNextCommit(meanwhile?: () => Promise<unknown>): void;
  /** How many replies were lost. */
  lost(): number;
  /** Every call is answered with this; undefined: by the emulator. */
  answerWith(status: GrpcStatus | undefined): void;
  /** How many calls were answered so. */
  refused(): number;
  stop(): void;
}

const COMMIT = '/google.firestore.v1.Firestore/Commit';
const LOST_REPLY = { code: 14, message: 'the reply was lost' };

export async function startFirestoreProxy(port: number): Promise<FirestoreProxy> {
  const upstream = connect(`http://127.0.0.1:${port}`);
  const sessions = new Set<ServerHttp2Session>();
  let meanwhile: (() => Promise<unknown>) | undefined;
  let refusal: GrpcStatus | undefined;
  let lost = 0;
  let refused = 0;
  const server = createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    if (refusal) {
      refused += 1;
      answer(stream, refusal);
    } else if (meanwhile && headers[':path'] === COMMIT) {
      const happens = meanwhile;
      meanwhile = undefined;
      forward(stream, headers, upstream, (request) => {
        request.resume();
        lost += 1;
        void happens().then(() => {
          answer(stream, LOST_REPLY);
        });
      });
    } else {
      forward(stream, headers, upstream, (request, reply, flags) => {
        passOn(stream, request, reply, flags);
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    loseNextCommit: (happens = () => Promise.resolve()) => {
      meanwhile = happens;
    },
    lost: () => lost,
    answerWith: (status) => {
      refusal = status;
    },
    refused: () => refused,
    stop: () => {
      for (const session of sessions) session.destroy();
      server.close();
      upstream.destroy();
    },
  };
}

function forward(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  upstream: ClientHttp2Session,
  onReply: (request: ClientHttp2Stream, reply: IncomingHttpHeaders, flags: number) => void,
): void {
  const request = upstream.request(headers);
  request.on('error', () => {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  request.on('response', (reply, flags) => {
    onReply(request, reply, flags);
  });
  stream.pipe(request);
}

/** gRPC's status comes in trailers, or in the headers when there is nothing else. */
function passOn(
  stream: ServerHttp2Stream,
  request: ClientHttp2Stream,
  reply: IncomingHttpHeaders,
  flags: number,
): void {
  if (flags & constants.NGHTTP2_FLAG_END_STREAM) {
    stream.respond(reply, { endStream: true });
    return;
  }
  let trailers: IncomingHttpHeaders = {};
  request.on('trailers', (received: IncomingHttpHeaders) => {
    trailers = received;
  });
  stream.on('wantTrailers', () => {
    stream.sendTrailers(trailers);
  });
  stream.respond(reply, { waitForTrailers: true });
  request.pipe(stream);
}

function answer(stream: ServerHttp2Stream, { code, message }: GrpcStatus): void {
  if (stream.destroyed) return;
  const headers = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(code),
    'grpc-message': encodeURIComponent(message),
  };
  stream.respond(headers, { endStream: true });
}
