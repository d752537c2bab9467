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
      id: `${question.id}${path}`,
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
      const question = questionOf(source, membership, closing);
      const said = await post(revoked, '/revoke', question);
      return { found: said.revoked + said.left, revoked: said.revoked };
    },
    async count(membership) {
      return (await post(listed, '/list', questionOf(source, membership, null))).alive;
    },
  };
}

interface Question {
  /** What the `webhook-id` begins with. */
  id: string;
  body: object;
}

/** `closing`: null where nothing is to be ended. */
function questionOf(
  { kind }: HttpSessions,
  { membershipId, userId, organizationId, last }: HostMembership,
  closing: number | null,
): Question {
  const body = { userId, organizationId, last };
  if (closing === null) return { id: `${membershipId}/${kind}`, body };
  return { id: `${membershipId}/${closing}/${kind}`, body: { ...body, reason: 'leaving' } };
}
