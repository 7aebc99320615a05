// What an operation is to fail with, as it is asked for; compute/operation-fault.ts words it as Google does.
import { z } from 'zod';

export const operationFault = z.strictObject({
  /** Google's code, such as ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS, QUOTA_EXCEEDED or INTERNAL_ERROR. */
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,99}$/),
  message: z.string().max(1000).optional(),
  httpStatus: z.int().min(400).max(599).optional(),
  /** Of a stock-out: zones that have room; default: the others of the region. */
  zonesAvailable: z.array(z.string()).optional(),
  /** Of an exceeded quota. */
  quotaInfo: z
    .strictObject({
      metricName: z.string(),
      limitName: z.string(),
      limit: z.number(),
      dimensions: z.record(z.string(), z.string()),
    })
    .optional(),
});
export type OperationFault = z.infer<typeof operationFault>;
