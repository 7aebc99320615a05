#!/usr/bin/env node
// The command. Plain JavaScript that any Node.js can read, so that one which is too old is told so in a line.
const wanted = [22, 19];
const actual = process.versions.node.split('.').map(Number);

if (actual[0] < wanted[0] || (actual[0] === wanted[0] && actual[1] < wanted[1])) {
  console.error(
    `datalab-client needs Node.js ${wanted.join('.')} or newer, this is ${process.versions.node}: ` +
      'run it through npm (npm start, npx datalab-client), which uses the Node.js that npm ci installed.',
  );
  process.exitCode = 1;
} else {
  await import('./bin.ts');
}
