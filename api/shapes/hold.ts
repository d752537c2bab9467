import { z } from 'zod';

import { holdKinds } from '../../domain/words.ts';
import type { HoldDocument } from '../../platform/mongo/documents.ts';
import { id, time, timeText } from '../fields.ts';
import type { ReasonText } from './reason.ts';

/** What a hold covers: a user, an organization, or one resource of the host application. */
export const holdScope = z.union(
  [
    z.strictObject({ userId: id }),
    z.strictObject({ organizationId: id }),
    z.strictObject({ resource: z.strictObject({ kind: id, id }) }),
  ],
  { error: 'Expected {userId}, {organizationId} or {resource: {kind, id}}.' },
);

/** A hold as the API shows it. */
export const holdShape = z
  .strictObject({
    id,
    scope: holdScope,
    kind: z.enum(holdKinds),
    reason: z.nullable(z.string()),
    createdBy: z.string(),
    createdAt: time,
    releasedBy: z.nullable(z.string()),
    releasedAt: z.nullable(time),
  })
  .meta({ id: 'Hold' });

export function presentHold(hold: HoldDocument, reasonText: ReasonText): z.input<typeof holdShape> {
  return {
    id: hold._id,
    scope: presentScope(hold.scope),
    kind: hold.kind,
    reason: reasonText(hold.reasonId),
    createdBy: hold.createdBy,
    createdAt: hold.createdAt.toISOString(),
    releasedBy: hold.releasedBy,
    releasedAt: timeText(hold.releasedAt),
  };
}

function presentScope(scope: HoldDocument['scope']): z.input<typeof holdScope> {
  if ('userId' in scope) return { userId: scope.userId };
  if ('organizationId' in scope) return { organizationId: scope.organizationId };
  return { resource: { kind: scope.resource.kind, id: scope.resource.id } };
}
