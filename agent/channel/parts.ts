// Sends a large message in parts, so that its sender sees it go. Agent and relay both use it.
import type { WebSocket } from 'ws';

/** On a line of 1 Mbit/s a part takes eight seconds. */
const PART_BYTES = 1_048_576;

/**
 * One binary message, whatever it is cut into: its receiver gets it whole.
 * @param onTaken the system has taken a part, and there was more than one
 */
export function sendInParts(webSocket: WebSocket, chunks: readonly Buffer[], onTaken: () => void) {
  const parts = chunks.flatMap((chunk) => partsOf(chunk));
  const isLarge = parts.length > chunks.length;
  parts.forEach((part, index) => {
    const fin = index === parts.length - 1;
    webSocket.send(part, { binary: true, compress: false, fin }, (error) => {
      if (isLarge && !error) onTaken();
    });
  });
}

function partsOf(chunk: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(chunk.length / PART_BYTES));
  return Array.from({ length: count }, (_, index) =>
    chunk.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
  );
}
