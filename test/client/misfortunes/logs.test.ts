// What `logs` makes of bad input and bad luck.
import { describeMisfortunes } from '../../helpers/misfortunes.ts';

describeMisfortunes('logs', [
  {
    title: 'a number of lines that is none',
    args: ['logs', 'ui', '--lines', 'many'],
    says: [/--lines many: give a whole number from 1 to 1000/],
  },
  {
    title: 'more lines than are answered at once',
    args: ['logs', 'ui', '--lines', '1001'],
    says: [/--lines 1001: give a whole number from 1 to 1000/],
  },
  {
    title: 'a log that there is not',
    args: ['logs', 'kernel'],
    says: [/ui, gateway, agent, build, vm/],
  },
  {
    title: 'no notebook pages on this machine yet',
    args: ['logs', 'ui'],
    says: [/No notebook pages have been served from this machine/, /datalab-client start/],
    exitCode: 0,
  },
]);
