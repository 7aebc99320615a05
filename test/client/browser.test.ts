import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { browserCommands, openBrowser } from '../../client/browser.ts';
import type { Io } from '../../client/io.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';

const URL = 'http://127.0.0.1:8081/tree?token=secret';

describe('the browser', () => {
  const choices: [string, NodeJS.Platform, Record<string, string>, string[]][] = [
    ['is BROWSER before all others', 'darwin', { BROWSER: 'a:b %s', DISPLAY: ':0' }, ['a', 'b %s']],
    ['is the desktop’s', 'linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['xdg-open']],
    ['is macOS’s', 'darwin', {}, ['open']],
    ['is nobody’s without a desktop', 'linux', { BROWSER: '', DISPLAY: '' }, []],
  ];
  for (const [what, platform, env, commands] of choices) {
    it(what, () => {
      assert.deepEqual(browserCommands(env, platform), commands);
    });
  }

  it('is Windows’ own where Linux runs inside it', () => {
    const [first, second] = browserCommands({ WSL_DISTRO_NAME: 'Debian', DISPLAY: ':0' }, 'linux');
    assert.equal(first, 'wslview');
    assert.match(second ?? '', /^explorer\.exe "\$\(wslpath -w %s\)"/);
  });

  const DESKTOP = { PATH: process.env['PATH'] ?? '', DISPLAY: ':7' };
  const problems: [string, Record<string, string>, RegExp][] = [
    ['is not there', { ...DESKTOP, BROWSER: '/not/there' }, /\(\/not\/there did not start\)/],
    ['fails', { ...DESKTOP, BROWSER: 'false' }, /\(false did not start\)/],
    ['has no xdg-open', { DISPLAY: ':7', PATH: '/nowhere' }, /\(xdg-open did not start\)/],
    ['has no desktop', {}, /There is no desktop here.*: open the address above yourself\.$/],
    ['is far away', { SSH_CONNECTION: '1 2 3 4' }, /ssh -L 8081:127\.0\.0\.1:8081 /],
  ];
  for (const [what, env, words] of problems) {
    it(`that ${what} is told in one line without the token`, async (t) => {
      const folder = temporaryFolder(t);
      const said: string[] = [];
      const request = { url: URL, folder, say: (line: string) => said.push(line) };
      const opened = openBrowser(request, { env } as unknown as Io);
      const [line = ''] = await until('a line', () => said.length > 0 && said);
      assert.match(line, words);
      assert.ok(!line.includes('secret') && !line.includes('\n'));
      opened[Symbol.dispose]();
      assert.deepEqual(readdirSync(folder), []);
    });
  }
});
