// The control API's routes for faults: rules, and the calls that were seen.
import { z } from 'zod';
import type { Faults } from '../faults/faults.ts';
import { faultRule } from '../faults/rule.ts';
import { GoogleError } from '../google-error.ts';
import { json, type Route } from '../router.ts';
import { readBody } from './body.ts';

/** One rule, or a list of them. */
const rules = z.preprocess(
  (body): unknown => (Array.isArray(body) ? body : [body]),
  z.array(faultRule).min(1).max(1000),
);

export function createFaultRoutes(faults: Faults): Route[] {
  return [
    {
      method: 'POST',
      path: '/control/faults',
      handle: (call) => json({ rules: faults.add(readBody(call, rules)) }),
    },
    { method: 'GET', path: '/control/faults', handle: () => json({ rules: faults.rules }) },
    {
      method: 'DELETE',
      path: '/control/faults',
      handle: () => {
        faults.remove();
        return json({});
      },
    },
    {
      method: 'DELETE',
      path: '/control/faults/:id',
      handle: (_, { id = '' }) => {
        if (faults.remove(id)) return json({});
        throw new GoogleError(404, 'notFound', `There is no fault rule ${id}.`);
      },
    },
    { method: 'GET', path: '/control/calls', handle: () => json({ calls: faults.calls }) },
    {
      method: 'DELETE',
      path: '/control/calls',
      handle: () => {
        faults.forgetCalls();
        return json({});
      },
    },
  ];
}
