// What a cut tunnel has to send again: everything that was not confirmed, however the pieces were cut.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Unconfirmed } from '../../emulator/iap/unconfirmed.ts';

for (const [confirmed, left] of [
  [0, 'abcdef'],
  [1, 'bcdef'],
  [3, 'def'],
  [4, 'ef'],
  [6, ''],
] as const) {
  it(`of 6 bytes of which ${confirmed} were confirmed`, () => {
    const unconfirmed = new Unconfirmed();
    for (const piece of ['abc', 'd', 'ef']) unconfirmed.append(Buffer.from(piece));
    unconfirmed.confirm(confirmed);
    assert.equal(Buffer.concat(unconfirmed.pieces).toString(), left);
    assert.equal(unconfirmed.bytes, left.length);
    unconfirmed.append(Buffer.from('g'));
    unconfirmed.confirm(left.length);
    assert.equal(Buffer.concat(unconfirmed.pieces).toString(), 'g');
  });
}
