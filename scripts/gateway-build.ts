// `node scripts/gateway-build.ts`: writes cloudbuild/gateway.yaml from the files of docker/gateway/, so that a build needs
// no source bucket. A test fails when they differ.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { parseBuildFile, sourceHashOf } from '../functions/google/build-file.ts';

const ROOT = path.dirname(import.meta.dirname);
export const BUILD_FILE = path.join(ROOT, 'cloudbuild/gateway.yaml');
export const SOURCES = path.join(ROOT, 'docker/gateway');
/** Of which the image is built: the Dockerfile, and what it copies. */
export const SOURCE_FILES = ['Dockerfile', 'requirements.txt', 'start-gateway.sh', 'bigquery.py'];
/** Cloud Build's, for each argument of a step. */
const MAX_ARGUMENT = 10_000;

/** What cloudbuild/gateway.yaml has to hold. @throws Error that names a file which is too long to be an argument */
export function gatewayBuild(folder = SOURCES): string {
  const texts = SOURCE_FILES.map((name) => sourceText(folder, name));
  // The version is not known before the rest is.
  const version = sourceHashOf(parseBuildFile(parse(render(texts, '0'))));
  return render(texts, version);
}

function sourceText(folder: string, name: string): string {
  const text = readFileSync(path.join(folder, name), 'utf8');
  if (text.length <= MAX_ARGUMENT) return text;
  throw new Error(
    `docker/gateway/${name} has ${text.length} characters; Cloud Build takes ${MAX_ARGUMENT} in an argument. Shorten it.`,
  );
}

function render(texts: readonly string[], version: string): string {
  return `# Builds and pushes the gateway image. The backend submits this when the image is missing; by hand:
#   gcloud builds submit --no-source --config cloudbuild/gateway.yaml
# Made from docker/gateway/ by scripts/gateway-build.ts; change that, and run it again.
steps:
  # What is built.
  - id: source
    name: gcr.io/cloud-builders/docker
    entrypoint: bash
    args:
      - -euc
      - |
${SOURCE_FILES.map((name, index) => `        printf %s "$$${index + 1}" >${name}`).join('\n')}
      - source
${texts.map((text) => `      - |\n${inline(text)}`).join('\n')}
  # On the layers of the last image. The classic builder finds them in any image that it has pulled. BuildKit finds them only where it has written
  # notes into the image, which it needs a plugin for.
  - id: image
    name: gcr.io/cloud-builders/docker
    env: [DOCKER_BUILDKIT=0]
    entrypoint: bash
    args:
      - -euc
      - |
        if docker pull --quiet "$$1"; then
          set -- "$$@" "--cache-from=$$1"
        else
          # To name one that is not there would keep the builder from layers of its own, too.
          echo 'There is no image whose layers could be used again.'
        fi
        docker build "$\${@:2}"
      - image
      - \${_IMAGE}:\${_TAG}
      - --build-arg=BASE_IMAGE=\${_BASE_IMAGE}
      - --build-arg=PYPI=\${_PYPI}
      - --tag=\${_IMAGE}:\${_TAG}
      - --tag=\${_IMAGE}:\${_VERSION}
      - --label=org.opencontainers.image.version=\${_VERSION}
      - .

# Pushed at the end; their digest is in the build's results.
images:
  - \${_IMAGE}:\${_TAG}
  - \${_IMAGE}:\${_VERSION}

substitutions:
  _IMAGE: gcr.io/\${PROJECT_ID}/datalab-gateway
  _TAG: latest
  _BASE_IMAGE: debian:trixie-slim
  # Where Python packages come from: default, the address of a mirror, or none.
  _PYPI: default
  # Follows what is above.
  _VERSION: '${version}'

tags: [datalab, datalab-gateway]
timeout: 1800s
options:
  # No pubsubTopic: it takes a project's name, and no substitution is made there. The backend names its topic; without one
  # messages go to the topic cloud-builds of the project.
  logging: CLOUD_LOGGING_ONLY
  dynamicSubstitutions: true
`;
}

/** A dollar sign that Cloud Build is to leave alone is written twice. */
function inline(text: string): string {
  const lines = text.trimEnd().replaceAll('$', '$$$$').split('\n');
  return lines.map((line) => (line === '' ? '' : `        ${line}`)).join('\n');
}

if (process.argv[1] === import.meta.filename) writeFileSync(BUILD_FILE, gatewayBuild());
