// Type-aware lint rules, and the import rule of ARCHITECTURE.md: parts know each other through the contract files only.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const PARTS = ['functions', 'client', 'agent', 'emulator'];
const CONTRACTS = String.raw`functions/contract\.ts$|agent/channel/[a-z-]+\.ts$`;

/** What `part` may import from the other parts: the contract files. */
function importRule(part, forbidden = PARTS.filter((other) => other !== part)) {
  const others = forbidden.join('|');
  const foreign = `^(\\.\\./)+(?!${CONTRACTS})(${others})/`;
  const message = 'Parts know each other through functions/contract.ts and agent/channel/ only.';
  return {
    files: [`${part}/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: foreign, message }] }],
    },
  };
}

export default tseslint.config(
  { ignores: ['dist/', 'examples/', 'node_modules/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      eqeqeq: 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
    },
  },
  ...PARTS.map((part) => importRule(part)),
  {
    // The two that are loaded when the emulator is asked for, and only then.
    ...importRule('client', ['functions', 'agent']),
    files: ['client/emulator.ts', 'client/commands/emulator.ts'],
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test's describe and it return promises that the runner awaits itself.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['describe', 'it', 'test', 'before', 'after', 'beforeEach', 'afterEach'],
            },
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } },
    rules: { 'no-restricted-exports': 'off' },
  },
);
