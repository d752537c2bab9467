import { request as requestPlain, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';

import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';

import { readRetryAfter } from '../retry-after.ts';
import { OutgoingFailed } from './outgoing-failed.ts';

/** What bounds one request. */
export interface Limits {
  /** For everything from the name's address to the last byte of the answer. */
  timeoutMs: number;
  /** The largest answer that is read. */
  maxBytes: number;
  /** Whether private, loopback and link-local addresses may be connected to. */
  allowPrivate: boolean;
}

/** An answer that arrived whole, whatever its status. */
export interface Answer {
  status: number;
  contentType: string;
  text: string;
  /** What `Retry-After` asks for, milliseconds; null: nothing. */
  retryAfterMs: number | null;
}

/** What is sent. Without a payload it is a GET. */
export interface Message {
  /** Made anew for every try: a signature names its time. */
  headers: () => Record<string, string>;
  payload: string | null;
}

/** Addresses are judged after the name was looked up and before anything is sent: a name may lead anywhere. */
const kept = { keepAlive: true, maxSockets: 50 };
const agents = {
  public: {
    'http:': new RequestFilteringHttpAgent(kept),
    'https:': new RequestFilteringHttpsAgent(kept),
  },
  any: {
    'http:': new RequestFilteringHttpAgent({ ...kept, allowPrivateIPAddress: true }),
    'https:': new RequestFilteringHttpsAgent({ ...kept, allowPrivateIPAddress: true }),
  },
};

/**
 * One request to an address that a file of the operator names, or a customer. Follows no redirect and reads no
 * more than `maxBytes`.
 *
 * @throws OutgoingFailed where no whole answer arrived: `privateAddress`, `unreachable`, `timeout`, `tooLarge`
 */
export async function exchange(url: string, message: Message, limits: Limits): Promise<Answer> {
  const ends = AbortSignal.timeout(limits.timeoutMs);
  for (;;) {
    try {
      return await send(new URL(url), message, limits, ends);
    } catch (error) {
      if (!(error instanceof StaleConnection) || ends.aborted) throw failureOf(error, ends);
    }
  }
}

/**
 * The JSON of an answer.
 *
 * @throws OutgoingFailed `refused` for what is no 2xx, `notJson` for another content type or broken text
 */
export function jsonOf(answer: Answer): unknown {
  if (answer.status < 200 || answer.status > 299) throw new OutgoingFailed('refused', answer);
  const isJson = /^application\/([a-z0-9.+-]+\+)?json\s*(;|$)/i.test(answer.contentType);
  try {
    if (isJson) return JSON.parse(answer.text);
  } catch {
    // As any other text that is no JSON.
  }
  throw new OutgoingFailed('notJson', answer);
}

/**
 * The other side closed a kept connection just when it was used again, so it is sent anew. Should it have been
 * received all the same: a GET changes nothing, and what is posted carries the same `webhook-id`.
 */
class StaleConnection extends Error {
  override readonly name = 'StaleConnection';
}

async function send(
  url: URL,
  { headers, payload }: Message,
  { allowPrivate, maxBytes }: Limits,
  signal: AbortSignal,
): Promise<Answer> {
  const tls = url.protocol === 'https:';
  const agent = agents[allowPrivate ? 'any' : 'public'][tls ? 'https:' : 'http:'];
  const method = payload === null ? 'GET' : 'POST';
  const all = { ...headers(), accept: 'application/json', 'user-agent': 'Tenure' };
  return new Promise((resolve, reject) => {
    const sending = (tls ? requestTls : requestPlain)(
      url,
      { method, agent, headers: all, signal },
      (response) => {
        readAnswer(response, maxBytes).then(resolve, reject);
      },
    );
    sending.on('error', (error) => {
      const stale = sending.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      reject(stale ? new StaleConnection() : error);
    });
    sending.end(payload ?? undefined);
  });
}

/** Reads no byte more than allowed: what sends more is cut off, not waited for. */
async function readAnswer(response: IncomingMessage, maxBytes: number): Promise<Answer> {
  const { headers } = response;
  const status = response.statusCode ?? 0;
  const retryAfterMs = readRetryAfter(headers['retry-after'] ?? null, Date.now());
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > maxBytes) {
      response.destroy();
      throw new OutgoingFailed('tooLarge', { status, retryAfterMs });
    }
    chunks.push(part);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return { status, contentType: headers['content-type'] ?? '', text, retryAfterMs };
}

/** The library's refusals have no code of their own; the test of this file notices should its words change. */
function failureOf(error: unknown, ends: AbortSignal): OutgoingFailed {
  if (error instanceof OutgoingFailed) return error;
  if (ends.aborted) return new OutgoingFailed('timeout');
  const isFiltered = error instanceof Error && error.message.includes('is not allowed. Because');
  return new OutgoingFailed(isFiltered ? 'privateAddress' : 'unreachable');
}
