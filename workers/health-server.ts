import { createServer, type Server } from 'node:http';

import type { Metrics } from '../platform/metrics.ts';

/** Health and metrics of a worker process: `/health/live` and `/metrics`, nothing else. */
export function startHealthServer(port: number, metrics: Metrics): Server {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (request.url === '/health/live') {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"status":"live"}');
        return;
      }
      if (request.url === '/metrics') {
        response.writeHead(200, { 'content-type': metrics.contentType });
        response.end(await metrics.render());
        return;
      }
      response.writeHead(404).end();
    };
    answer().catch(() => response.destroy());
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 15_000;
  return server.listen(port);
}
