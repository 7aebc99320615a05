// Where faults happen: around the router, the metadata servers, and the IAP relay's WebSockets.
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { timestamp, waitAtMost, type Clock } from '../clock.ts';
import { LostConnection, type Dispatch, type Reply } from '../router.ts';
import { renderError } from './error-forms.ts';
import type { Faults, ListedRule, SeenCall } from './faults.ts';

/** Our own API is never hit: it is how the rules are taken back. */
const OURS = /^\/control(\/|$)/;

export function withFaults(dispatch: Dispatch, faults: Faults, clock: Clock): Dispatch {
  return async (call) => {
    if (OURS.test(call.path)) return dispatch(call);
    const { seen, rule } = faults.meet(call.method, call.path, timestamp(clock));
    const { operationError } = rule ?? {};
    const taken = operationError ? { ...call, operationFault: operationError } : call;
    const instead = rule && (await beforeCall(rule, seen, faults, clock));
    const reply = instead ?? (await dispatch(taken));
    if (rule?.loseReply) throw new LostConnection();
    seen.status = reply.status;
    return reply;
  };
}

/** For the upgrade of a WebSocket: `open` goes on with it. */
export async function upgradeWithFaults(
  request: IncomingMessage,
  socket: Duplex,
  open: () => void,
  faults: Faults,
  clock: Clock,
): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://emulator');
  const { seen, rule } = faults.meet('GET', pathname, timestamp(clock));
  try {
    const instead = rule && (await beforeCall(rule, seen, faults, clock));
    if (instead) {
      seen.status = instead.status;
      const line = `${instead.status} ${STATUS_CODES[instead.status] ?? ''}`;
      socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    // The caller may have gone meanwhile.
    if (!socket.destroyed) open();
    if (rule?.loseReply) socket.destroy();
  } catch {
    socket.destroy();
  }
}

/** The answer instead of the service's, if there is to be one. @throws LostConnection */
async function beforeCall(
  rule: ListedRule,
  { service }: SeenCall,
  faults: Faults,
  clock: Clock,
): Promise<Reply | undefined> {
  if (rule.loseRequest) throw new LostConnection();
  if (rule.delay) await waitAtMost(clock, rule.delay.milliseconds, faults.ended);
  if (rule.timeout) await faults.ended;
  // Nothing is done any more while the power is cut.
  if (faults.isEnded) throw new LostConnection();
  return rule.error && renderError(service, rule.error);
}
