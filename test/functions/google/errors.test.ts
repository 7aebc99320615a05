// How Google's failures are mapped: by status and reason, in bounded time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ErrorCode } from '../../../functions/contract.ts';
import { AppError } from '../../../functions/errors.ts';
import { boundedCall, googleError } from '../../../functions/google/call.ts';
import { seenInstance, seenOperation } from '../../../functions/google/compute-resources.ts';
import { explainGaxError } from '../../../functions/google/gax-error.ts';

const CASES: readonly [number | undefined, string, ErrorCode, boolean][] = [
  [undefined, '', 'UNAVAILABLE', true],
  [400, 'invalid', 'FAILED_PRECONDITION', false],
  [400, 'resourceNotReady', 'FAILED_PRECONDITION', true],
  [401, 'authError', 'PERMISSION_DENIED', false],
  [403, 'forbidden', 'PERMISSION_DENIED', false],
  [403, 'quotaExceeded', 'RESOURCE_EXHAUSTED', false],
  [403, 'rateLimitExceeded', 'RESOURCE_EXHAUSTED', true],
  [404, 'notFound', 'NOT_FOUND', false],
  [409, 'alreadyExists', 'ALREADY_EXISTS', false],
  [409, 'conflict', 'ABORTED', true],
  [429, '', 'RESOURCE_EXHAUSTED', true],
  [500, 'internalError', 'UNAVAILABLE', true],
  [503, 'backendError', 'UNAVAILABLE', true],
];

describe('a failure of a Google call', () => {
  for (const [httpStatus, reason, code, isRetryable] of CASES) {
    it(`${httpStatus ?? 'no answer'} ${reason} is ${code}${isRetryable ? ', to be tried again' : ''}`, () => {
      const error = googleError('X', { httpStatus, reason, message: 'm' });
      assert.equal(error.code, code);
      assert.equal(error.isRetryable, isRetryable);
    });
  }

  it('is found in what the client library throws', () => {
    const payload = JSON.stringify({ error: { errors: [{ reason: 'quotaExceeded' }] } });
    const thrown = Object.assign(new Error('m'), {
      code: 7,
      httpStatusCode: 403,
      [Symbol.for('google-gax.rawHttpResponsePayload')]: payload,
    });
    const failure = explainGaxError(thrown);
    assert.equal(failure?.httpStatus, 403);
    assert.equal(failure.reason, 'quotaExceeded');
    assert.equal(failure.message, 'm');
    assert.equal(explainGaxError(new TypeError('a bug')), undefined);
  });

  it('is told by its code when it came over gRPC', () => {
    const codes: readonly [number, ErrorCode, boolean][] = [
      [1, 'UNAVAILABLE', true],
      [2, 'UNAVAILABLE', true],
      [3, 'FAILED_PRECONDITION', false],
      [4, 'UNAVAILABLE', true],
      [5, 'NOT_FOUND', false],
      [6, 'ALREADY_EXISTS', false],
      [7, 'PERMISSION_DENIED', false],
      [8, 'RESOURCE_EXHAUSTED', true],
      [9, 'FAILED_PRECONDITION', false],
      [10, 'ABORTED', true],
      [13, 'UNAVAILABLE', true],
      [14, 'UNAVAILABLE', true],
      [16, 'PERMISSION_DENIED', false],
    ];
    for (const [code, expected, isRetryable] of codes) {
      const failure = explainGaxError(Object.assign(new Error('m'), { code }));
      assert.ok(failure);
      const error = googleError('X', failure);
      assert.deepEqual([error.code, error.isRetryable], [expected, isRetryable], String(code));
    }
  });

  it('comes in time when Google never answers', async () => {
    const never = () => new Promise<never>(() => undefined);
    // The bound must not keep the process alive, so something else has to here.
    const alive = setInterval(() => undefined, 1000);
    const call = boundedCall('X', 0.05, never, () => undefined);
    await assert.rejects(call, (error) => error instanceof AppError && error.isRetryable);
    clearInterval(alive);
  });
});

describe('a failed operation', () => {
  it('says what Google said and what to do, with the zones that have room', () => {
    const { status, error } = seenOperation({
      name: 'operation-1',
      status: 'DONE',
      targetId: '7',
      error: {
        errors: [
          {
            code: 'ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS',
            message: 'No e2-standard-4 left.',
            errorDetails: [{ errorInfo: { metadatas: { zonesAvailable: 'b,c' } } }],
          },
        ],
      },
    });
    assert.equal(status, 'done');
    assert.equal(error?.code, 'RESOURCE_EXHAUSTED');
    assert.match(error.message, /No e2-standard-4 left\..*another zone.*Zones with room: b,c/);
  });

  it('is INTERNAL when Google has a new word for it', () => {
    const failed = {
      name: 'o',
      status: 'DONE',
      error: { errors: [{ code: 'NEW', message: 'm' }] },
    };
    assert.equal(seenOperation(failed).error?.code, 'INTERNAL');
  });

  it('leaves unknown fields of resources alone', () => {
    const zone = 'https://x/projects/p/zones/z';
    const seen = seenInstance({ id: 12n, name: 'n', zone, status: 'RUNNING', invented: {} });
    assert.deepEqual([seen.id, seen.zone, seen.labels], ['12', 'z', {}]);
  });
});
