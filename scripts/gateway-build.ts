// `node scripts/gateway-build.ts`: writes cloudbuild/gateway.yaml from docker/gateway/Dockerfile, so that a build needs
// no source bucket. A test fails when the two differ.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { sourceHashOf, type BuildFile } from '../functions/google/build-file.ts';

const ROOT = path.dirname(import.meta.dirname);
const DOCKERFILE = path.join(ROOT, 'docker/gateway/Dockerfile');
export const BUILD_FILE = path.join(ROOT, 'cloudbuild/gateway.yaml');

/** What cloudbuild/gateway.yaml has to hold. */
export function gatewayBuild(): string {
  const dockerfile = readFileSync(DOCKERFILE, 'utf8');
  // parse, not readBuildFile: the version is not known before the rest is.
  const version = sourceHashOf(parse(render(dockerfile, '0')) as BuildFile);
  return render(dockerfile, version);
}

function render(dockerfile: string, version: string): string {
  return `# Builds and pushes the gateway image. The backend submits this when the image is missing; by hand:
#   gcloud builds submit --no-source --config cloudbuild/gateway.yaml
# Made from docker/gateway/Dockerfile by scripts/gateway-build.ts; change that, and run it again.
steps:
  - id: source
    name: gcr.io/cloud-builders/docker
    entrypoint: bash
    args:
      - -euc
      - printf %s "$$1" >Dockerfile
      - source
      - |
${inline(dockerfile)}
  - id: image
    name: gcr.io/cloud-builders/docker
    args:
      - build
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
  # Follows what is above.
  _VERSION: '${version}'

tags: [datalab, datalab-gateway]
timeout: 1800s
options:
  # Messages go to the topic cloud-builds unless the backend names another.
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
