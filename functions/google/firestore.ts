// Firestore: Google's client, loaded at the first call, and the one way in which documents are written. Called by
// store/firestore.ts. Over gRPC: the client's REST way starts 50 ms sooner (of 300), and takes up to twice as long for
// every call after that.
import { randomUUID } from 'node:crypto';
import type { DocumentReference, Firestore, Timestamp, WriteBatch } from '@google-cloud/firestore';
import { z } from 'zod';
import { boundedCall, type CallFailure } from './call.ts';
import { explainGaxError } from './gax-error.ts';

const NAME = 'Firestore';
const CALL_SECONDS = 10;
const DEFAULT_DATABASE = '(default)';

/**
 * Readings are streams, which google-gax repeats in two ways: whatever the error is, for 7 s ("permission denied" too), or
 * by its code, but 20 times a second. Neither: @google-cloud/firestore repeats them itself, by code, five times.
 */
const NO_SECOND_LAYER_OF_RETRIES = {
  gaxServerStreamingRetries: true,
  clientConfig: {
    interfaces: {
      'google.firestore.v1.Firestore': {
        retry_codes: { none: [] },
        methods: {
          BatchGetDocuments: { retry_codes_name: 'none' },
          RunQuery: { retry_codes_name: 'none' },
        },
      },
    },
  },
};

export interface FirestoreOptions {
  projectId: string;
  databaseId?: string | undefined;
  /** Bound of each call, the client's own retries included. */
  callSeconds?: number | undefined;
}

export interface LoadedFirestore {
  database: Firestore;
  Timestamp: typeof Timestamp;
}

/** Does `work` with the client in bounded time; what it throws is an AppError. */
export type CallFirestore = <T>(work: (use: LoadedFirestore) => Promise<T>) => Promise<T>;

export function createFirestore(options: FirestoreOptions): CallFirestore {
  const { callSeconds = CALL_SECONDS } = options;
  let loaded: Promise<LoadedFirestore> | undefined;
  return async (work) => {
    const use = await (loaded ??= load(options));
    return await boundedCall(NAME, callSeconds, () => work(use), explain);
  };
}

/**
 * Commits what `fill` puts into the batch. All of it must be conditional: the client tries again for minutes, and what
 * the caller gave up on may still come true. The first write is the one to `proof`, with `writeId` among its fields.
 * @returns the time of the write, or undefined when a condition did not hold
 */
export async function writeOnce(
  { database }: LoadedFirestore,
  proof: DocumentReference,
  fill: (batch: WriteBatch, writeId: string) => void,
): Promise<Timestamp | undefined> {
  const writeId = randomUUID();
  const batch = database.batch();
  fill(batch, writeId);
  try {
    const [first] = await batch.commit();
    return first?.writeTime;
  } catch (error) {
    if (!isLostCondition(error)) throw error;
  }
  // When the answer to the first try was lost, the client's next one meets what the first has written.
  const found = await proof.get();
  return found.get('writeId') === writeId ? found.updateTime : undefined;
}

async function load({
  projectId,
  databaseId = DEFAULT_DATABASE,
}: FirestoreOptions): Promise<LoadedFirestore> {
  const { Firestore, Timestamp } = await import('@google-cloud/firestore');
  const database = new Firestore({ projectId, databaseId, ...NO_SECOND_LAYER_OF_RETRIES });
  return { database, Timestamp };
}

/** gRPC's NOT_FOUND, ALREADY_EXISTS and FAILED_PRECONDITION; also that of a missing database, which reading then tells. */
const LOST_CONDITION = z.object({ code: z.literal([5, 6, 9]) });

function isLostCondition(error: unknown): boolean {
  return LOST_CONDITION.safeParse(error).success;
}

/**
 * What is not found here is the database (a document that is not there is no error), and conflicts are among our own
 * writes: as 404 and 409 callers would take them for news of their session.
 */
function explain(error: unknown): CallFailure | undefined {
  const failure = explainGaxError(error);
  switch (failure?.httpStatus) {
    case 404:
      return { ...failure, httpStatus: 400 };
    case 409:
      return { ...failure, httpStatus: 503 };
    default:
      return failure;
  }
}
