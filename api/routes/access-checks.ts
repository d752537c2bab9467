import { z } from 'zod';

import type { AccessDecision } from '../../domain/decide-access.ts';
import { accessActions } from '../../domain/words.ts';
import { findAtGate } from '../../gate/decide.ts';
import { logIn } from '../../transitions/logins/log-in.ts';
import type { ApiDeps } from '../deps.ts';
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

const question = z
  .strictObject({
    ...askedIds,
    action: z.enum(accessActions),
    sso: z.strictObject(askedSso).optional(),
  })
  .refine(asksAboutSomebody, nobodyAsked);

/** `POST /v1/access-checks`: may this person act here, now? Creates nobody, ever. */
export const checkAccessRoute = defineRoute({
  method: 'post',
  path: '/v1/access-checks',
  summary: 'Check whether a person may act in an organization, now',
  description:
    'Several identities must name the same person, else the answer is identityMismatch. ' +
    'Nobody is allowed by default. An SSO profile whose id nobody has means whoever alone has its address now; ' +
    'a check for `login` that lets somebody in by it learns the id, as POST /v1/logins does, and writes nothing else.',
  auth: 'gate',
  request: { params: nothing, query: nothing, body: question },
  responses: { 200: accessDecision },
  async handler({ body }, deps) {
    return { status: 200, body: await answerInMode(deps, async () => decide(body, deps)) };
  },
});

async function decide(body: z.output<typeof question>, deps: ApiDeps): Promise<AccessDecision> {
  const { decision, isNewId } = await findAtGate(deps.store().db, gateQuestion(body));
  const learns = body.action === 'login' && isNewId && decision.allowed;
  if (!learns) return decision;
  // The transaction decides anew: whoever had the address may have left meanwhile.
  const rules = { file: deps.hostFile, newUserId: deps.newUserId, mode: 'check' } as const;
  return (await logIn(deps.store(), loginOf(body), rules)).decision;
}
