// Reading a serial port across boots, lost output and bytes that are no text.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogsResponse } from '../../functions/contract.ts';
import { readCursor, serialCursor } from '../../functions/log-cursor.ts';
import { readSerialLog, type ReadSerial } from '../../functions/serial-log.ts';

const KEY = 'vm/1';

/** A port that keeps so many bytes; beyond the end it answers what it was asked for, or its end. */
class Port {
  bytes = Buffer.alloc(0);
  keeps = 1_048_576;
  isLenient = false;
  reads = 0;

  write(content: string | Buffer): void {
    this.bytes = Buffer.concat([this.bytes, Buffer.from(content)]);
  }

  boot(): void {
    this.bytes = Buffer.alloc(0);
  }

  readonly read: ReadSerial = (wanted) => {
    this.reads += 1;
    const oldest = Math.max(0, this.bytes.length - this.keeps);
    const start = Math.max(wanted, oldest);
    const from = Math.min(start, this.bytes.length);
    const contents = this.bytes.subarray(from).toString();
    const shown = this.isLenient ? Math.max(start, from) : from;
    return Promise.resolve({ contents, start: shown, next: Math.max(shown, this.bytes.length) });
  };
}

async function readOn(port: Port, before?: LogsResponse, limit = 100): Promise<LogsResponse> {
  const after = readCursor(before?.next, serialCursor, 'vm');
  const found = await readSerialLog(KEY, limit, after, port.read);
  assert.ok(found);
  return found;
}

const textsOf = ({ lines }: LogsResponse) => lines.map(({ text }) => text);

describe('a serial port', () => {
  it('answers the last lines, then what has come since, each line once and whole', async () => {
    const port = new Port();
    const empty = await readOn(port);
    assert.deepEqual(empty.lines, []);
    port.write('a\nb\nc\nhal');
    assert.deepEqual(textsOf(await readOn(port, undefined, 2)), ['b', 'c']);
    const first = await readOn(port, empty);
    assert.deepEqual(textsOf(first), ['a', 'b', 'c']);
    const nothing = await readOn(port, first);
    assert.deepEqual(nothing, { lines: [], next: first.next });
    port.write('f\nd\n');
    assert.deepEqual(textsOf(await readOn(port, first)), ['half', 'd']);
  });

  it('is read in pages that leave nothing out, whatever the letters', async () => {
    const port = new Port();
    const start = await readOn(port);
    const lines = Array.from(
      { length: 25 },
      (_, index) => `${'é漢字🙂'.repeat(index % 7)}${index}`,
    );
    port.write(lines.map((line) => `${line}\r\n`).join(''));
    const seen: string[] = [];
    let page = await readOn(port, start, 4);
    while (page.lines.length > 0) {
      seen.push(...textsOf(page));
      page = await readOn(port, page, 4);
    }
    assert.deepEqual(seen, lines);
    assert.equal(port.reads, 9);
  });

  for (const isLenient of [false, true]) {
    it(`begins anew after a boot (${isLenient ? 'asked' : 'end'} position answered)`, async () => {
      const port = new Port();
      port.isLenient = isLenient;
      port.write('first boot, a line\nanother line of it\n');
      const before = await readOn(port);
      port.boot();
      port.write('second boot\n');
      const second = await readOn(port, before);
      assert.deepEqual(textsOf(second), ['second boot'], 'shorter than the position');
      port.boot();
      port.write('third boot has more to say than the one before it\nand more\n');
      assert.deepEqual(textsOf(await readOn(port, second)).length, 2, 'longer than the position');
    });
  }

  it('goes on with what is left when more has come than is kept', async () => {
    const port = new Port();
    port.keeps = 1000;
    port.write('begin\n');
    const before = await readOn(port);
    for (let index = 0; index < 500; index += 1) port.write(`line ${index}\n`);
    const texts = textsOf(await readOn(port, before, 1000));
    assert.equal(texts.at(-1), 'line 499');
    assert.ok(texts.length > 50 && texts.every((text) => /^line \d{3}$/.test(text)));
  });

  it('survives bytes that are no text, and lines without an end', async () => {
    const port = new Port();
    const start = await readOn(port);
    port.write(Buffer.from([0x61, 0xff, 0xfe, 0x0a]));
    port.write('b\nc\n');
    const first = await readOn(port, start, 2);
    assert.deepEqual(textsOf(first), ['b', 'c'], 'the newest, where positions are not known');
    assert.deepEqual((await readOn(port, first)).lines, []);
    port.write('x'.repeat(100_000));
    const long = await readOn(port, first);
    assert.equal(long.lines[0]?.text.length, 4000);
    port.write('\nd\n');
    assert.deepEqual(textsOf(await readOn(port, long)), ['', 'd']);
  });

  it('of another instance is read from its beginning', async () => {
    const port = new Port();
    port.write('old\n');
    const before = await readOn(port);
    const after = readCursor(before.next, serialCursor, 'vm');
    port.boot();
    port.write('old\nnew\n');
    const found = await readSerialLog('vm/2', 100, after, port.read);
    assert.deepEqual(found && textsOf(found), ['old', 'new']);
  });
});
