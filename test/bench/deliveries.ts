import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { userEvent, workosId, type DirectoryUserSketch } from '../support/events.ts';

/** The secret of both endpoints: ours and the floor's verify the same signatures. */
export const webhookSecret = 'bench-webhook-secret-of-no-value';

/** An endpoint that takes signed events, over connections that stay open. */
export interface Endpoint {
  /**
   * Sends one event until it is taken in: a 503 asks the sender to try again, and WorkOS does. Milliseconds,
   * the waiting included. Throws on any other answer.
   */
  send(event: EventEnvelope): Promise<number>;
  close(): void;
}

/** @param url of the webhook */
export function openEndpoint(url: string): Endpoint {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const { hostname, port, pathname } = new URL(url);
  const deliver = async (body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { agent, hostname, port, path: pathname, method: 'POST', headers: headersOf(body) },
        (response) => {
          response.resume();
          response.once('error', reject);
          response.once('end', () => resolve(response.statusCode ?? 0));
        },
      );
      outgoing.once('error', reject);
      outgoing.end(body);
    });
  const send = async (event: EventEnvelope): Promise<number> => {
    const body = JSON.stringify(event);
    const start = performance.now();
    for (;;) {
      const status = await deliver(body);
      if (status === 200) return performance.now() - start;
      if (status !== 503) throw new Error(`${url} answered ${status}`);
      await pause(100);
    }
  };
  return { send, close: () => agent.destroy() };
}

function headersOf(body: string): Record<string, string | number> {
  const time = Date.now();
  const signature = createHmac('sha256', webhookSecret).update(`${time}.${body}`).digest('hex');
  return {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'workos-signature': `t=${time}, v1=${signature}`,
  };
}

/** What a closed loop came to. */
export interface ClosedLoop {
  events: number;
  perSecond: number;
  /** Of each answer, milliseconds. */
  latencies: number[];
}

/** Sends as fast as answers come, with this many under way, for this long. */
export async function closedLoop(
  endpoint: Endpoint,
  next: () => Delivery,
  { inFlight, ms }: { inFlight: number; ms: number },
): Promise<ClosedLoop> {
  const latencies: number[] = [];
  const start = performance.now();
  const until = start + ms;
  const sender = async (): Promise<void> => {
    while (performance.now() < until) {
      const delivery = next();
      latencies.push(await endpoint.send(delivery.event));
      delivery.answered();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  const seconds = (performance.now() - start) / 1000;
  return { events: latencies.length, perSecond: latencies.length / seconds, latencies };
}

/**
 * Sends at a fixed rate whatever is answered when, and measures from the moment at which an event was due: an
 * answer that is late delays nobody else's sending, but everybody's waiting counts.
 */
export async function openLoop(
  endpoint: Endpoint,
  next: () => Delivery,
  { perSecond, ms }: { perSecond: number; ms: number },
): Promise<number[]> {
  const latencies: number[] = [];
  const start = performance.now();
  const count = Math.round((perSecond * ms) / 1000);
  const sending: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const due = start + (index * 1000) / perSecond;
    const waitMs = due - performance.now();
    if (waitMs > 0) await pause(waitMs);
    const delivery = next();
    const one = async (): Promise<void> => {
      await endpoint.send(delivery.event);
      latencies.push(performance.now() - due);
      delivery.answered();
    };
    sending.push(one());
  }
  await Promise.all(sending);
  return latencies;
}

/** An event to be sent; the source is told once it was answered. */
export interface Delivery {
  event: EventEnvelope;
  answered: () => void;
}

/** Somebody who exists for a measurement only. */
export type BenchPerson = DirectoryUserSketch & { id: string };

/** Makes people in a few organizations with one directory each. */
export function personMaker(organizations = 4): () => BenchPerson {
  const ids = Array.from({ length: organizations }, () => workosId('org'));
  let made = 0;
  return () => {
    const organizationId = ids[made % ids.length] ?? '';
    made += 1;
    return {
      id: workosId('directory_user'),
      organizationId,
      directoryId: organizationId.replace('org_', 'directory_'),
      firstName: 'Ada',
      lastName: `Lovelace ${made}`,
      username: workosId('name'),
    };
  };
}

/**
 * Alternates `created` of somebody new with `updated` (another last name) of somebody whose creation was
 * answered: the two kinds cost differently, and a first sync is followed by years of updates.
 */
export function mixedEvents(newPerson: () => BenchPerson): () => Delivery {
  const known: BenchPerson[] = [];
  let turn = 0;
  return () => {
    turn += 1;
    const old = turn % 2 === 0 ? known[Math.floor(Math.random() * known.length)] : undefined;
    if (old !== undefined) {
      const event = userEvent('updated', { ...old, lastName: `Byron ${turn}` });
      return { event, answered: () => undefined };
    }
    const person = newPerson();
    return { event: userEvent('created', person), answered: () => known.push(person) };
  };
}
