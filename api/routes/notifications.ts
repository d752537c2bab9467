import { z } from 'zod';

import { notificationStates, notificationTypes } from '../../domain/notifications.ts';
import type { NotificationDocument } from '../../platform/mongo/notification-document.ts';
import { replayNotification } from '../../transitions/notifications/replay-notification.ts';
import { id, time, timeText } from '../fields.ts';
import { before, newestFirst, pageOf, pageQuery } from '../paging.ts';
import { defineRoute, noBody, nothing, oneId, onlyReason } from '../route.ts';
import type { ReasonText } from '../shapes/reason.ts';
import { readReasons } from './read-people.ts';

const notification = z
  .strictObject({
    id: id.meta({ description: 'Also the `webhook-id`.' }),
    endpoint: z.string().meta({ description: 'Its id in the host file.' }),
    type: z.enum(notificationTypes),
    userId: id,
    organizationId: id,
    membershipId: id,
    sequence: z.int().meta({ description: 'Rises with everything that is told of a user.' }),
    at: time,
    state: z.enum(notificationStates),
    attempts: z.int(),
    attemptedAt: z.nullable(time),
    failure: z.nullable(z.string()).meta({ description: 'Why the last try came to nothing.' }),
    status: z.nullable(z.int()).meta({ description: 'The HTTP status of the last answer.' }),
    nextAttemptAt: z.nullable(time),
    deliveredAt: z.nullable(time),
    replayedBy: z.nullable(z.string()),
    replayedAt: z.nullable(time),
    reason: z.nullable(z.string()),
  })
  .meta({ id: 'Notification' });

/** `GET /v1/notifications` */
export const listNotificationsRoute = defineRoute({
  method: 'get',
  path: '/v1/notifications',
  summary: 'List what the host application was told, is being told, or could not be told',
  description:
    'Newest first. `state=dead`: what no endpoint took within three days, or what it answered 410 to. ' +
    'Delivered ones are kept for 30 days, dead ones for 90.',
  auth: 'admin',
  request: {
    params: nothing,
    query: z.strictObject({
      ...pageQuery,
      state: z.enum(notificationStates).optional(),
      userId: id.optional(),
      endpoint: z.string().min(1).max(64).optional(),
    }),
    body: noBody,
  },
  responses: { 200: pageOf(notification) },
  async handler({ query: { state, userId, endpoint, limit, cursor } }, { store }) {
    const found = store().collections.notifications.find({
      ...(state === undefined ? {} : { state }),
      ...(userId === undefined ? {} : { userId }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...before('at', cursor),
    });
    const { entries, next } = await newestFirst(found, 'at', limit);
    const reasonText = await readReasons(store(), entries.map(reasonIdOf));
    const data = entries.map((entry) => present(entry, reasonText));
    return { status: 200, body: { data, next } };
  },
});

/** `POST /v1/notifications/{id}/replay` */
export const replayNotificationRoute = defineRoute({
  method: 'post',
  path: '/v1/notifications/{id}/replay',
  summary: 'Deliver a notification once more, with the same webhook-id',
  description:
    'A dead letter, or one that the host application lost after it had taken it. 409 stillPending while it ' +
    'is being delivered.',
  auth: 'admin',
  request: { params: oneId, query: nothing, body: onlyReason },
  responses: { 200: notification },
  async handler({ params, body, caller }, { store }) {
    const replayed = await replayNotification(store(), {
      id: params.id,
      by: caller.actor,
      reason: body.reason ?? null,
    });
    const reasonText = await readReasons(store(), [reasonIdOf(replayed)]);
    return { status: 200, body: present(replayed, reasonText) };
  },
});

function reasonIdOf({ replayed }: NotificationDocument): string | null {
  return replayed?.reasonId ?? null;
}

function present(
  entry: NotificationDocument,
  reasonText: ReasonText,
): z.input<typeof notification> {
  return {
    id: entry._id,
    endpoint: entry.endpoint,
    type: entry.type,
    userId: entry.userId,
    organizationId: entry.organizationId,
    membershipId: entry.membershipId,
    sequence: entry.sequence,
    at: entry.at.toISOString(),
    state: entry.state,
    attempts: entry.attempts,
    attemptedAt: timeText(entry.attemptedAt),
    failure: entry.failure,
    status: entry.status,
    nextAttemptAt: timeText(entry.nextAt),
    deliveredAt: timeText(entry.deliveredAt),
    replayedBy: entry.replayed?.by ?? null,
    replayedAt: timeText(entry.replayed?.at ?? null),
    reason: reasonText(reasonIdOf(entry)),
  };
}
