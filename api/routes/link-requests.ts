import { z } from 'zod';

import type { LinkRequestDocument } from '../../platform/mongo/link-documents.ts';
import { resolveLinkRequest } from '../../transitions/links/resolve-link-request.ts';
import { undoLink } from '../../transitions/links/undo-link.ts';
import { id, reason, time, timeText } from '../fields.ts';
import { before, newestFirst, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId } from '../route.ts';
import { membershipShape } from '../shapes/membership.ts';
import type { ReasonText } from '../shapes/reason.ts';
import { membershipById, presentOneMembership, readReasons } from './read-people.ts';

const linkRequest = z
  .strictObject({
    id,
    organizationId: id,
    directoryUserId: id,
    cause: z.enum(['several', 'emailInUse', 'hostRefused']).meta({
      description:
        'several: may be one of several people. emailInUse: the host’s users must have unique e-mails, and ' +
        'a candidate has this one. hostRefused: the host’s own database has the e-mail or username.',
    }),
    candidateUserIds: z.array(id),
    createdAt: time,
    resolution: z.nullable(z.enum(['link', 'separate', 'ignore', 'withdrawn'])),
    userId: z.nullable(id).meta({ description: 'Of link and separate: who the person is since.' }),
    membershipId: z.nullable(id),
    resolvedBy: z.nullable(z.string()),
    resolvedAt: z.nullable(time),
    reason: z.nullable(z.string()),
  })
  .meta({ id: 'LinkRequest' });

/** `GET /v1/link-requests` */
export const listLinkRequestsRoute = defineRoute({
  method: 'get',
  path: '/v1/link-requests',
  summary:
    'List directory users that may be one of several people; they have no access until decided',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({
      ...pageQuery,
      organizationId: id.optional(),
      state: z.enum(['open', 'resolved']).optional(),
    }),
    body: noBody,
  },
  responses: { 200: pageOf(linkRequest) },
  async handler({ query: { organizationId, state, limit, cursor } }, { store }) {
    const found = store().collections.linkRequests.find({
      ...(organizationId === undefined ? {} : { organizationId }),
      ...(state === undefined ? {} : { resolution: state === 'open' ? null : { $ne: null } }),
      ...before('createdAt', cursor),
    });
    const { entries, next } = await newestFirst(found, 'createdAt', limit);
    const reasonText = await readReasons(
      store(),
      entries.map(({ reasonId }) => reasonId),
    );
    const data = entries.map((entry) => present(entry, reasonText));
    return { status: 200, body: { data, next } };
  },
});

const resolution = z
  .discriminatedUnion(
    'action',
    [
      z.strictObject({ action: z.literal('link'), userId: id, reason }),
      z.strictObject({ action: z.literal('separate'), reason }),
      z.strictObject({ action: z.literal('ignore'), reason }),
    ],
    { error: 'Expected link (with userId), separate or ignore.' },
  )
  .meta({
    description:
      'link: they are this person of the organization. separate: a user of their own, who inherits nothing. ' +
      'ignore: no access until they leave the directory and come back.',
  });

/** `POST /v1/link-requests/{id}/resolve` */
export const resolveLinkRequestRoute = defineRoute({
  method: 'post',
  path: '/v1/link-requests/{id}/resolve',
  summary: 'Decide who a directory user is, once',
  description:
    '409 alreadyResolved the second time; requestWithdrawn where the person left or the question answered ' +
    'itself; notEligible for somebody to whom they cannot be linked; emailInUse where somebody who is in has ' +
    'the e-mail and the host’s users must have unique ones.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: resolution },
  responses: { 200: linkRequest },
  async handler({ params, body, caller }, { store, signals, hostFile, newUserId }) {
    const { reason: text, ...decision } = body;
    const resolved = await resolveLinkRequest(
      store(),
      {
        requestId: params.id,
        actor: caller.actor,
        reason: text ?? null,
        decision,
      },
      { file: hostFile, newUserId },
    );
    const { membershipId, organizationId } = resolved;
    if (membershipId !== null) signals.lookAgain([{ membershipId, organizationId }]);
    const reasonText = await readReasons(store(), [resolved.reasonId]);
    return { status: 200, body: present(resolved, reasonText) };
  },
});

/** `POST /v1/memberships/{id}/unlink` */
export const unlinkRoute = defineRoute({
  method: 'post',
  path: '/v1/memberships/{id}/unlink',
  summary: 'Undo the link of a directory user, automatic or decided',
  description:
    'What the link replaced is restored, and it is no leaving. The directory user becomes a user of their ' +
    'own, or waits as a link request. Every session of both is revoked before they are let in again. ' +
    '409 notLinked where this directory user does not stand behind the membership, or made it.',
  auth: 'admin',
  request: {
    params: oneId,
    query: nothing,
    body: z.strictObject({ directoryUserId: id, reason }),
  },
  responses: { 200: membershipShape },
  async handler({ params, body, caller }, deps) {
    const { store, signals, hostFile, newUserId } = deps;
    const { membershipId, separateMembershipId } = await undoLink(
      store(),
      {
        membershipId: params.id,
        directoryUserId: body.directoryUserId,
        actor: caller.actor,
        reason: body.reason ?? null,
      },
      { file: hostFile, newUserId },
    );
    const membership = await membershipById(store(), membershipId);
    const { organizationId } = membership;
    const both = [membershipId, separateMembershipId].filter((one) => one !== null);
    signals.lookAgain(both.map((one) => ({ membershipId: one, organizationId })));
    return { status: 200, body: await presentOneMembership(deps, membership) };
  },
});

function present(
  request: LinkRequestDocument,
  reasonText: ReasonText,
): z.input<typeof linkRequest> {
  return {
    id: request._id,
    organizationId: request.organizationId,
    directoryUserId: request.directoryUserId,
    cause: request.cause,
    candidateUserIds: [...request.candidateUserIds],
    createdAt: request.createdAt.toISOString(),
    resolution: request.resolution,
    userId: request.userId,
    membershipId: request.membershipId,
    resolvedBy: request.resolvedBy,
    resolvedAt: timeText(request.resolvedAt),
    reason: reasonText(request.reasonId),
  };
}
