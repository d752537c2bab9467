import { backingOf, type DirectoryUser } from '../domain/directory-user.ts';
import type { ConditionsFound, Membership } from '../domain/membership.ts';
import type { Policy } from '../domain/policy.ts';
import type { UserTelling } from '../intake/telling.ts';
import type { Lookup } from '../platform/workos/directory-lookup.ts';
import { takeInListing, tellingOfListing } from '../intake/take-in-listing.ts';
import { activeResourceHolds } from '../transitions/active-holds.ts';
import { policyInForce } from '../transitions/policy-in-force.ts';
import { recordConditions } from '../transitions/record-conditions.ts';
import type { ActivityDeps } from './deps.ts';
import type { LookRequest } from './look.ts';
import { hostMembership } from './revoke-sessions.ts';

type LastLook = ConditionsFound['lastLook'];

/**
 * The last look before the commit point: every directory user ever linked, by id and by (directory,
 * `idp_id`), must answer inactive or 404 while its directory answers, and no resource may be left without
 * an owner. Anything unclear means wait. Somebody whom WorkOS calls active goes through the intake, so
 * that a return whose events were all lost still counts.
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
    const lastLook = await lookAtAll(deps, mirrors, policy);
    await recordConditions(deps.store, membership._id, {
      generation: input.generation,
      at: new Date(input.nowMs),
      lastLook,
      ownedLeft: await countOwned(deps, membership),
      resourceHolds: await resourceHolds(deps, membership),
    });
  };
}

async function countOwned(deps: ActivityDeps, membership: Membership): Promise<number> {
  if (deps.host === null) return 0;
  return deps.host.countOwned(await hostMembership(deps.store, membership));
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
  mirrors: DirectoryUser[],
  policy: Policy,
): Promise<LastLook> {
  // Nobody to ask about: that nothing answers "active" proves nothing.
  if (mirrors.length === 0) return 'directoryGone';
  const answers: LastLook[] = [];
  for (const mirror of mirrors) answers.push(await lookAt(deps, mirror, policy));
  for (const worst of ['active', 'uncertain', 'directoryGone'] as const) {
    if (answers.includes(worst)) return worst;
  }
  return 'gone';
}

async function lookAt(
  deps: ActivityDeps,
  mirror: DirectoryUser,
  policy: Policy,
): Promise<LastLook> {
  const { directoryLookup } = deps;
  if (directoryLookup === null) return 'uncertain';
  const directory = await directoryLookup.directory(mirror.directoryId);
  if (directory.answer === 'missing') return 'directoryGone';
  if (directory.answer === 'uncertain') return 'uncertain';
  const askedAt = new Date();
  const lookups = [];
  for (const { id } of mirror.records) lookups.push(await directoryLookup.directoryUser(id));
  if (mirror.idpId !== undefined) {
    lookups.push(await directoryLookup.directoryUsersByIdpId(mirror.directoryId, mirror.idpId));
  }
  if (lookups.some(({ answer }) => answer === 'uncertain')) return 'uncertain';
  const people = lookups.flatMap(peopleIn);
  const tellings = people.map((person) => tellingOfListing(person, askedAt));
  // An answer that cannot be read is no answer.
  if (tellings.includes(null)) return 'uncertain';
  const back = tellings.filter((telling) => telling !== null && backs(telling, policy));
  for (const telling of back) {
    if (telling !== null) await takeInListing(deps.store, telling, askedAt, deps);
  }
  return back.length > 0 ? 'active' : 'gone';
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
