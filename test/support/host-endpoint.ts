import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Webhook } from 'standardwebhooks';

/** What one request said. */
export interface Asked {
  path: string;
  id: string;
  body: { userId: string; organizationId: string; last: boolean; reason?: string };
}

/** A host application that ends sessions when it is asked to, and that can misbehave. */
export interface HostEndpoint {
  url: string;
  secret: string;
  /** User id -> how many sessions are alive. */
  alive: Map<string, number>;
  asked: Asked[];
  /** Answers in place of the host, where it returns true. It is called once the signature is known to be right. */
  instead: ((asked: Asked, response: ServerResponse) => boolean | Promise<boolean>) | null;
  close(): Promise<void>;
}

/** Starts it on 127.0.0.1. Whatever is not signed with its secret is answered 401, and not in `asked`. */
export async function startHostEndpoint(): Promise<HostEndpoint> {
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const endpoint: HostEndpoint = {
    url: '',
    secret,
    alive: new Map(),
    asked: [],
    instead: null,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const text = Buffer.concat(chunks).toString('utf8');
    try {
      new Webhook(secret).verify(text, request.headers as Record<string, string>);
    } catch {
      response.writeHead(401).end();
      return;
    }
    const asked: Asked = {
      path: request.url ?? '',
      id: String(request.headers['webhook-id']),
      body: JSON.parse(text),
    };
    endpoint.asked.push(asked);
    if ((await endpoint.instead?.(asked, response)) === true) return;
    const { userId } = asked.body;
    const alive = endpoint.alive.get(userId) ?? 0;
    if (asked.path === '/tenure/list') return sayJson(response, { alive });
    if (asked.path !== '/tenure/revoke') return void response.writeHead(404).end();
    endpoint.alive.set(userId, 0);
    sayJson(response, { revoked: alive, left: 0 });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tenure`;
  return endpoint;
}

export function sayJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
