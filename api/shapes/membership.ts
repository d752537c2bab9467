import { z } from 'zod';

import {
  backingObstacles,
  currentRecord,
  type BackingObstacle,
  type DirectoryUser,
} from '../../domain/directory-user.ts';
import {
  guardOf,
  hasLeft,
  isCommitted,
  isRetained,
  type Membership,
} from '../../domain/membership.ts';
import { accessReasons, blockerCodes, phases, statuses } from '../../domain/words.ts';
import { id, time, timeText } from '../fields.ts';

const directoryUserShape = z.strictObject({
  id,
  directoryId: id,
  idpId: z.nullable(z.string()),
  state: z.enum(['active', 'inactive', 'suspended', 'deleted']),
  backs: z.boolean().meta({ description: 'Whether it keeps the person in.' }),
  backsNotBecause: z.nullable(z.enum(backingObstacles)).meta({
    description:
      'directoryGone: its directory was deleted, unlinked or moved, or the organization deleted. ' +
      'notAuthoritative: the policy names other directories. leavingAttribute, noAccessGroup: by the policy. ' +
      'notActive, suspended: its state; suspended where the policy does not count that as a leaving.',
  }),
});

const revocationShape = z
  .strictObject({
    kind: z.string().meta({ description: 'As the host file calls it.' }),
    outcome: z.enum(['verifiedEmpty', 'expiresBy', 'failed']),
    at: time.meta({ description: 'Since when it is so.' }),
    revoked: z.int(),
    expiresBy: z.nullable(time).meta({
      description: 'What cannot be ended is valid until then: tokens that nobody is asked about.',
    }),
    code: z.nullable(z.string()).meta({
      description: 'Why it failed. It is tried again until it is verified empty.',
    }),
  })
  .meta({ id: 'Revocation' });

/** A membership as the API shows it (section 7 of the design). */
export const membershipShape = z
  .strictObject({
    id,
    userId: id,
    organizationId: id,
    status: z.enum(statuses),
    phase: z.enum(phases),
    access: z.strictObject({ state: z.enum(['open', 'closed']), reason: z.enum(accessReasons) }),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    features: z.array(z.string()),
    roleGrants: z
      .array(z.strictObject({ role: z.string(), source: z.enum(['directory', 'manual']) }))
      .meta({ description: '`roles` with where each comes from; one may come from both.' }),
    suspendedRoles: z.array(z.string()).meta({
      description: 'Manual roles that a leaving suspended; only an admin gives them back.',
    }),
    disabledAt: z.nullable(time),
    deletionDueAt: z
      .nullable(time)
      .meta({ description: 'When the cooling-off ends; null where nothing counts down.' }),
    blockedBy: z.array(z.strictObject({ code: z.enum(blockerCodes), detail: z.string() })),
    generation: z.int(),
    outcome: z.nullable(z.enum(['anonymized', 'deleted'])),
    revocations: z.array(revocationShape).meta({
      description:
        'Where each kind of sessions, tokens and keys stands with the last closing of access. Empty while it ' +
        'was never closed, and a moment after it was.',
    }),
    directoryUsers: z.array(directoryUserShape),
  })
  .meta({ id: 'Membership' });

export type MembershipShape = z.input<typeof membershipShape>;

/** A directory user, and what keeps it from backing its membership; null: it backs it. */
export interface StandingDirectoryUser {
  mirror: DirectoryUser;
  obstacle: BackingObstacle | null;
}

/**
 * Presents a membership.
 *
 * @param directoryUsers those that stand behind it, others are ignored
 */
export function presentMembership(
  membership: Membership,
  directoryUsers: readonly StandingDirectoryUser[],
): MembershipShape {
  return {
    id: membership._id,
    userId: membership.userId,
    organizationId: membership.organizationId,
    status: membership.status,
    phase: membership.phase,
    access: { state: membership.access.state, reason: membership.access.reason },
    roles: [...new Set(membership.roles.map(({ role }) => role))],
    permissions: [...membership.permissions],
    features: [...membership.features],
    roleGrants: membership.roles.map(({ role, source }) => ({ role, source })),
    suspendedRoles: [...membership.suspendedRoles],
    disabledAt: timeText(membership.disabledAt),
    deletionDueAt: timeText(deletionDueAt(membership)),
    blockedBy: membership.blockedBy.map(({ code, detail }) => ({ code, detail })),
    generation: membership.generation,
    outcome: membership.outcome,
    revocations: presentRevocations(membership),
    directoryUsers: directoryUsers
      .filter(({ mirror }) => mirror.membershipId === membership._id)
      .map(presentDirectoryUser),
  };
}

/** Those of the last closing: what was found out about an earlier one says nothing any more. */
function presentRevocations({ revocations, closings }: Membership): MembershipShape['revocations'] {
  return (revocations ?? [])
    .filter(({ closing }) => closing === closings)
    .map(({ kind, outcome, at, revoked, expiresBy, code }) => {
      return { kind, outcome, at: at.toISOString(), revoked, expiresBy: timeText(expiresBy), code };
    });
}

/** A due time is only shown while something counts down towards it. */
function deletionDueAt(membership: Membership): Date | null {
  const counts = hasLeft(membership) && !isRetained(membership) && !isCommitted(membership);
  // An approval sets the due time anew, so until then there is none to go by.
  const waits = guardOf(membership)?.state === 'waits';
  return counts && !waits ? membership.dueAt : null;
}

function presentDirectoryUser({
  mirror,
  obstacle,
}: StandingDirectoryUser): MembershipShape['directoryUsers'][number] {
  const record = currentRecord(mirror);
  return {
    id: record.id,
    directoryId: mirror.directoryId,
    idpId: mirror.idpId ?? null,
    state: record.state,
    backs: obstacle === null,
    backsNotBecause: obstacle,
  };
}
