import { heartbeat } from '@temporalio/activity';

import type { HostApplication, OwnedResource } from '../connectors/host-application.ts';
import type { HandOverTime, Membership } from '../domain/membership.ts';
import { transferTime, type Policy } from '../domain/policy.ts';
import type { OwnershipMoveDocument } from '../platform/mongo/documents.ts';
import { recordTransferred } from '../transitions/lifecycle/record-transferred.ts';
import { policyInForce } from '../transitions/organization/policy-in-force.ts';
import { isObserving, type ActivityDeps } from './deps.ts';
import { findRecipient } from './find-recipient.ts';
import type { LookRequest } from './look.ts';
import { hostMembership } from './revoke-sessions.ts';
import { reassignMoved } from './reassign-moved.ts';

const batchSize = 100;

export interface TransferInput extends LookRequest {
  generation: number;
  time: HandOverTime | 'reassignment';
}

/**
 * Hands the resources of a leaver over: owner fields only, never creators or authors. Each batch is noted
 * down before it is written, so that a return can give back exactly what was taken, whatever crashed in
 * between. Idempotent: what has another owner already is left alone.
 */
export function createTransferOwnership(deps: ActivityDeps) {
  return async (input: TransferInput): Promise<void> => {
    const { store, host } = deps;
    const membership = await store.collections.memberships.findOne({ _id: input.membershipId });
    if (membership === null || membership.generation !== input.generation) return;
    const policy = await policyInForce(store, deps.file, membership.organizationId);
    const toUserId = input.time === 'reassignment' ? membership.reassign?.toUserId : undefined;
    let moved = 0;
    if (host !== null) moved = await handOver(deps, host, membership, policy, input);
    await recordTransferred(store, membership._id, {
      generation: input.generation,
      time: input.time,
      moved,
      observed: isObserving(deps),
      ...(toUserId === undefined ? {} : { toUserId }),
    });
  };
}

async function handOver(
  deps: ActivityDeps,
  host: HostApplication,
  membership: Membership,
  policy: Policy,
  { time }: TransferInput,
): Promise<number> {
  const { reassign, generation } = membership;
  const byWord = reassign !== null && reassign.generation === generation ? reassign : null;
  const kinds = host
    .resourceKinds()
    .filter(({ kind, critical }) =>
      time === 'reassignment'
        ? byWord !== null && (byWord.kinds?.includes(kind) ?? true)
        : transferTime(policy.ownership, critical) === time,
    )
    .map(({ kind }) => kind);
  if (kinds.length === 0) return 0;
  if (time === 'reassignment') {
    if (byWord === null) return 0;
    const again = await reassignMoved(deps.store, host, membership, kinds, byWord.toUserId);
    return again + (await moveAll(deps, host, membership, kinds, byWord.toUserId));
  }
  const to = await findRecipient(deps, host, membership, policy);
  return moveAll(deps, host, membership, kinds, to);
}

/** Batch by batch, with a heartbeat that carries how far it is. */
async function moveAll(
  deps: ActivityDeps,
  host: HostApplication,
  membership: Membership,
  kinds: string[],
  to: string,
): Promise<number> {
  const from = await hostMembership(deps.store, membership);
  let after: OwnedResource | null = null;
  let moved = 0;
  for (;;) {
    const resources = await host.ownedResources(from, { kinds }, { after, limit: batchSize });
    if (resources.length === 0) return moved;
    await noteMoves(deps, membership, resources, to);
    moved += await host.changeOwner({ resources, from: membership.userId, to });
    after = resources.at(-1) ?? null;
    heartbeat({ moved });
  }
}

async function noteMoves(
  deps: ActivityDeps,
  membership: Membership,
  resources: OwnedResource[],
  to: string,
): Promise<void> {
  const { _id, generation, userId } = membership;
  const at = new Date();
  await deps.store.collections.ownershipMoves.bulkWrite(
    resources.map(({ kind, resourceId }) => {
      const move: OwnershipMoveDocument = {
        _id: `${_id}/${generation}/${kind}/${resourceId}`,
        membershipId: _id,
        generation,
        kind,
        resourceId,
        fromOwner: userId,
        toOwner: to,
        at,
        ...(isObserving(deps) ? { observed: true as const } : {}),
      };
      return { replaceOne: { filter: { _id: move._id }, replacement: move, upsert: true } };
    }),
    { ordered: false },
  );
}
