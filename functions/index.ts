// Entry point: registers the functions with the Functions Framework. No logic; the flow goes on in http.ts and api.ts.
import path from 'node:path';
import { http } from '@google-cloud/functions-framework';
import { createRoutes, type ApiDeps } from './api.ts';
import { systemClock } from './clock.ts';
import { parseConfig } from './config.ts';
import { createDeps } from './deps.ts';
import { listenOn, takeBodiesUnparsed } from './framework.ts';
import { createHttpHandler } from './http.ts';
import { createLog } from './log.ts';

const startupScript = path.resolve(import.meta.dirname, '../docker/gateway/vm-startup.sh');
const config = parseConfig(process.env, startupScript);
const log = createLog((line) => process.stdout.write(line));

takeBodiesUnparsed();
if (config.listenAddress !== undefined) listenOn(config.listenAddress);

let deps: ApiDeps | undefined;
const routes = createRoutes(() => (deps ??= createDeps(config, systemClock(), log)));

http('api', createHttpHandler(routes, log));
