import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addFolder,
  kernelsOfFolder,
  sessionsOfFolder,
  stripFolder,
} from '../../client/relay/notebook-sessions.ts';

const FOLDER = 'reports-1a2b';

describe('the path of a notebook session that is sent', () => {
  const CASES: [body: unknown, sent: unknown][] = [
    [
      { path: 'a.ipynb', type: 'notebook' },
      { path: 'reports-1a2b/a.ipynb', type: 'notebook' },
    ],
    [{ path: '/a.ipynb' }, { path: 'reports-1a2b/a.ipynb' }],
    [
      { path: 'x/a.ipynb', kernel: null },
      { path: 'reports-1a2b/x/a.ipynb', kernel: null },
    ],
    [
      { notebook: { path: 'a.ipynb', name: 'n' } },
      { notebook: { path: 'reports-1a2b/a.ipynb', name: 'n' } },
    ],
    [
      { path: 'a.ipynb', kernel: { name: 'python3' } },
      { path: 'reports-1a2b/a.ipynb', kernel: { name: 'python3' } },
    ],
    [{ kernel: { id: '1' } }, { kernel: { id: '1' } }],
  ];
  for (const [body, sent] of CASES) {
    it(`${JSON.stringify(body)} becomes ${JSON.stringify(sent)}`, () => {
      assert.deepEqual(addFolder(body, FOLDER), sent);
    });
  }
});

describe('what is sent and no notebook session', () => {
  for (const body of [{ path: 5 }, { path: 'a', notebook: 'b' }, ['a.ipynb'], 'a.ipynb', null]) {
    it(`is an error: ${JSON.stringify(body)}`, () => {
      assert.throws(() => addFolder(body, FOLDER));
    });
  }
});

describe('a notebook session that comes back', () => {
  it('has its path without the folder, in both forms, and everything else as it was', () => {
    const path = 'reports-1a2b/x/a.ipynb';
    const session = {
      id: '1',
      path,
      notebook: { path, name: 'a.ipynb' },
      kernel: { id: 'k' },
      more: [1],
    };
    assert.deepEqual(stripFolder(session, FOLDER), {
      ...session,
      path: 'x/a.ipynb',
      notebook: { path: 'x/a.ipynb', name: 'a.ipynb' },
    });
  });

  it('is hidden when it belongs to another folder, however similar its name', () => {
    for (const path of ['a.ipynb', 'reports-1a2bc/a.ipynb', 'other/reports-1a2b/a.ipynb', FOLDER]) {
      assert.equal(stripFolder({ path }, FOLDER), undefined, path);
    }
  });

  it('is an error when it is none', () => {
    assert.throws(() => stripFolder('a.ipynb', FOLDER));
    assert.throws(() => sessionsOfFolder({ message: 'no' }, FOLDER));
  });
});

describe('the lists', () => {
  const SESSIONS = [
    { id: '1', path: 'reports-1a2b/a.ipynb', kernel: { id: 'ours' } },
    { id: '2', path: 'other/a.ipynb', kernel: { id: 'theirs' } },
    { id: '3', path: 'other/b.ipynb', kernel: { id: 'shared' } },
    { id: '4', path: 'reports-1a2b/b.ipynb', kernel: { id: 'shared' } },
    { id: '5', path: 'other/c.ipynb', kernel: null },
  ];

  it('hold this folder’s sessions', () => {
    const ids = sessionsOfFolder(SESSIONS, FOLDER).map(({ id }) => id);
    assert.deepEqual(ids, ['1', '4']);
  });

  it('hold every kernel but those of other folders’ sessions', () => {
    const kernels = ['ours', 'theirs', 'shared', 'nobodys'].map((id) => ({ id, name: 'python3' }));
    assert.deepEqual(kernelsOfFolder(kernels, SESSIONS, FOLDER), [
      { id: 'ours', name: 'python3' },
      { id: 'shared', name: 'python3' },
      { id: 'nobodys', name: 'python3' },
    ]);
  });
});
