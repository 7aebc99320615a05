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
  readonly reason: string;
  readonly extras: Extras;

  constructor(code: number, reason: string, message: string, extras: Extras = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.extras = extras;
  }
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
  const { status, details, entry } = error.extras;
  return {
    error: {
      code: error.code,
      message: error.message,
      errors: [{ message: error.message, domain: 'global', reason: error.reason, ...entry }],
      ...(status === undefined ? {} : { status }),
      ...(details === undefined ? {} : { details }),
    },
  };
}
