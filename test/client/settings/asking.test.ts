// What is missing is asked for, with what is known as choices: somebody at the keyboard, an emulated Compute Engine.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { main } from '../../../client/main.ts';
import { completeSettings } from '../../../client/settings/complete.ts';
import { PROJECT, startCloud, type Cloud } from '../../emulator/cloud-fixture.ts';
import { until } from '../../helpers/until.ts';
import { converse, makePlace } from './settings-place.ts';

const KEEP = /Keep this in ~\/\.config\/datalab\/config\.json\? \[Y\/n\] $/;
const PROJECT_QUESTION = /project \([^)]*\): $/;
const ZONE_QUESTION = /zone \([^)]*\): $/;

const GCLOUD = {
  work: `[core]\nproject = ${PROJECT}\n[compute]\nzone = us-east1-d\n`,
  home: '[core]\nproject = p-home\n',
  active_config: 'NONE',
};

describe('asking for project and zone', () => {
  const ended: (() => Promise<void> | void)[] = [];
  let cloud: Cloud;
  let signedIn: Record<string, string>;
  before(async () => {
    cloud = await startCloud({ after: (end) => void ended.push(end as () => Promise<void>) });
    const { credentials, urls } = cloud.emulator.ready;
    signedIn = {
      GOOGLE_APPLICATION_CREDENTIALS: credentials,
      DATALAB_COMPUTE_URL: new URL(urls.compute).origin,
    };
  });
  after(async () => {
    for (const end of ended.reverse()) await end();
  });

  it('offers gcloud’s projects and the project’s zones, says what is wrong, and keeps the answers', async (t) => {
    const place = makePlace(t, undefined, GCLOUD);
    const talk = converse(place, signedIn);
    const complete = completeSettings({}, talk.io);
    await talk.answer(PROJECT_QUESTION, '7');
    await talk.answer(PROJECT_QUESTION, 'p-home');
    await talk.answer(PROJECT_QUESTION, '1');
    await talk.answer(ZONE_QUESTION, 'europe-west1-z');
    await talk.answer(ZONE_QUESTION, '13');
    await talk.answer(KEEP, '');
    const { project, zone, apiUrl, origins, session } = await complete;
    assert.deepEqual([project, zone], [PROJECT, 'europe-west1-b']);
    assert.equal(apiUrl, `https://europe-west1-${PROJECT}.cloudfunctions.net/api`);
    assert.deepEqual(session, { zone: 'europe-west1-b' });
    assert.deepEqual(origins.zone, { kind: 'answer', detail: 'your answer' });
    const said = talk.stderr();
    assert.match(said, /^Which Google Cloud project\?\n {3}1 {2}a-project\n {3}2 {2}p-home\n/);
    assert.match(said, /: Give a number from 1 to 2\.\n/);
    assert.match(said, /: Project p-home does not exist, or you may not see it\.\n/);
    assert.match(said, /\n {3}1 {2}asia-east1-a {14}21 {2}europe-west3-c\n/);
    assert.match(
      said,
      /There is no zone europe-west1-z for project a-project\. Near it: europe-west1-b, /,
    );
    assert.equal(talk.stdout(), '');
    const kept: unknown = JSON.parse(readFileSync(place.configFile, 'utf8'));
    assert.deepEqual(kept, { project: PROJECT, zone: 'europe-west1-b' });
    // And now nothing is missing.
    assert.equal((await completeSettings({}, place.io() as never)).apiUrl, apiUrl);
  });

  it('without being signed in takes what gcloud knows for choices, and any zone', async (t) => {
    const place = makePlace(t, { name: 'train' }, GCLOUD);
    const talk = converse(place);
    const complete = completeSettings({ project: 'p-work' }, talk.io);
    await talk.answer(ZONE_QUESTION, 'moon');
    await talk.answer(ZONE_QUESTION, 'asia-east1-a');
    await talk.answer(KEEP, 'n');
    assert.equal((await complete).zone, 'asia-east1-a');
    assert.match(talk.stderr(), /^Which zone\?\n {3}1 {2}us-east1-d\n/);
    assert.match(talk.stderr(), /The zone must be the name of a zone, such as europe-west1-b\.\n/);
    assert.equal(readFileSync(place.configFile, 'utf8'), '{"name":"train"}');
  });

  it('gives up after three answers that will not do', async (t) => {
    const talk = converse(makePlace(t));
    const exitCode = main(['list'], talk.io);
    for (const answer of ['', 'Bad', '1']) {
      await talk.answer(/project \(such as my-project-123\): $/, answer);
    }
    assert.equal(await exitCode, 1);
    assert.match(
      talk.stderr(),
      /\ndatalab-client: No project was chosen\. Give it with --project\.\n$/,
    );
  });

  it('goes on when the answers cannot be kept', async (t) => {
    const place = makePlace(t);
    // Where the draft of the new file would be, there is something else.
    mkdirSync(`${place.configFile}.${process.pid}.draft`, { recursive: true });
    const talk = converse(place);
    const complete = completeSettings({ project: 'p-work' }, talk.io);
    await talk.answer(ZONE_QUESTION, 'asia-east1-a');
    await talk.answer(KEEP, 'y');
    assert.equal((await complete).zone, 'asia-east1-a');
    assert.match(talk.stderr(), /It could not be kept: .*EISDIR/);
    assert.ok(!existsSync(place.configFile));
  });

  for (const [title, question] of [
    ['the project', PROJECT_QUESTION],
    ['the zone', ZONE_QUESTION],
    ['what to keep', KEEP],
  ] as const) {
    for (const how of ['Ctrl-C', 'the end of the keyboard'] as const) {
      it(`ends at ${how} while it asks for ${title}, and nothing is kept`, async (t) => {
        const place = makePlace(t, undefined, GCLOUD);
        const talk = converse(place, signedIn);
        const exitCode = main(['start'], talk.io);
        if (question !== PROJECT_QUESTION) await talk.answer(PROJECT_QUESTION, PROJECT);
        if (question === KEEP) await talk.answer(ZONE_QUESTION, 'europe-west1-b');
        await until('it asks', () => question.test(talk.stderr()));
        if (how === 'Ctrl-C') talk.interrupt.abort();
        else talk.keyboard.end();
        assert.equal(await exitCode, 130);
        assert.ok(!existsSync(place.configFile));
      });
    }
  }

  for (const flag of ['--json', '--quiet']) {
    it(`asks nobody with ${flag}`, async (t) => {
      const talk = converse(makePlace(t));
      assert.equal(await main(['list', flag], talk.io), 1);
      assert.match(talk.stdout() + talk.stderr(), /No project and no zone is set\. Set/);
    });
  }
});
