// What an image may be extended with: which files are taken, and which are refused, by line and without their secrets.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { beginsFromBase } from '../../functions/dockerfile.ts';
import { parseExtension } from '../../functions/extension.ts';
import { piecesOf } from '../../functions/google/extend-file.ts';

function refusal(request: Parameters<typeof parseExtension>[0]): string[] {
  const parsed = parseExtension(request);
  return 'violations' in parsed
    ? parsed.violations.map(({ field, description }) => `${field}: ${description}`)
    : [];
}

const ON_BASE = 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n';
const HASHED = `numpy==2.3.1 \\
    --hash=sha256:${'0'.repeat(64)} \\
    --hash=sha256:${'1'.repeat(64)}
`;

describe('a requirements file', () => {
  for (const text of [
    'scikit-learn==1.7.2\n',
    '# for all\n\npandas>=2,<3 ; python_version >= "3.11"  # why not\r\n',
    HASHED,
    '--extra-index-url https://europe-python.pkg.dev/my-project/packages/simple/\nours\n',
    '--index-url https://oauth2accesstoken@europe-python.pkg.dev/p/r/simple/\nours\n',
    'ours @ git+https://github.com/us/ours.git@main\n',
    'ours @ git+ssh://git@github.com/us/ours.git\n',
    'https://example.com/ours-1-py3-none-any.whl\n',
    '-r https://example.com/more.txt\n',
    '--no-binary :all:\nlxml\n',
    '-e git+https://example.com/ours.git#egg=ours\n',
    '--find-links https://example.com/wheels/\nours\n',
    'ours-${VERSION}\n',
  ]) {
    it(`may be ${JSON.stringify(text.slice(0, 60))}`, () => {
      assert.deepEqual(refusal({ requirements: text }), []);
    });
  }

  for (const [line, text] of [
    [2, 'numpy\n--index-url https://me:hunter2@pypi.example.com/simple\n'],
    [1, 'ours @ git+https://ghp_hunter2@github.com/us/ours.git\n'],
    [1, '--index-url https://me:hunt\\\ner2@pypi.example.com/simple\nnumpy\n'],
    [2, '# the 5\\\nhttps://me:hunter2@pypi.example.com/ours.whl\n'],
    [3, 'a\nb\nhttps://_json_key_base64:hunter2@europe-python.pkg.dev/p/r/x.whl\n'],
  ] as const) {
    it(`holds no secret, such as in line ${line} of ${JSON.stringify(text)}`, () => {
      const [problem = '', ...others] = refusal({ requirements: text });
      assert.match(problem, new RegExp(`^requirements: line ${line}: holds a password or a token`));
      assert.match(problem, /Artifact Registry/);
      assert.doesNotMatch(problem, /hunt/);
      assert.deepEqual(others, []);
    });
  }

  for (const [line, text] of [
    [1, '-r base.txt\nnumpy'],
    [2, 'numpy\n-c constraints.txt'],
    [1, '--requirement=base.txt'],
    [1, '-e .'],
    [1, './ours'],
    [1, '/home/me/ours.whl'],
    [1, 'ours-1-py3-none-any.whl'],
    [1, 'ours @ file:///home/me/ours'],
    [2, 'a\n--find-links wheels/'],
    [2, '# ours \\\n-r base.txt\nnumpy'],
  ] as const) {
    it(`names no file of one’s own machine, as ${JSON.stringify(text)} does`, () => {
      const [problem = ''] = refusal({ requirements: text });
      assert.match(problem, new RegExp(`^requirements: line ${line}: names a file or a folder`));
    });
  }

  it('has something to install', () => {
    for (const text of ['\n', '# nothing\n', '--index-url https://example.com/simple\n']) {
      assert.match(refusal({ requirements: text })[0] ?? '', /line 1: there is nothing to install/);
    }
  });
});

describe('a Dockerfile', () => {
  for (const text of [
    `${ON_BASE}USER root\nRUN apt-get update && apt-get install --yes \\\n  # a comment\n  gdal-bin\nUSER jupyter\n`,
    `${ON_BASE}COPY --from=gcr.io/p/tools:1 /usr/bin/tool /usr/bin/\n`,
    `FROM golang AS tools\nRUN go install x\n${ON_BASE}COPY --chown=1 --from=tools ["/go/bin/x", "/usr/bin/"]\n`,
    `${ON_BASE}ADD https://example.com/a.tgz /opt/\n`,
    `${ON_BASE}ADD --checksum=sha256:1 https://example.com/a https://example.com/b /opt/\n`,
    `${ON_BASE}RUN echo "$((1<<2))" && cat <<<word\n`,
    '# syntax=docker/dockerfile:1\nfrom python:3.13\nrun pip install jupyter-server\n',
  ]) {
    it(`may be ${JSON.stringify(text.slice(0, 110))}`, () => {
      assert.deepEqual(refusal({ dockerfile: text }), []);
    });
  }

  for (const [line, why, text] of [
    [3, 'COPY takes files', `${ON_BASE}COPY requirements.txt /\n`],
    [4, 'COPY takes files', `${ON_BASE}\nCOPY --chown=1:1 ["a", "/b"]\n`],
    [5, 'COPY takes files', `${ON_BASE}RUN a \\\n  b\ncopy . /\n`],
    [3, 'ADD takes files', `${ON_BASE}ADD a.tgz /opt/\n`],
    [3, 'ADD takes files', `${ON_BASE}ADD https://example.com/a a.tgz /opt/\n`],
    [3, 'here-documents', `${ON_BASE}RUN <<EOF\necho\nEOF\n`],
    [3, 'here-documents', `${ON_BASE}COPY <<-"END" /a\nb\nEND\n`],
    [1, 'there is no FROM', '# nothing\n'],
    [2, 'there is no FROM', '\nRUN true\n'],
    [3, 'holds a password', `${ON_BASE}RUN pip install -i https://a:b@c.example/simple x\n`],
    [3, 'holds a password', `${ON_BASE}RUN pip install -i https://a:b\\\n# no\n@c.example/s x\n`],
    [3, 'holds a password', `${ON_BASE}RUN pip install -i https://a:b\\ \n\n@c.example/s x\n`],
    [
      4,
      'holds a password',
      `# escape=\`\n${ON_BASE}RUN pip install -i https://a:\`\nb@c.example/s x\n`,
    ],
    [4, 'holds a password', `${ON_BASE}RUN true \\\n# https://a:b@c.example/simple\n  && true\n`],
    [3, 'COPY takes files', `${ON_BASE}CO\\\n# no\nPY a /\n`],
  ] as const) {
    it(`is refused by line ${line}: ${why}, in ${JSON.stringify(text)}`, () => {
      assert.match(
        refusal({ dockerfile: text })[0] ?? '',
        new RegExp(`^dockerfile: line ${line}: ${why}`),
      );
    });
  }

  for (const [is, text] of [
    [true, ON_BASE],
    [true, 'ARG BASE_IMAGE\nFROM --platform=linux/amd64 $BASE_IMAGE\n'],
    [true, 'ARG BASE_IMAGE=x\nFROM ${BASE_IMAGE:-x} AS Base\nFROM debian AS tools\nFROM base\n'],
    [false, 'FROM debian\n'],
    [false, `${ON_BASE}FROM debian\n`],
    [false, 'FROM debian AS debian\nFROM debian\n'],
    [false, 'ARG BASE_IMAGE_2\nFROM ${BASE_IMAGE_2}\n'],
  ] as const) {
    it(`${is ? 'begins' : 'does not begin'} from the project’s image: ${JSON.stringify(text)}`, () => {
      assert.equal(beginsFromBase(text), is);
    });
  }
});

describe('an extension', () => {
  it('is one of both', () => {
    assert.match(refusal({})[0] ?? '', /give one of them/);
    assert.match(refusal({ requirements: 'a', dockerfile: 'FROM a' })[0] ?? '', /give only one/);
  });

  it('is told from others by kind and text', () => {
    const hashOf = (request: Parameters<typeof parseExtension>[0]) => {
      const parsed = parseExtension(request);
      assert.ok('extension' in parsed);
      return parsed.extension.hash;
    };
    const hashes = [
      hashOf({ requirements: 'FROM a' }),
      hashOf({ dockerfile: 'FROM a' }),
      hashOf({ dockerfile: 'FROM a\n' }),
    ];
    assert.equal(new Set(hashes).size, 3);
    assert.equal(hashOf({ dockerfile: 'FROM a' }), hashes[1]);
  });

  it('goes to Cloud Build in pieces that are no longer than its arguments may be', () => {
    for (const text of ['', 'a$b', '$'.repeat(20_001), '€😀'.repeat(9_000), 'x'.repeat(65_536)]) {
      const pieces = piecesOf(text);
      assert.ok(pieces.every((piece) => Buffer.byteLength(piece) <= 10_000));
      assert.ok(pieces.every((piece) => piece.isWellFormed()));
      // As Cloud Build reads each of them.
      const read = pieces.map((piece) => piece.replaceAll('$$', () => '$')).join('');
      assert.equal(read, text);
      assert.ok(pieces.length < 20, 'a step has at most 100 arguments');
    }
  });
});
