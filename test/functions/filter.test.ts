// What a list may be filtered by, as AIP-160 writes it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFilter } from '../../functions/filter.ts';
import { viewOf } from '../../functions/view.ts';
import { aRecord } from './store/store-contract.ts';

const record = aRecord('a', { name: 'train', want: 'stopped' });
const view = viewOf({ ...record, spec: { ...record.spec, labels: { team: 'data', env: 'a b' } } });

const MATCHING = [
  '',
  'state = STOPPED',
  'state=STOPPED',
  'state = "STOPPED" AND name = train',
  'name != other',
  'labels.team = "data"',
  'labels.env = "a b" AND want = stopped',
  'labels.missing != "x"',
  'name:train',
];
const OTHERS = ['state = READY', 'name != train', 'labels.team = other', 'labels.missing = x'];
const REFUSED: readonly [string, RegExp][] = [
  ['state', /cannot be read at "state"/],
  ['state = READY OR name = x', /only AND/],
  ['color = red', /has no field color; fields are id, name, state/],
  ['constructor = x', /has no field constructor/],
  ['state = READY name = x', /only AND/],
  ['state = "READY', /cannot be read/],
  ['(state = READY)', /cannot be read/],
  ['state = RUNNING', /has no state "RUNNING"; it is one of PENDING, /],
  ['state != ready', /has no state "ready"/],
  ['spot = yes', /one of true, false/],
];

describe('a filter', () => {
  for (const filter of MATCHING) {
    it(`lets pass: ${filter}`, () => {
      assert.equal(parseFilter(filter)(view), true);
    });
  }
  for (const filter of OTHERS) {
    it(`keeps back: ${filter}`, () => {
      assert.equal(parseFilter(filter)(view), false);
    });
  }
  for (const [filter, reason] of REFUSED) {
    it(`is refused, with the reason: ${filter}`, () => {
      assert.throws(() => parseFilter(filter), reason);
    });
  }
});
