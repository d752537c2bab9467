import { z } from 'zod';

import { accessQuestion, type AskedPerson } from '../../domain/decide-access.ts';
import { linkKey } from '../../domain/link-keys.ts';
import { accessReasons } from '../../domain/words.ts';
import type { KeyedQuestion } from '../../gate/decide.ts';
import { id, text } from '../fields.ts';

/** An e-mail address as a question asks by it: not empty once it is trimmed. */
export const askedEmail = text(1_024).refine(
  (value) => linkKey(value) !== null,
  'This is no e-mail address.',
);

/** What says who somebody is, beside an SSO profile. */
export const askedIds = {
  organizationId: id,
  userId: id.optional(),
  directoryUserId: id.optional(),
  email: askedEmail.optional(),
  emailOf: z
    .literal('account')
    .optional()
    .meta({
      description:
        'account: `email` is what an account says of itself (AuthKit without externalId). It is ambiguous ' +
        'while somebody who left has it beside whoever has it now. Absent: the person has the address now.',
    }),
};

/** An SSO profile: the id that the identity provider gives the person, their address, and the connection it came by. */
export const askedSso = {
  idpId: text(1_024),
  email: askedEmail.optional(),
  connectionId: id.nullish(),
};

interface Asked extends AskedPerson {
  organizationId: string;
}

/** Whether a question asks about anybody at all. */
export function asksAboutSomebody({ userId, directoryUserId, email, sso }: Asked): boolean {
  return [userId, directoryUserId, email, sso].some((identity) => identity !== undefined);
}

export const nobodyAsked = 'At least one of userId, directoryUserId, email and sso is needed.';

/** The question as the gate takes it. */
export function gateQuestion(asked: Asked): KeyedQuestion {
  return { organizationId: asked.organizationId, ...accessQuestion(asked) };
}

const reasons = z.enum([
  ...accessReasons,
  'unknown',
  'pendingLink',
  'ambiguous',
  'identityMismatch',
]);

/** The answer of an access check or a login. */
export const accessDecision = z
  .strictObject({
    allowed: z.boolean(),
    reason: reasons,
    userId: z.nullable(z.string()).meta({
      description:
        "The host application's own id of the user, where it said so, else Tenure's: what it writes into a session.",
    }),
    membershipId: z.nullable(z.string()),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    features: z.array(z.string()),
    observed: z
      .nullable(z.strictObject({ allowed: z.boolean(), reason: reasons }))
      .optional()
      .meta({
        description:
          'Only with TENURE_MODE=observe, where everybody is allowed: what it would have answered. ' +
          'null: the store could not be asked.',
      }),
  })
  .meta({ id: 'AccessDecision' });
