import { z } from 'zod';

import type { Membership } from '../../domain/membership.ts';
import { statuses, type Status } from '../../domain/words.ts';
import type { UserDocument } from '../../platform/mongo/documents.ts';
import { id } from '../fields.ts';
import { membershipShape, presentMembership, type StandingDirectoryUser } from './membership.ts';

/** A user as the API shows it, with every membership. */
export const userShape = z
  .strictObject({
    id,
    hostUserId: z.nullable(id).meta({
      description:
        "The host application's own id for the user, where it answered `user.provisioned` with one.",
    }),
    email: z.nullable(z.string()),
    username: z.nullable(z.string()),
    name: z.nullable(z.string()),
    status: z.enum(statuses).meta({ description: 'The most open status of all memberships.' }),
    memberships: z.array(membershipShape),
  })
  .meta({ id: 'User' });

export type UserShape = z.input<typeof userShape>;

export function presentUser(
  user: UserDocument,
  memberships: readonly Membership[],
  directoryUsers: readonly StandingDirectoryUser[],
): UserShape {
  const own = memberships.filter(({ userId }) => userId === user._id);
  return {
    id: user._id,
    hostUserId: user.hostUserId ?? null,
    email: user.profile?.email ?? null,
    username: user.profile?.username ?? null,
    name: nameOf(user.profile),
    status: statusOf(user, own),
    memberships: own.map((membership) => presentMembership(membership, directoryUsers)),
  };
}

/** The name that people are shown; null where nobody told one. */
export function nameOf(profile: UserDocument['profile']): string | null {
  if (profile === null) return null;
  if (profile.displayName !== null) return profile.displayName;
  const parts = [profile.firstName, profile.lastName].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(' ');
}

/** From the most open to the most closed. */
const openness: readonly Status[] = ['active', 'invited', 'suspended', 'disabled', 'anonymized'];

function statusOf(user: UserDocument, memberships: readonly Membership[]): Status {
  const held = new Set(memberships.map(({ status }) => status));
  const found = openness.find((status) => held.has(status));
  return found ?? (user.anonymizedAt === null ? 'disabled' : 'anonymized');
}
