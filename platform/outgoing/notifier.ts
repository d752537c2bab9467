import { z } from 'zod';

import type { NotificationEndpoint, NotificationFailure } from '../../domain/notifications.ts';
import { isOpaqueId } from '../../domain/opaque-ids.ts';
import { OutgoingFailed, type OutgoingFailureCode } from './outgoing-failed.ts';
import { jsonOf, postSigned, type Answer } from './post-signed.ts';
import type { SecretWanted } from './secrets.ts';

const timeoutMs = 15_000;
/** An answer has nothing to say but an id. */
const maxBytes = 64 * 1024;

/** What came of one try to tell an endpoint. */
export type TellOutcome =
  | { delivered: true; status: number; hostUserId: string | null }
  | {
      delivered: false;
      failure: NotificationFailure;
      status: number | null;
      /** What the other side asks for by `Retry-After`, milliseconds; null: nothing. */
      retryAfterMs: number | null;
    };

/** Tells the endpoints of the host file, one request a call. */
export interface Notifier {
  /** @param id the `webhook-id`: the same at every try, so that a repetition is known as one */
  tell(endpointId: string, id: string, payload: object): Promise<TellOutcome>;
}

/** The variables without which the endpoints could not tell who notifies them. */
export function secretsOfEndpoints(endpoints: readonly NotificationEndpoint[]): SecretWanted[] {
  return endpoints.map(({ id, secretEnv }) => ({
    variable: secretEnv,
    where: `the notifications of ${id}`,
    consequence: 'The endpoint could not tell who notifies it, and would refuse.',
  }));
}

/** @param secrets by environment variable: `readSecrets` of `secretsOfEndpoints` */
export function createNotifier(
  endpoints: readonly NotificationEndpoint[],
  secrets: ReadonlyMap<string, readonly string[]>,
): Notifier {
  const byId = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]));
  return {
    async tell(endpointId, id, payload) {
      const endpoint = byId.get(endpointId);
      if (endpoint === undefined) return failed('endpointUnknown');
      const { url, secretEnv, allowPrivate } = endpoint;
      const signing = { secrets: secrets.get(secretEnv) ?? [], id };
      try {
        const options = { ...signing, timeoutMs, maxBytes, allowPrivate };
        return outcomeOf(await postSigned(url, payload, options));
      } catch (error) {
        if (error instanceof OutgoingFailed) return outcomeOfFailure(error);
        throw error;
      }
    },
  };
}

function outcomeOf(answer: Answer): TellOutcome {
  const { status, retryAfterMs } = answer;
  if (isSuccess(status)) return { delivered: true, status, hostUserId: hostUserIdIn(answer) };
  return failed(status === 410 ? 'gone' : 'refused', status, retryAfterMs);
}

/** A 2xx whose answer is too large was taken all the same: it had nothing to say that is needed. */
function outcomeOfFailure({ code, status, retryAfterMs }: OutgoingFailed): TellOutcome {
  if (status !== null && isSuccess(status)) return { delivered: true, status, hostUserId: null };
  return failed(failureOf(code), status, retryAfterMs);
}

function failureOf(code: OutgoingFailureCode): NotificationFailure {
  return code === 'notJson' ? 'refused' : code;
}

function failed(
  failure: NotificationFailure,
  status: number | null = null,
  retryAfterMs: number | null = null,
): TellOutcome {
  return { delivered: false, failure, status, retryAfterMs };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

/** Ids of PostgreSQL are numbers; everything else of an answer is the host application's own business. */
const answerSchema = z.object({
  hostUserId: z.union([z.string(), z.int().transform(String)]).refine(isOpaqueId),
});

function hostUserIdIn(answer: Answer): string | null {
  try {
    return answerSchema.parse(jsonOf(answer)).hostUserId;
  } catch {
    return null;
  }
}
