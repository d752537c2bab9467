import { z } from 'zod';

import type { AccessDecision } from '../../domain/decide-access.ts';
import { linkKey } from '../../domain/link-keys.ts';
import { accessActions, accessReasons } from '../../domain/words.ts';
import { checkAccess, type GateQuestion } from '../../gate/decide.ts';
import { id, text } from '../fields.ts';
import { defineRoute, nothing } from '../route.ts';

const email = text(1_024).refine((value) => linkKey(value) !== null, 'This is no e-mail address.');

const question = z
  .strictObject({
    organizationId: id,
    action: z.enum(accessActions),
    userId: id.optional(),
    directoryUserId: id.optional(),
    email: email.optional(),
    sso: z.strictObject({ idpId: text(1_024), email: email.optional() }).optional(),
  })
  .refine(
    ({ userId, directoryUserId, email: address, sso }) =>
      [userId, directoryUserId, address, sso].some((identity) => identity !== undefined),
    'At least one of userId, directoryUserId, email and sso is needed.',
  );

const decision = z
  .strictObject({
    allowed: z.boolean(),
    reason: z.enum([...accessReasons, 'unknown', 'pendingLink', 'ambiguous', 'identityMismatch']),
    userId: z.nullable(z.string()),
    membershipId: z.nullable(z.string()),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    features: z.array(z.string()),
  })
  .meta({ id: 'AccessDecision' });

/** `POST /v1/access-checks`: may this person act here, now? Creates nothing, ever. */
export const checkAccessRoute = defineRoute({
  method: 'post',
  path: '/v1/access-checks',
  summary: 'Check whether a person may act in an organization, now',
  description:
    'Several identities must name the same person, else the answer is identityMismatch. ' +
    'Nobody is allowed by default.',
  auth: 'gate',
  request: { params: nothing, query: nothing, body: question },
  responses: { 200: decision },
  async handler({ body }, { store }) {
    const answer: AccessDecision = await checkAccess(store().db, gateQuestion(body));
    return { status: 200, body: answer };
  },
});

function gateQuestion(body: z.output<typeof question>): GateQuestion {
  const { organizationId, userId, directoryUserId, sso } = body;
  const emailKey = linkKey(body.email);
  const ssoKey = linkKey(sso?.email);
  return {
    organizationId,
    ...(userId === undefined ? {} : { userId }),
    ...(directoryUserId === undefined ? {} : { directoryUserId }),
    ...(emailKey === null ? {} : { emailKey }),
    ...(sso === undefined
      ? {}
      : { sso: { idpId: sso.idpId, ...(ssoKey === null ? {} : { emailKey: ssoKey }) } }),
  };
}
