// Entry point: registers the functions with the Functions Framework. No logic; the flow goes on in http.ts and api.ts,
// scheduled.ts, and build-events.ts.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cloudEvent, http } from '@google-cloud/functions-framework';
import { createRoutes, type ApiDeps } from './api.ts';
import { createBuildEventHandler } from './build-events.ts';
import { systemClock } from './clock.ts';
import { parseConfig } from './config.ts';
import { createDeps } from './deps.ts';
import { listenOn, takeBodiesUnparsed } from './framework.ts';
import { createHttpHandler } from './http.ts';
import { createLog } from './log.ts';
import { createScheduledRoutes } from './scheduled.ts';

/** What is deployed is this folder alone: other files that it needs are inside, in the sources beside it. */
const isDeployed = path.extname(import.meta.filename) === '.js';
const installed = isDeployed ? import.meta.dirname : path.dirname(import.meta.dirname);
const config = parseConfig(process.env, {
  startupScriptFile: path.join(installed, 'docker/gateway/vm-startup.sh'),
  buildFile: path.join(installed, 'cloudbuild/gateway.yaml'),
  extendFile: path.join(installed, 'cloudbuild/extend.yaml'),
  readFile: (file) => readFileSync(file, 'utf8'),
});
const log = createLog((line) => process.stdout.write(line));

takeBodiesUnparsed();
if (config.listenAddress !== undefined) listenOn(config.listenAddress);

let made: ApiDeps | undefined;
const deps = () => (made ??= createDeps(config, systemClock(), log));

http('api', createHttpHandler(createRoutes(deps), log));
http('reapIdle', createHttpHandler(createScheduledRoutes(deps), log));
cloudEvent('onBuildFinished', createBuildEventHandler(deps, log));
