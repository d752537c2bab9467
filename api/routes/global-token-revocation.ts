import { z } from 'zod';

import { linkKey } from '../../domain/link-keys.ts';
import type { RevocationSubject } from '../../domain/revocation-subject.ts';
import { revokeSubject } from '../../transitions/commands/revoke-subject.ts';
import type { Caller } from '../authenticate.ts';
import { id, text } from '../fields.ts';
import { ApiProblem } from '../problem.ts';
import { defineRoute, noBody, nothing } from '../route.ts';
import { askedEmail } from '../shapes/access.ts';

/** The subject identifiers of RFC 9493 that can name somebody here. */
const subject = z
  .discriminatedUnion('format', [
    z.strictObject({ format: z.literal('iss_sub'), iss: text(1_024), sub: text(1_024) }),
    z.strictObject({ format: z.literal('email'), email: askedEmail }),
    z.strictObject({ format: z.literal('opaque'), id }),
  ])
  .meta({ id: 'SubjectIdentifier', description: 'RFC 9493.' });

/**
 * `POST /v1/global-token-revocation`: an identity provider or a security tool asks that everything a person
 * holds ends now (draft-parecki-oauth-global-token-revocation, which Okta calls Universal Logout). A token says who
 * asks and not for whom, so a repeated one does what a repeated request does: it ends what was made since.
 */
export const globalTokenRevocationRoute = defineRoute({
  method: 'post',
  path: '/v1/global-token-revocation',
  summary: 'End every session, token and key of one person, who may sign in again afterwards',
  description:
    'draft-parecki-oauth-global-token-revocation. 204 once it is written down and access is closed; what the ' +
    'person holds is revoked and read back within seconds, and then access opens again for whoever may be in. ' +
    '404 where nobody is meant, 422 `ambiguousSubject` where it may be several users, 400 for a malformed request. ' +
    '`organizationId` narrows the search and what is ended to one organization: give each identity provider an ' +
    'address with its own. With a signed token (JWT) of an issuer that the host file names, it is only ever that ' +
    "issuer's organization: 403 for another one.",
  auth: 'revocation',
  invalidStatus: 400,
  request: {
    params: nothing,
    query: z.strictObject({ organizationId: id.optional() }),
    body: z.strictObject({ sub_id: subject }),
  },
  responses: { 204: noBody },
  async handler({ query, body, caller }, deps) {
    const memberships = await revokeSubject(deps.store(), {
      subject: subjectOf(body.sub_id),
      organizationId: organizationOf(caller, query.organizationId ?? null),
      actor: caller.actor,
      receivedAt: new Date(),
    });
    deps.signals.lookAgain(
      memberships.map(({ _id: membershipId, organizationId, phase }) => {
        return { membershipId, organizationId, phase };
      }),
    );
    return { status: 204, body: null };
  },
});

/** A customer's identity provider speaks for that customer's people only, whatever a request says. */
function organizationOf({ organizationId }: Caller, asked: string | null): string | null {
  if (organizationId !== null && asked !== null && asked !== organizationId) {
    throw new ApiProblem(403, 'forbidden', 'This token is good for another organization.');
  }
  return organizationId ?? asked;
}

function subjectOf(given: z.output<typeof subject>): RevocationSubject {
  if (given.format === 'email') {
    return { format: given.format, emailKey: linkKey(given.email) ?? '' };
  }
  return given;
}
