import { backingOf, type DirectoryUser } from '../domain/directory-user.ts';
import { guardOf, type ConditionsFound, type Membership } from '../domain/membership.ts';
import type { Policy } from '../domain/policy.ts';
import type { UserTelling } from '../intake/telling.ts';
import type { Lookup } from '../platform/workos/directory-lookup.ts';
import { takeInUser, tellingOfAnswer } from '../intake/take-in-answer.ts';
import { activeResourceHolds } from '../transitions/holds/active-holds.ts';
import { teardownOf } from '../transitions/guards/directory-teardown.ts';
import { policyInForce } from '../transitions/organization/policy-in-force.ts';
import { recordConditions } from '../transitions/lifecycle/record-conditions.ts';
import { waitForTeardown } from '../transitions/guards/wait-for-teardown.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import { groupsLetIn } from './groups-let-in.ts';
import type { LookRequest } from './look.ts';
import { hostMembership } from './revoke-sessions.ts';

type LastLook = ConditionsFound['lastLook'];

/**
 * The last look before the commit point: every directory user ever linked, by id and by (directory,
 * `idp_id`), must answer inactive or 404 while its directory answers, or an admin must have approved the end
 * of that directory, and no resource may be left without an owner. Anything unclear means wait. Somebody whom
 * WorkOS calls active goes through the intake, so that a return whose events were all lost still counts; where
 * groups grant access, theirs are read afresh and decide.
 *
 * The time written down is the workflow's, from before the first question.
 */
export function createCheckConditions(deps: ActivityDeps) {
  return async (input: LookRequest & { generation: number }): Promise<void> => {
    const { collections } = deps.store;
    const membership = await collections.memberships.findOne({ _id: input.membershipId });
    if (membership === null || membership.generation !== input.generation) return;
    const mirrors = await collections.directoryUsers
      .find({ membershipId: membership._id })
      .toArray();
    const policy = await policyInForce(deps.store, deps.file, membership.organizationId);
    const { lastLook, missing } = await lookAtAll(deps, membership, mirrors, policy);
    const found = {
      generation: input.generation,
      at: new Date(input.nowMs),
      lastLook,
      ownedLeft: await countOwned(deps, membership),
      resourceHolds: await resourceHolds(deps, membership),
    };
    await recordConditions(deps.store, membership._id, found, isObserving(deps));
    if (missing !== null) await waitForTeardown(deps.store, membership, missing);
  };
}

async function countOwned(deps: ActivityDeps, membership: Membership): Promise<number> {
  if (deps.host === null) return 0;
  const owned = await deps.host.countOwned(await hostMembership(deps.store, membership));
  // What an observing Tenure would have handed over is still there, and is no obstacle.
  return Math.max(0, owned - (membership.observed?.handedOver ?? 0));
}

/**
 * Which holds on resources cover this person: the host application says whose the resource is now, and
 * Tenure's own notes whether it was theirs before it was handed over.
 */
async function resourceHolds(
  deps: ActivityDeps,
  membership: Membership,
): Promise<ConditionsFound['resourceHolds']> {
  const holds = await activeResourceHolds(deps.store);
  const covering: string[] = [];
  for (const { _id, scope } of holds) {
    const { resource } = scope;
    const owned = (await deps.host?.ownsResource(membership.userId, resource)) ?? false;
    if (owned || (await wasHandedOver(deps, membership, resource))) covering.push(_id);
  }
  return { checked: holds.map(({ _id }) => _id), covering };
}

async function wasHandedOver(
  { store, host }: ActivityDeps,
  membership: Membership,
  { kind, id }: { kind: string; id: string },
): Promise<boolean> {
  const resourceIds = host?.possibleResourceIds(id) ?? [id];
  const move = await store.collections.ownershipMoves.findOne({
    membershipId: membership._id,
    kind,
    resourceId: { $in: resourceIds },
  });
  return move !== null;
}

/** The worst answer of all counts: active before uncertain before gone. */
async function lookAtAll(
  deps: ActivityDeps,
  membership: Membership,
  mirrors: DirectoryUser[],
  policy: Policy,
): Promise<{ lastLook: LastLook; missing: string | null }> {
  if (mirrors.length === 0) return { lastLook: lookAtNobody(membership), missing: null };
  const answers: LastLook[] = [];
  for (const mirror of mirrors) answers.push(await lookAt(deps, membership, mirror, policy));
  const lastLook =
    (['active', 'uncertain', 'directoryGone'] as const).find((worst) => answers.includes(worst)) ??
    'gone';
  // The directory that nobody answers for any more.
  const missing = lastLook === 'directoryGone' ? mirrors[answers.indexOf(lastLook)] : undefined;
  return { lastLook, missing: missing?.directoryId ?? null };
}

/**
 * There is nobody to ask about somebody who never was in a directory, and that nothing answers "active"
 * proves nothing. An admin's approval of what ended their access is an answer.
 */
function lookAtNobody(membership: Membership): LastLook {
  return guardOf(membership)?.state === 'approved' ? 'gone' : 'directoryGone';
}

async function lookAt(
  deps: ActivityDeps,
  membership: Membership,
  mirror: DirectoryUser,
  policy: Policy,
): Promise<LastLook> {
  const { directoryLookup } = deps;
  if (directoryLookup === null) return 'uncertain';
  const directory = await directoryLookup.directory(mirror.directoryId);
  if (directory.answer === 'uncertain') return 'uncertain';
  // One that was unlinked or moved may still answer, but not for this organization.
  const { gone, approved } = await teardownOf(deps.store, membership, mirror.directoryId);
  if (gone || directory.answer === 'missing') return approved ? 'gone' : 'directoryGone';
  const askedAt = new Date();
  const lookups = [];
  for (const { id } of mirror.records) lookups.push(await directoryLookup.directoryUser(id));
  if (mirror.idpId !== undefined) {
    lookups.push(await directoryLookup.directoryUsersByIdpId(mirror.directoryId, mirror.idpId));
  }
  if (lookups.some(({ answer }) => answer === 'uncertain')) return 'uncertain';
  const people = lookups.flatMap(peopleIn);
  const tellings = people.map((person) => tellingOfAnswer(person, askedAt));
  // An answer that cannot be read is no answer.
  if (tellings.includes(null)) return 'uncertain';
  const answers: LastLook[] = [];
  for (const telling of tellings) {
    if (telling === null || !backs(telling, policy)) continue;
    answers.push(await takeInActive(deps, membership, telling, policy));
  }
  return (['active', 'uncertain'] as const).find((worst) => answers.includes(worst)) ?? 'gone';
}

/** Somebody whom WorkOS calls active is back, unless none of their groups lets them in. */
async function takeInActive(
  deps: ActivityDeps,
  { organizationId }: Membership,
  telling: UserTelling,
  policy: Policy,
): Promise<LastLook> {
  await takeInUser(deps.store, telling, deps);
  const { directoryId, record } = telling;
  const of = { organizationId, directoryId, directoryUserId: record.id };
  const are = await groupsLetIn(deps, policy, of);
  return are === 'yes' ? 'active' : are === 'no' ? 'gone' : 'uncertain';
}

/** Judged as an event would be: WorkOS calls somebody active whom an attribute of the policy has leaving. */
function backs({ directoryId, record }: UserTelling, policy: Policy): boolean {
  return backingOf({ directoryId, records: [record] }, policy) === 'backs';
}

function peopleIn(lookup: Lookup): unknown[] {
  if (lookup.answer !== 'found') return [];
  const { data } = lookup;
  const isList = typeof data === 'object' && data !== null && 'data' in data;
  return isList && Array.isArray(data.data) ? data.data : [data];
}
