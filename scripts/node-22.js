// What the sources use and Node.js 22 does not have; esbuild puts it where it is used. See bundle.ts.
export { default as AsyncDisposableStack } from 'core-js-pure/actual/async-disposable-stack';
