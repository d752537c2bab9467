import { z } from 'zod';

import { accessActions } from '../../domain/words.ts';
import { checkAccess } from '../../gate/decide.ts';
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

const question = z
  .strictObject({
    ...askedIds,
    action: z.enum(accessActions),
    sso: z.strictObject(askedSso).optional(),
  })
  .refine(asksAboutSomebody, nobodyAsked);

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
  responses: { 200: accessDecision },
  async handler({ body }, deps) {
    const decide = async () => checkAccess(deps.store().db, gateQuestion(body));
    return { status: 200, body: await answerInMode(deps, decide) };
  },
});
