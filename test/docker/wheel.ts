// Wheels of one module, for tests of what is installed: made here for an index, or by a kernel for itself.
import { execFileSync } from 'node:child_process';

/** Python code that writes NAME-VERSION-py3-none-any.whl into the current folder. */
export function wheelCode(name: string, version: string, source: string): string {
  return `
import zipfile as _zipfile
_name, _version, _source = ${[name, version, source].map((text) => JSON.stringify(text)).join(', ')}
_info = f'{_name}-{_version}.dist-info'
with _zipfile.ZipFile(f'{_name}-{_version}-py3-none-any.whl', 'w') as _wheel:
    _wheel.writestr(f'{_name}.py', _source)
    _wheel.writestr(f'{_info}/METADATA', f'Metadata-Version: 2.1\\nName: {_name}\\nVersion: {_version}\\n')
    _wheel.writestr(f'{_info}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    _wheel.writestr(f'{_info}/RECORD', f'{_name}.py,,\\n{_info}/METADATA,,\\n{_info}/WHEEL,,\\n{_info}/RECORD,,\\n')
`;
}

/** Writes the wheel into `folder`; its file's name. */
export function writeWheel(folder: string, name: string, version: string, source: string): string {
  execFileSync('python3', ['-c', wheelCode(name, version, source)], { cwd: folder });
  return `${name}-${version}-py3-none-any.whl`;
}
