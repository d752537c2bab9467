import { randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Webhook } from 'standardwebhooks';

import { notificationTypes, type NotificationEndpoint } from '../../domain/notifications.ts';
import { createNotifier, type Notifier } from '../../platform/outgoing/notifier.ts';

/** An endpoint of the host file with the secrets that its variable holds. */
export interface SignedEndpoint extends NotificationEndpoint {
  secrets: readonly string[];
}

/** Tells these endpoints as a worker does. */
export function notifierOf(endpoints: readonly SignedEndpoint[]): Notifier {
  return createNotifier(
    endpoints,
    new Map(endpoints.map(({ secretEnv, secrets }) => [secretEnv, secrets])),
  );
}

/** A request that a receiver got, in the order in which they came. */
export interface Received {
  id: string;
  type: string;
  data: Record<string, unknown>;
  body: string;
  headers: Record<string, string>;
}

/** An endpoint of a host application, as a test scripts it. */
export interface Receiver {
  /** The endpoint as the host file would name it. */
  endpoint: SignedEndpoint;
  received: Received[];
  /** What it answers; default: 204. Returning nothing: it answers by itself, or never. */
  answer: { with?: ((got: Received, response: ServerResponse) => void) | undefined };
  /** What was received about one user. */
  about(userId: string): Received[];
  /** Throws unless the signature is one by this secret. */
  verify(got: Received, secret?: string): void;
  close(): Promise<void>;
}

/** A new secret of Standard Webhooks. */
export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** Starts an endpoint on a port of its own, which takes everything with 204 unless `answer` says otherwise. */
export async function startReceiver(
  id: string,
  endpoint: Partial<SignedEndpoint> = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const answer: Receiver['answer'] = {};
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const { type, data } = JSON.parse(body) as Pick<Received, 'type' | 'data'>;
      const headers = request.headers as Record<string, string>;
      const got = { id: String(headers['webhook-id']), type, data, body, headers };
      received.push(got);
      if (answer.with === undefined) response.writeHead(204).end();
      else answer.with(got, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const secrets = [newSecret()];
  const full: SignedEndpoint = {
    id,
    url: `http://127.0.0.1:${port}/notifications`,
    events: notificationTypes,
    secretEnv: `SECRET_OF_${id}`,
    allowPrivate: true,
    secrets,
    ...endpoint,
  };
  return {
    endpoint: full,
    received,
    answer,
    about: (userId) => received.filter(({ data }) => data['userId'] === userId),
    verify(got, secret = full.secrets[0] ?? '') {
      new Webhook(secret).verify(got.body, got.headers);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An endpoint that the host file names and where nobody answers. */
export function nobodyAt(id: string, url: string): SignedEndpoint {
  return {
    id,
    url,
    events: notificationTypes,
    secretEnv: `SECRET_OF_${id}`,
    allowPrivate: true,
    secrets: [newSecret()],
  };
}
