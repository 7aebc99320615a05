// Code that Node.js has compiled before, for the programs that tests start over and over: `npm test` says where it is kept.

const KEEPER = `
import { flushCompileCache } from 'node:module';
setInterval(flushCompileCache, 5000).unref();
`;

/** For the environment of a program that is ended by a kill: left alone, Node.js keeps nothing before an orderly end. */
export function compiledCode(): Record<string, string> {
  const { NODE_COMPILE_CACHE } = process.env;
  if (!NODE_COMPILE_CACHE) return {};
  const keeper = `data:text/javascript,${encodeURIComponent(KEEPER)}`;
  return { NODE_COMPILE_CACHE, NODE_OPTIONS: `--import=${keeper}` };
}
