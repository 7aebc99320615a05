// Why a tunnel could not be opened or broke: close codes and HTTP statuses of the IAP relay, in words for a person.
// Thrown by connection.ts and given to `destroy` by stream.ts.
import type { TunnelTarget } from './target.ts';

export type TunnelReason =
  /** Nothing answers on the instance's port (yet). */
  | 'unreachable'
  /** The access token was refused; identity/tunnel.ts gets another one, and knows what signs in again. */
  | 'signInAgain'
  | 'notAllowed'
  | 'notFound'
  | 'timeout'
  /** The relay itself cannot be reached or is in trouble. */
  | 'unavailable'
  /** The connection was there and is gone. */
  | 'lost'
  | 'protocol'
  | 'cancelled';

/** Reasons after which trying again, unchanged, may succeed. */
const RETRYABLE: readonly TunnelReason[] = ['unreachable', 'timeout', 'unavailable', 'lost'];

export class TunnelError extends Error {
  override name = 'TunnelError';
  readonly reason: TunnelReason;
  readonly retryable: boolean;

  constructor(reason: TunnelReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.retryable = RETRYABLE.includes(reason);
  }
}

/** The other end said goodbye in order: 4010 is what the relay sends when the instance closed its connection. */
export function isEndOfStream(closeCode: number): boolean {
  return closeCode === 1000 || closeCode === 4010;
}

/**
 * Codes: 4003, 4004 from the Cloud SDK, the others from Google's IAP Desktop (SshRelayCloseCode), in
 * https://github.com/GoogleCloudPlatform/iap-desktop.
 */
export function errorOfClose(code: number, target: TunnelTarget): TunnelError {
  const where = describe(target);
  switch (code) {
    case 4003:
      return new TunnelError(
        'unreachable',
        `Nothing answers on ${where}. If the instance is still booting, try again; if not, look at its serial ` +
          `console and check that the firewall admits 35.235.240.0/20 to port ${target.port}.`,
      );
    case 4004:
      return new TunnelError('signInAgain', signInAgain(where));
    case 4033:
      return new TunnelError('notAllowed', notAllowed(where));
    case 4047:
    case 4051:
      return new TunnelError('notFound', notFound(where));
    default:
      return new TunnelError(
        'lost',
        `The tunnel to ${where} broke (close code ${code}). Check the network and connect again.`,
      );
  }
}

/** The relay refused the WebSocket's handshake. */
export function errorOfStatus(status: number, target: TunnelTarget): TunnelError {
  const where = describe(target);
  switch (status) {
    case 401:
      return new TunnelError('signInAgain', signInAgain(where));
    case 403:
      return new TunnelError('notAllowed', notAllowed(where));
    case 404:
      return new TunnelError('notFound', notFound(where));
    default:
      return new TunnelError(
        status === 429 || status >= 500 ? 'unavailable' : 'protocol',
        `The IAP relay answered ${status} when asked for ${where}. Try again; if it stays, check ` +
          'https://status.cloud.google.com.',
      );
  }
}

export function errorOfNetwork(target: TunnelTarget, cause: unknown): TunnelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TunnelError(
    'unavailable',
    `The IAP relay could not be reached for ${describe(target)}: ${why}. Check the network and try again.`,
    { cause },
  );
}

export function errorOfTimeout(target: TunnelTarget, milliseconds: number): TunnelError {
  return new TunnelError(
    'timeout',
    `The tunnel to ${describe(target)} was not open after ${milliseconds / 1000} s. Check the network and try again.`,
  );
}

export function errorOfSilence(target: TunnelTarget): TunnelError {
  return new TunnelError(
    'lost',
    `The tunnel to ${describe(target)} answers no longer. Check the network and connect again.`,
  );
}

export function errorOfProtocol(target: TunnelTarget, cause: unknown): TunnelError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TunnelError(
    'protocol',
    `The tunnel to ${describe(target)} broke the protocol: ${why}. Connect again; if it stays, report it as a bug.`,
    { cause },
  );
}

function describe(target: TunnelTarget): string {
  return `port ${target.port} of instance ${target.instance} (${target.project}, ${target.zone})`;
}

function signInAgain(where: string): string {
  return `The sign-in was not accepted for ${where}.`;
}

function notAllowed(where: string): string {
  return (
    `Not allowed to tunnel to ${where}. Ask the project's administrator for the role ` +
    'roles/iap.tunnelResourceAccessor; right after the session was made, wait a minute and try again.'
  );
}

function notFound(where: string): string {
  return `There is no ${where}. See the session's state with: datalab-client status`;
}
