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
}

export class GoogleError extends Error {
  override name = 'GoogleError';
  readonly code: number;
  /** Empty: the API gives none. */
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
  const { status, details, entry } = error.extras;
  return {
    error: {
      code: error.code,
      message: error.message,
      ...(error.reason === '' ? {} : { errors: [{ ...errorEntry(error), ...entry }] }),
      ...(status === undefined ? {} : { status }),
      ...(details === undefined ? {} : { details }),
    },
  };
}

function errorEntry({ message, reason }: GoogleError): ErrorEntry {
  return { message, domain: 'global', reason };
}

/** Codes of google.rpc.Code that the emulator's newer APIs answer with, and their HTTP statuses. */
const RPC_STATUS = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
} as const;

/** A refusal of Google's newer APIs (Cloud Build, Pub/Sub, Logging, IAP, Scheduler): a code and a text, without a list of reasons. */
export function rpcError(status: keyof typeof RPC_STATUS, message: string): GoogleError {
  return new GoogleError(RPC_STATUS[status], '', message, { status });
}
