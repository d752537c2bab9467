import { connect, createServer, type Socket } from 'node:net';
import { constants, gunzipSync } from 'node:zlib';

/**
 * - `pass`: as if it were not there.
 * - `blackhole`: connections stay, nothing passes, no one is told: a cable that was cut.
 * - `refuse`: every connection is reset, also a new one.
 */
export type ProxyMode = 'pass' | 'blackhole' | 'refuse';

/** A TCP proxy between a process and a server, for what goes wrong on the way. */
export interface Proxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Existing connections follow. A blackhole that ends loses what it swallowed: its connections are reset. */
  setMode(mode: ProxyMode): void;
  /**
   * "It happened, but I was told that it did not": the next requests that contain the text are passed on, the
   * reply never arrives, and the connection is reset a moment later.
   */
  cutRepliesTo(text: string, times: number): void;
  /** The same of the next requests that contain all these texts, also compressed ones: a worker's to Temporal. */
  cutRepliesToPacked(texts: readonly string[], times: number): void;
  /** Resets a connection once so many bytes of replies went through it; null: never. */
  cutAfter(bytes: number | null): void;
  /** Resets every connection. */
  reset(): void;
  /** How many connections were reset by the two above. */
  cuts(): number;
  close(): Promise<void>;
}

/** How long a request has to be done, before its connection is reset. */
const doneAfterMs = 150;

const gzipped = Buffer.from([0x1f, 0x8b, 0x08]);

/** Starts a proxy to `host:port`. */
export async function startProxy(target: string): Promise<Proxy> {
  const [host = '127.0.0.1', targetPort = ''] = target.split(':');
  const connections = new Set<Connection>();
  let mode: ProxyMode = 'pass';
  let cut = { isMeant: (_chunk: Buffer): boolean => false, times: 0 };
  let limit: number | null = null;
  let cuts = 0;

  interface Connection {
    client: Socket;
    server: Socket;
    withheld: boolean;
    replied: number;
  }

  const drop = ({ client, server }: Connection): void => {
    client.resetAndDestroy();
    server.destroy();
  };

  const server = createServer((client) => {
    if (mode === 'refuse') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(Number(targetPort), host);
    const connection: Connection = { client, server: upstream, withheld: false, replied: 0 };
    connections.add(connection);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        connections.delete(connection);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      if (mode === 'blackhole') return;
      upstream.write(chunk);
      if (cut.times === 0 || connection.withheld || !cut.isMeant(chunk)) return;
      cut.times -= 1;
      cuts += 1;
      connection.withheld = true;
      setTimeout(() => drop(connection), doneAfterMs);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (mode === 'blackhole' || connection.withheld) return;
      connection.replied += chunk.length;
      if (limit === null || connection.replied <= limit) {
        client.write(chunk);
        return;
      }
      cuts += 1;
      client.write(chunk.subarray(0, Math.max(0, limit - connection.replied + chunk.length)));
      connection.withheld = true;
      drop(connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const reset = (): void => {
    for (const connection of [...connections]) drop(connection);
  };
  return {
    address: `127.0.0.1:${address.port}`,
    setMode(to) {
      const heals = mode === 'blackhole' && to !== 'blackhole';
      mode = to;
      if (heals || to === 'refuse') reset();
    },
    cutRepliesTo(text, times) {
      cut = { isMeant: (chunk) => chunk.includes(text), times };
    },
    cutRepliesToPacked(texts, times) {
      const isMeant = (chunk: Buffer): boolean => {
        const said = unpacked(chunk);
        return texts.every((text) => said.includes(text));
      };
      cut = { isMeant, times };
    },
    cutAfter(bytes) {
      limit = bytes;
    },
    reset,
    cuts: () => cuts,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      reset();
      await closed;
    },
  };
}

/** What a worker says to Temporal is compressed: gRPC's flag and length, then gzip. Plain bytes stay as they are. */
function unpacked(chunk: Buffer): Buffer {
  const parts = [chunk];
  let at = chunk.indexOf(gzipped);
  for (; at >= 0; at = chunk.indexOf(gzipped, at + 1)) {
    if (at < 5 || chunk[at - 5] !== 1) continue;
    const end = at + chunk.readUInt32BE(at - 4);
    try {
      // What goes on in the next chunk is read as far as it is there.
      const finishFlush = constants.Z_SYNC_FLUSH;
      parts.push(gunzipSync(chunk.subarray(at, end), { finishFlush }));
    } catch {
      // Bytes that only look like it.
    }
  }
  return Buffer.concat(parts);
}
