import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';

/** How long requests in flight may still take after a signal to end; supervisors kill after 30 s. */
const drainTimeoutMs = 20_000;

export interface ApiServer {
  /** Where it listens; another than was asked for where that was 0. */
  port: number;
  /** Takes no new connections, lets requests in flight finish and resolves when the last one is done. */
  close(): Promise<void>;
}

/**
 * Listens. Node's own limits for slow senders are minutes; here a header has 10 s and a whole request 15 s,
 * so that a few slow connections cannot hold everything.
 *
 * @param host where to listen; absent: everywhere
 */
export async function listen(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
  port: number,
  host?: string,
): Promise<ApiServer> {
  if (host !== undefined && isIP(host) === 0)
    throw new TypeError('The host must be an IP address.');
  const server = createServer(
    {
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16 * 1024,
    },
    listener,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => close(server),
  };
}

async function close(server: Server): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  server.closeIdleConnections();
  // Kept-alive connections become idle one by one while the last requests finish.
  const sweep = setInterval(() => server.closeIdleConnections(), 100);
  const force = setTimeout(() => server.closeAllConnections(), drainTimeoutMs);
  await closed.promise;
  clearInterval(sweep);
  clearTimeout(force);
}
