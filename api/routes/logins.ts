import { z } from 'zod';

import type { AccessDecision, Finding } from '../../domain/decide-access.ts';
import { findAtGate } from '../../gate/decide.ts';
import { logIn } from '../../transitions/logins/log-in.ts';
import type { ApiDeps } from '../deps.ts';
import { lastingId, text } from '../fields.ts';
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
import { loginOf } from '../shapes/login.ts';

const name = text(1_024).nullish();

const login = z
  .strictObject({
    ...askedIds,
    // Whoever is made by this login is called so from then on.
    organizationId: lastingId,
    userId: lastingId.optional(),
    action: z.literal('login').optional(),
    sso: z
      .strictObject({
        ...askedSso,
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
  const found = await findAtGate(deps.store().db, gateQuestion(body));
  if (!(await tellsSomethingNew(found, deps))) return found.decision;
  const { decision, changed } = await logIn(deps.store(), loginOf(body), {
    file: deps.hostFile,
    newUserId: deps.newUserId,
    mode: deps.settings.observing ? 'observing' : 'login',
  });
  if (changed !== null) deps.signals.lookAgain([changed]);
  return decision;
}

async function tellsSomethingNew(
  { decision, isNewId }: Finding,
  { store }: ApiDeps,
): Promise<boolean> {
  if (isNewId) return true;
  if (!decision.allowed) return false;
  const { memberships } = store().collections;
  const invited = await memberships.findOne({ _id: decision.membershipId ?? '', invited: true });
  return invited !== null;
}
