// A team lead adds packages to the gateway image: new sessions have them, one that runs goes on with what it has, and an
// extension that fails changes nothing.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { image } from '../../functions/contract.ts';
import { FIRST_USER } from '../emulator/cloud-fixture.ts';
import { startBackend } from '../helpers/backend.ts';
import { runClient } from '../helpers/client.ts';
import { newKernel, run } from '../helpers/jupyter-front-end.ts';
import { requireProgram } from '../helpers/requires.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const JUPYTER = '/usr/bin/jupyter-server';
const LAST_LINE = 'ERROR: No matching distribution found for no-such-package';

describe('a gateway image that is extended', () => {
  it('is what new sessions run from, while one that runs keeps its own', async (t) => {
    if (!requireProgram(t, JUPYTER)) return;
    const folder = temporaryFolder(t);
    const policy = path.join(folder, 'policy.json');
    writeFileSync(policy, JSON.stringify({ administrators: [FIRST_USER] }));
    const requirements = path.join(folder, 'requirements.txt');
    writeFileSync(requirements, 'scikit-learn==1.7.2\n');
    const backend = await startBackend(t, {}, { POLICY_FILE: policy });
    const { you, google, emulator } = backend;
    const { urls, credentials } = emulator.ready;
    const env = { DATALAB_API_URL: urls.api, GOOGLE_APPLICATION_CREDENTIALS: credentials };
    const extend = async () => {
      const args = ['image', 'extend', '--requirements', requirements, '--json', '--logs'];
      const client = runClient(t, path.join(folder, 'client'), args, env);
      return { exitCode: await client.ended, events: client.events, stderr: client.stderr() };
    };
    const show = async () => image.parse(await you.ok('GET', '/v1/image?view=FULL'));

    const old = await you.create({ name: 'old' });
    await you.settle(old.id, 'READY');
    const gateway = await you.gateway(old.id);
    const kernel = await newKernel(gateway);
    await run(gateway, kernel, 'kept = 42');
    const before = await show();

    const done = await extend();
    assert.equal(done.exitCode, 0, done.stderr);
    const built = done.events.at(-1);
    assert.deepEqual([built?.event, built?.['changed']], ['built', true]);
    assert.ok(done.events.some(({ event, text }) => event === 'log' && /FROM/.test(String(text))));
    const after = await show();
    assert.notEqual(after.digest, before.digest);
    assert.equal(image.parse(built?.['image']).digest, after.digest);
    assert.equal(after.extendedFrom?.digest, before.digest);
    assert.ok((after.sizeBytes ?? 0) > 0);
    assert.deepEqual([after.usedBy?.sessionCount, after.usedBy?.otherSessionCount], [0, 1]);

    const young = await you.create({ name: 'young' });
    const ready = await you.settle(young.id, 'READY');
    assert.ok(ready !== 'GONE');
    assert.equal(ready.image?.split('@')[1], after.digest);
    assert.equal((await you.get(old.id)).image?.split('@')[1], before.digest);
    assert.equal((await run(gateway, kernel, 'kept')).trim(), '42');
    const fresh = await you.gateway(young.id);
    assert.equal((await run(fresh, await newKernel(fresh), '6*7')).trim(), '42');
    assert.equal((await show()).usedBy?.sessions[0]?.name, 'young');

    const again = await extend();
    assert.deepEqual([again.exitCode, again.events.at(-1)?.['changed']], [0, false]);
    assert.equal((await google.builds()).length, 1, 'the same again is no build');

    writeFileSync(requirements, 'no-such-package\n');
    await backend.control('POST', '/builds/next', { step: 2, exitCode: 1, lines: [LAST_LINE] });
    const failed = await extend();
    assert.equal(failed.exitCode, 1);
    const { message = '' } = failed.events.at(-1) ?? {};
    assert.match(message, /The image is as it was before\. Mend the requirements file/);
    assert.ok(message.includes(LAST_LINE), message);
    assert.equal((await show()).digest, after.digest);
  });
});
