import { createHash, randomUUID } from 'node:crypto';

import { z } from 'zod';

import type { HttpSessions } from '../../domain/host-file.ts';
import { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';
import { jsonOf, postSigned } from '../../platform/outgoing/post-signed.ts';
import type { CredentialSource } from '../credential-source.ts';
import type { HostMembership } from '../host-application.ts';

const timeoutMs = 10_000;
const maxBytes = 64 * 1024;

const count = z.int().min(0);
const revoked = z.object({ revoked: count, left: count });
const listed = z.object({ alive: count });

/**
 * Credentials that the host application ends itself, asked by signed requests:
 * `docs/host-protocol.openapi.yaml`. What it says about its own success is not believed: only what it lists
 * counts.
 *
 * @param secrets each of them signs; the variable that the host file names holds them
 */
export function createHttpSource(
  source: HttpSessions,
  secrets: readonly string[],
): CredentialSource {
  const post = async <T>(shape: z.ZodType<T>, path: string, question: Question): Promise<T> => {
    const answer = await postSigned(`${source.url}${path}`, question.body, {
      secrets,
      id: question.id,
      timeoutMs,
      maxBytes,
      allowPrivate: source.allowPrivate,
    });
    const parsed = shape.safeParse(jsonOf(answer));
    if (!parsed.success) throw new OutgoingFailed('notJson', answer);
    return parsed.data;
  };
  return {
    kind: source.kind,
    async revoke(membership, closing) {
      const said = await post(revoked, '/revoke', toRevoke(source, membership, closing));
      return { found: said.revoked + said.left, revoked: said.revoked };
    },
    async count(membership) {
      return (await post(listed, '/list', toList(source, membership))).alive;
    },
  };
}

interface Question {
  /** The `webhook-id`. */
  id: string;
  body: object;
}

/**
 * Every try of one closing asks the same under the same id. Should the person have become, or ceased to be, in no
 * other organization between two tries, that is another question, with an id of its own: a host application that
 * keeps answers by id must never take it for the one before.
 */
function toRevoke({ kind }: HttpSessions, membership: HostMembership, closing: number): Question {
  const { membershipId, reason = 'leaving' } = membership;
  const body = { ...personOf(membership), reason };
  const print = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 12);
  return { id: `${membershipId}/${closing}/${kind}/revoke/${print}`, body };
}

/** Each reading is asked anew: the kept answer to an earlier one would prove nothing. */
function toList({ kind }: HttpSessions, membership: HostMembership): Question {
  const id = `${membership.membershipId}/${kind}/list/${randomUUID()}`;
  return { id, body: personOf(membership) };
}

function personOf({ userId, organizationId, last }: HostMembership): object {
  return { userId, organizationId, last };
}
