// The lines of a Dockerfile, read by the functions and by the emulator as docker reads them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDockerfile } from '../../emulator/cloudbuild/dockerfile.ts';
import { dockerfileLines } from '../../functions/dockerfile-lines.ts';
import { DOCKERFILE_CASES } from './dockerfile-cases.ts';

describe('lines of a Dockerfile', () => {
  for (const { what, text, label } of DOCKERFILE_CASES) {
    it(`are one instruction: ${what}`, () => {
      const joined = dockerfileLines(text).filter(({ isComment }) => !isComment);
      const parsed = parseDockerfile(text).map(({ line, name, rest }) => ({
        ...{ line, content: `${name} ${rest}`, isComment: false },
      }));
      assert.deepEqual(joined, parsed);
      const found = joined.find(({ content }) => content.startsWith('LABEL '));
      const [, value = ''] = /^LABEL a="?(.*?)"?$/.exec(found?.content ?? '') ?? [];
      assert.equal(value.replace('\\\\', '\\'), label);
    });
  }

  it('are told by where they begin, comments too', () => {
    assert.deepEqual(dockerfileLines('# one\n\nRUN a \\\n  # two\n  b\nRUN c'), [
      { line: 1, content: '# one', isComment: true },
      { line: 3, content: 'RUN a   b', isComment: false },
      { line: 4, content: '  # two', isComment: true },
      { line: 6, content: 'RUN c', isComment: false },
    ]);
  });
});
