// Errors that a caller may see: AppError is thrown anywhere and rendered once, at the edge (http.ts), as AIP-193 asks.
import type { z } from 'zod';
import {
  BAD_REQUEST_TYPE,
  HTTP_STATUS,
  type ErrorBody,
  type ErrorCode,
  type FieldViolation,
} from './contract.ts';

export interface AppErrorOptions {
  /** The same call may succeed later, unchanged. */
  isRetryable?: boolean;
  /** The request's fields at fault. */
  fieldViolations?: readonly FieldViolation[];
  cause?: unknown;
}

export class AppError extends Error {
  override name = 'AppError';
  readonly code: ErrorCode;
  readonly isRetryable: boolean;
  readonly fieldViolations: readonly FieldViolation[];

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.isRetryable = options.isRetryable ?? false;
    this.fieldViolations = options.fieldViolations ?? [];
  }
}

/** The refusal of a request whose fields are at fault. */
export function invalidFields(fieldViolations: readonly FieldViolation[]): AppError {
  const message = fieldViolations
    .map(({ field, description }) => (field === '' ? description : `${field}: ${description}`))
    .join('; ');
  return new AppError('INVALID_ARGUMENT', message, { fieldViolations });
}

/** Parses what came from outside; throws INVALID_ARGUMENT that names the fields. */
export function parseRequest<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw invalidFields(parsed.error.issues.flatMap(violationsOf));
}

/** One violation per unknown key, so that the caller can find each of them. */
function violationsOf(issue: z.core.$ZodIssue): FieldViolation[] {
  const { path } = issue;
  if (issue.code !== 'unrecognized_keys') {
    return [{ field: fieldOf(path), description: issue.message }];
  }
  return issue.keys.slice(0, 20).map((key) => ({
    field: fieldOf([...path, key]),
    description: 'is not a field of this request',
  }));
}

/** As google.rpc.BadRequest writes it: `kernels[2].state`. */
function fieldOf(path: readonly PropertyKey[]): string {
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`));
  return parts.join('').replace(/^\./, '').slice(0, 200);
}

/** What the caller gets to see of an error; anything that is not an AppError is a bug and says nothing. */
export function errorBodyOf(error: unknown): ErrorBody {
  const { code, message, fieldViolations } = asAppError(error);
  const details = [{ '@type': BAD_REQUEST_TYPE, fieldViolations }];
  return {
    error: {
      code: HTTP_STATUS[code],
      status: code,
      message,
      ...(fieldViolations.length === 0 ? {} : { details }),
    },
  };
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError('INTERNAL', 'Something went wrong inside the backend; its log says what.');
}

/** The end of an exhaustive switch. */
export function assertNever(value: never): never {
  throw new Error(`Not reachable: ${JSON.stringify(value)}`);
}
