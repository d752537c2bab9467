import { z } from 'zod';

import { linkKey } from '../../domain/link-keys.ts';
import type { AccessDecision } from '../../domain/decide-access.ts';
import { checkAccess } from '../../gate/decide.ts';
import { logIn } from '../../transitions/logins/log-in.ts';
import type { Login } from '../../transitions/logins/login.ts';
import type { ApiDeps } from '../deps.ts';
import { id, text } from '../fields.ts';
import { answerInMode } from '../observing.ts';
import { defineRoute, nothing } from '../route.ts';
import {
  accessDecision,
  askedIds,
  askedSso,
  asksAboutSomebody,
  gateQuestion,
  nobodyAsked,
} from '../shapes/access.ts';

const name = text(1_024).nullish();

const login = z
  .strictObject({
    ...askedIds,
    action: z.literal('login').optional(),
    sso: z
      .strictObject({
        ...askedSso,
        connectionId: id.nullish(),
        firstName: name,
        lastName: name,
        name,
      })
      .optional()
      .meta({ description: "The identity provider's profile of the person." }),
  })
  .refine(asksAboutSomebody, nobodyAsked);

/** `POST /v1/logins`: somebody logs in. */
export const logInRoute = defineRoute({
  method: 'post',
  path: '/v1/logins',
  summary: 'Tell of a login, and ask whether it may go on',
  description:
    'An access check for `login`. It makes `invited` to `active`, learns the id of an SSO profile whose ' +
    'address exactly one current person has, and creates the user of an organization without Directory ' +
    'Sync whose policy says `jit`, with `userId` where the host application has an id already.',
  auth: 'gate',
  request: { params: nothing, query: nothing, body: login },
  responses: { 200: accessDecision },
  async handler({ body }, deps) {
    return { status: 200, body: await answerInMode(deps, async () => decide(body, deps)) };
  },
});

/** Nearly every login is of somebody who is known and has been there before: it reads, and writes nothing. */
async function decide(body: z.output<typeof login>, deps: ApiDeps): Promise<AccessDecision> {
  const asked = await checkAccess(deps.store().db, gateQuestion(body));
  if (!(await tellsSomethingNew(asked, body, deps))) return asked;
  const { decision, changed } = await logIn(deps.store(), loginOf(body), {
    file: deps.hostFile,
    newUserId: deps.newUserId,
    mayCreate: !deps.settings.observing,
  });
  if (changed !== null) deps.signals.lookAgain([changed]);
  return decision;
}

async function tellsSomethingNew(
  { allowed, reason, membershipId }: AccessDecision,
  { sso }: z.output<typeof login>,
  { store }: ApiDeps,
): Promise<boolean> {
  if (allowed) {
    const { memberships } = store().collections;
    const invited = await memberships.findOne({ _id: membershipId ?? '', invited: true });
    return invited !== null;
  }
  const mayBeNew = ['unknown', 'identityMismatch', 'anonymized'].includes(reason);
  return sso !== undefined && mayBeNew;
}

function loginOf({
  organizationId,
  userId,
  directoryUserId,
  email,
  sso,
}: z.output<typeof login>): Login {
  const emailKey = linkKey(email);
  const who: Login = {
    organizationId,
    ...(userId === undefined ? {} : { userId }),
    ...(directoryUserId === undefined ? {} : { directoryUserId }),
    ...(emailKey === null ? {} : { emailKey }),
  };
  if (sso === undefined) return who;
  const { idpId, firstName, lastName } = sso;
  const profile = {
    idpId,
    connectionId: sso.connectionId ?? null,
    email: (sso.email ?? email)?.trim() ?? null,
    firstName: firstName ?? null,
    lastName: lastName ?? null,
    name: sso.name ?? null,
  };
  return { ...who, sso: profile };
}
