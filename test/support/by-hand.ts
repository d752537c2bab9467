import type { Membership } from '../../domain/membership.ts';
import type { Step } from '../../domain/next-step.ts';
import type { HostFile } from '../../domain/host-file.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import type { PolicyDefaults } from '../../domain/host-file.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { commitErasure } from '../../transitions/erasure/commit-erasure.ts';
import { completeErasure } from '../../transitions/erasure/complete-erasure.ts';
import { forgetPerson } from '../../transitions/erasure/forget-person.ts';
import { openMembership } from '../../transitions/membership/open-membership.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import { activeResourceHolds } from '../../transitions/holds/active-holds.ts';
import { recordGuardPassed } from '../../transitions/guards/record-guard-passed.ts';
import { recordReadAfresh } from '../../transitions/lifecycle/record-read-afresh.ts';
import { recordRoleLossAnswered } from '../../transitions/lifecycle/record-role-loss-answered.ts';
import { widenMembership } from '../../transitions/membership/widen-membership.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import { newId } from '../../platform/ids.ts';
import { recordLook, type Look } from '../../transitions/lifecycle/record-look.ts';
import { recordConditions } from '../../transitions/lifecycle/record-conditions.ts';
import { recordGivenBack } from '../../transitions/lifecycle/record-given-back.ts';
import { recordProjected } from '../../transitions/lifecycle/record-projected.ts';
import { recordRevoked } from '../../transitions/lifecycle/record-revoked.ts';
import { recordReminded } from '../../transitions/lifecycle/record-reminded.ts';
import { recordTransferred } from '../../transitions/lifecycle/record-transferred.ts';

/** Tenure's store and host file, as far as a lifecycle driven by hand needs them. */
export interface ByHand {
  store: Store;
  file: HostFile;
}

/** The membership behind a directory user; fails if there is none. */
export async function membershipOf(
  { store }: ByHand,
  directoryUserId: string,
): Promise<Membership> {
  const mirror = await store.collections.directoryUsers.findOne({ 'records.id': directoryUserId });
  if (mirror?.membershipId == null) throw new Error(`${directoryUserId} has no membership.`);
  return membershipById({ store }, mirror.membershipId);
}

export async function membershipById(
  { store }: Pick<ByHand, 'store'>,
  id: string,
): Promise<Membership> {
  const found = await store.collections.memberships.findOne({ _id: id });
  if (found === null) throw new Error(`There is no membership ${id}.`);
  return found;
}

/**
 * Runs the lifecycle without Temporal, with the real transitions and a host application that has nothing,
 * until it rests or waits, or `stopAt` says so. Returns the last look.
 */
export async function drive(
  tenure: ByHand,
  membershipId: string,
  options: { nowMs?: number; stopAt?: Step['do'] } = {},
): Promise<Look> {
  const nowMs = options.nowMs ?? Date.now();
  for (let steps = 0; steps < 30; steps += 1) {
    const seen = await recordLook(tenure.store, tenure.file, membershipId, nowMs);
    if (seen === null) throw new Error('The membership does not exist.');
    if (seen.step.do === options.stopAt) return seen;
    if (seen.step.do === 'rest' || seen.step.do === 'coolOff') return seen;
    await perform(tenure, membershipId, seen, nowMs);
  }
  throw new Error('The lifecycle neither rests nor waits.');
}

async function perform(
  { store, file }: ByHand,
  membershipId: string,
  { step, generation, revision }: Look,
  nowMs: number,
): Promise<void> {
  const membership = await membershipById({ store }, membershipId);
  switch (step.do) {
    case 'revoke':
      await recordRevoked(store, file, membershipId, {
        closing: step.closing,
        outcomes: file.sessions.map(({ kind }) => {
          return { kind, outcome: 'verifiedEmpty', revoked: 0, at: new Date() };
        }),
      });
      return;
    case 'project':
      await recordProjected(store, membershipId, membership.projection.wanted);
      return;
    case 'readAfresh':
      await recordReadAfresh(store, membershipId, membership.readAfresh.wanted);
      return;
    case 'answerRoleLoss':
      await recordRoleLossAnswered(store, membershipId, {
        narrowings: membership.narrowings,
        revoked: 0,
        refreshed: 0,
      });
      return;
    case 'widen':
      await widenMembership(store, membershipId, revision);
      return;
    case 'checkGuard':
      await recordGuardPassed(store, membershipId, generation);
      return;
    case 'giveBack':
      await recordGivenBack(store, membershipId, 0);
      return;
    case 'open':
      await openMembership(store, membershipId, revision);
      return;
    case 'transfer': {
      const toUserId = membership.reassign?.toUserId;
      const handOver = { generation, time: step.time, moved: 0 };
      await recordTransferred(store, membershipId, {
        ...handOver,
        ...(toUserId === undefined ? {} : { toUserId }),
      });
      return;
    }
    case 'checkConditions': {
      const holds = await activeResourceHolds(store);
      const ids = holds.map(({ _id }) => _id);
      await recordConditions(store, membershipId, {
        generation,
        at: new Date(nowMs),
        lastLook: 'gone',
        ownedLeft: 0,
        resourceHolds: { checked: ids, covering: ids },
      });
      return;
    }
    case 'remind':
      await recordReminded(store, membershipId, generation);
      return;
    case 'commit':
      await commitErasure(store, file, { membershipId, revision, generation, nowMs });
      return;
    case 'erase':
      if (membership.erasure === null) throw new Error('Erases before the commit.');
      await forgetPerson(store, membership, membership.erasure);
      await completeErasure(store, membershipId, { counts: {}, outcome: 'anonymized' });
      return;
    case 'rest':
    case 'coolOff':
  }
}

/** Makes an organization a sandbox, whose cooling-off is a second. */
export async function sandbox(
  { store }: Pick<ByHand, 'store'>,
  organizationId: string,
  policy: PolicyDefaults = {},
): Promise<void> {
  await putPolicy(store, organizationId, {
    policy: {
      ...resolvePolicy(null, { deletionAllowed: true, ...policy }),
      sandbox: true,
      sandboxCoolingOffSeconds: 1,
    },
  });
}

/** Judges everybody whom a changed fact about their organization has not reached yet. Returns the batches. */
export async function spread({ store, file }: ByHand): Promise<number> {
  let batches = 0;
  while (await spreadFacts(store, { file, newUserId: () => newId('user') })) batches += 1;
  return batches;
}

/** Later than any cooling-off of a sandbox. */
export function afterCoolingOff(): number {
  return Date.now() + 60_000;
}
