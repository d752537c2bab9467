import type { ProjectedUser } from '../connectors/host-application.ts';
import { HostConflict } from '../connectors/host-conflict.ts';
import type { ProjectedField, UsersProjection } from '../domain/host-file.ts';
import { hasLeft, type Membership } from '../domain/membership.ts';
import type { Status } from '../domain/words.ts';
import type { UserDocument } from '../platform/mongo/documents.ts';
import { recordHostRefusal } from '../transitions/lifecycle/record-host-refusal.ts';
import { recordProjected } from '../transitions/lifecycle/record-projected.ts';
import { yieldNewcomer } from '../transitions/links/yield-newcomer.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';

/**
 * Provisions the user in the host application, and keeps the host's copy in step: profile, status and the
 * time of disabling. Only the fields that the host file names are written.
 *
 * Two memberships of one user may project at once. Each reads again after it wrote, and writes again if
 * what it wrote is no longer true: so whoever writes last has written the truth.
 */
export function createProjectUser(deps: ActivityDeps) {
  return async (input: LookRequest): Promise<void> => {
    const { memberships } = deps.store.collections;
    const membership = await memberships.findOne({ _id: input.membershipId });
    if (membership === null) return;
    const { wanted } = membership.projection;
    await projectUnlessRefused(deps, membership);
    await recordProjected(deps.store, input.membershipId, wanted, isObserving(deps));
  };
}

/**
 * Nobody is let in whom the host refuses to know. But somebody who left is handed over and forgotten all the
 * same: what the host shows of them meanwhile opens no door, and the erasure takes it.
 */
async function projectUnlessRefused(deps: ActivityDeps, membership: Membership): Promise<void> {
  if (deps.host === null) return;
  try {
    await projectUntilTrue(deps, membership);
  } catch (error) {
    if (!(error instanceof HostConflict)) throw error;
    const inUse = refusedIdentities(deps.file.users, error);
    if (inUse.length > 0) {
      await answerInUse(deps, membership, inUse, error);
      return;
    }
    await recordHostRefusal(deps.store, membership);
    if (!hasLeft(membership)) throw error;
  }
}

/** The e-mail, the username, or both, where a unique index of the host refuses them. */
function refusedIdentities(users: UsersProjection | null, error: HostConflict): ProjectedField[] {
  if (users === null || error.code !== 'duplicate') return [];
  return (['email', 'username'] as const).filter((name) => {
    const field = users.fields[name];
    return field !== undefined && error.fields.includes(field);
  });
}

/**
 * Another record of the host has the e-mail or username, and trying again would never change that. Somebody
 * who is new waits for an admin's decision. Somebody whom the host knows keeps there the address they had,
 * everything else stays in step, and an admin is told.
 */
async function answerInUse(
  deps: ActivityDeps,
  membership: Membership,
  inUse: ProjectedField[],
  error: HostConflict,
): Promise<void> {
  if (await projectReleased(deps, membership.userId)) {
    const again = await refusalOf(async () => projectUntilTrue(deps, membership));
    if (again === null) return;
  }
  const yielding = await yieldNewcomer(deps.store, membership._id);
  if (yielding === 'waits') return;
  // The erasure that frees the address ends by itself.
  if (yielding === 'later') throw error;
  await projectUntilTrue(deps, membership, inUse);
  await recordHostRefusal(deps.store, membership);
}

async function refusalOf(work: () => Promise<void>): Promise<HostConflict | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof HostConflict) return error;
    throw error;
  }
}

/** Those who left and gave the address up may not have been projected since. Whether there are any. */
async function projectReleased(deps: ActivityDeps, userId: string): Promise<boolean> {
  const { users } = deps.store.collections;
  const user = await users.findOne({ _id: userId });
  if (user === null || user.emailKey === null) return false;
  const released = await users
    .find({ emailKey: user.emailKey, emailReleased: true, _id: { $ne: userId } })
    .toArray();
  for (const { _id } of released) {
    const projected = await projectionOf(deps, _id);
    if (projected !== null) await deps.host?.projectUser(projected, false);
  }
  return released.length > 0;
}

async function projectUntilTrue(
  deps: ActivityDeps,
  membership: Membership,
  except: ProjectedField[] = [],
): Promise<void> {
  let written = '';
  for (;;) {
    const projected = await projectionOf(deps, membership.userId);
    if (projected === null) return;
    const text = JSON.stringify(projected);
    if (text === written) return;
    // Somebody who left is never created: a host that lost them must not get them back by their leaving.
    await deps.host?.projectUser(projected, !hasLeft(membership), except);
    written = text;
  }
}

async function projectionOf(deps: ActivityDeps, userId: string): Promise<ProjectedUser | null> {
  const user = await deps.store.collections.users.findOne({ _id: userId });
  if (user === null || user.anonymizedAt !== null) return null;
  const memberships = await deps.store.collections.memberships
    .find({ userId, erasure: null })
    .toArray();
  const best = bestMembership(memberships);
  return best === null ? null : project(user, best);
}

function project(user: UserDocument, membership: Membership): ProjectedUser {
  const { profile } = user;
  return {
    userId: user.hostUserId ?? user._id,
    email: emailOf(user),
    username: profile?.username ?? null,
    firstName: profile?.firstName ?? null,
    lastName: profile?.lastName ?? null,
    name: profile?.displayName ?? null,
    status: membership.status,
    disabledAt: membership.disabledAt,
  };
}

/** An address that was given up is somebody else's now. `.invalid` is reserved (RFC 2606): no mail reaches it. */
function emailOf({ _id, profile, emailReleased }: UserDocument): string | null {
  return emailReleased === true ? `${_id}@released.invalid` : (profile?.email ?? null);
}

const statusOrder: Status[] = ['active', 'invited', 'suspended', 'disabled', 'anonymized'];

/** One organization's leaving does not disable a user of two: the best membership is shown. */
function bestMembership(memberships: Membership[]): Membership | null {
  const [best] = memberships.toSorted(
    (a, b) => statusOrder.indexOf(a.status) - statusOrder.indexOf(b.status),
  );
  return best ?? null;
}
