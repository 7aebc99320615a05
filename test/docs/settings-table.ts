// The table of docs/settings.md, as the declarations have it.
import { SETTING_NAMES } from '../../client/flags.ts';
import type { Declaration } from '../../client/settings/declaration.ts';
import { DECLARATIONS } from '../../client/settings/declarations.ts';

/** Rows of cells, the heading first. */
export function settingsRows(): string[][] {
  const heading = ['Key', 'Flag', 'Variable', 'gcloud', 'Default', ''];
  const rows = SETTING_NAMES.map((name) => {
    const declaration: Declaration = DECLARATIONS[name];
    return [
      code(name),
      declaration.flag === undefined ? '' : code(declaration.flag),
      declaration.variables.map(code).join(', '),
      declaration.gcloud === undefined ? '' : code(declaration.gcloud),
      declaration.defaultInWords,
      declaration.help,
    ];
  });
  return [heading, ...rows];
}

function code(text: string): string {
  return `\`${text}\``;
}
