// Where a request goes: to the agent, to the UI server, or nowhere. Pure; relay.ts and sockets.ts ask.

/** What has to be done to a request's or an answer's body on the way to the agent and back. */
export type Rewriting = 'none' | 'kernel' | 'oneSession' | 'sessionList' | 'kernelList';

export type Route =
  | { to: 'agent'; rewriting: Rewriting; isInterrupt: boolean; restartOf: string | undefined }
  | { to: 'ui' }
  | { to: 'nowhere' };

export type SocketRoute = { to: 'channel'; kernelId: string } | { to: 'ui' } | { to: 'nowhere' };

const AGENT_PATH = /^\/(api\/(kernels|kernelspecs|sessions)|kernelspecs)(\/|$)/;
const CHANNEL_PATH = /^\/api\/kernels\/([^/]+)\/channels$/;
const RESTART_PATH = /^\/api\/kernels\/([^/]+)\/restart/;
const INTERRUPT_PATH = /^\/api\/kernels\/[^/]+\/interrupt$/;
/** With a UI server these are its own; without one the agent lets them through to the gateway. */
const SERVER_PATH = /^\/api(\/status)?\/?$/;
const API_PATH = /^\/(api|kernelspecs)(\/|$)/;

/** Where an HTTP request goes. `path` is without the query. */
export function routeRequest(method: string, path: string, hasUi: boolean): Route {
  if (AGENT_PATH.test(path) || (!hasUi && SERVER_PATH.test(path))) {
    return {
      to: 'agent',
      rewriting: rewritingOf(method, path),
      isInterrupt: INTERRUPT_PATH.test(path),
      restartOf: RESTART_PATH.exec(path)?.[1],
    };
  }
  return hasUi ? { to: 'ui' } : { to: 'nowhere' };
}

/** Where a WebSocket goes: of those below the agent's paths there is only the kernels' own. */
export function routeSocket(path: string, hasUi: boolean): SocketRoute {
  const kernelId = CHANNEL_PATH.exec(path)?.[1];
  if (kernelId !== undefined) return { to: 'channel', kernelId };
  if (AGENT_PATH.test(path) || !hasUi) return { to: 'nowhere' };
  return { to: 'ui' };
}

/** Paths that programs call; a `?token=` there is taken as it is, elsewhere it is answered with a redirect. */
export function isApiPath(path: string): boolean {
  return API_PATH.test(path);
}

function rewritingOf(method: string, path: string): Rewriting {
  if (path === '/api/kernels') return method === 'GET' ? 'kernelList' : 'kernel';
  if (method === 'DELETE' && /^\/api\/kernels\/[^/]+$/.test(path)) return 'kernel';
  if (path === '/api/sessions') return method === 'GET' ? 'sessionList' : 'oneSession';
  return /^\/api\/sessions\/[^/]+$/.test(path) ? 'oneSession' : 'none';
}
