// A refusal in the form that Google's JSON APIs give it; thrown anywhere, rendered once, in router.ts.

export interface ErrorEntry {
  message: string;
  domain: string;
  reason: string;
  location?: string;
  locationType?: string;
}

interface Extras {
  /** The google.rpc.Code that newer parts of Google's front end add. */
  status?: string;
  details?: readonly unknown[];
  entry?: Partial<ErrorEntry>;
  headers?: Record<string, string>;
  /** Of the APIs that came after Compute Engine: `status` and `details` alone, no `errors`. */
  isRpc?: boolean;
}

export class GoogleError extends Error {
  override name = 'GoogleError';
  readonly code: number;
  readonly reason: string;
  readonly extras: Extras;

  constructor(code: number, reason: string, message: string, extras: Extras = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.extras = extras;
  }
}

/** The google.rpc.Code that goes with an HTTP status. */
export const STATUS_WORDS: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** A refusal as the APIs after Compute Engine give it: IAP, Cloud Scheduler. `status`: a google.rpc.Code. */
export function rpcError(code: number, status: string, message: string): GoogleError {
  return new GoogleError(code, status, message, { status, isRpc: true });
}

export function notFound(resource: string): GoogleError {
  return new GoogleError(404, 'notFound', `The resource '${resource}' was not found`);
}

export function alreadyExists(resource: string): GoogleError {
  return new GoogleError(409, 'alreadyExists', `The resource '${resource}' already exists`);
}

export function notReady(resource: string): GoogleError {
  return new GoogleError(400, 'resourceNotReady', `The resource '${resource}' is not ready`);
}

export function invalidValue(field: string, value: string, why: string): GoogleError {
  return new GoogleError(400, 'invalid', `Invalid value for field '${field}': '${value}'. ${why}`);
}

export function required(field: string): GoogleError {
  return new GoogleError(400, 'required', `Required field '${field}' not specified`);
}

/** Google would do this, the emulator cannot: said loudly, since a silent emulator teaches wrong things. */
export function notEmulated(what: string): GoogleError {
  return new GoogleError(501, 'notImplemented', `The emulator does not emulate ${what}.`, {
    status: 'UNIMPLEMENTED',
  });
}

export function renderGoogleError(error: GoogleError): unknown {
  const { status, details, entry, isRpc } = error.extras;
  const errors = [{ message: error.message, domain: 'global', reason: error.reason, ...entry }];
  return {
    error: {
      code: error.code,
      message: error.message,
      ...(isRpc ? {} : { errors }),
      ...(status === undefined ? {} : { status }),
      ...(details === undefined ? {} : { details }),
    },
  };
}
