import type { Filter } from 'mongodb';

import { Refusal } from '../../domain/errors.ts';
import type { Membership } from '../../domain/membership.ts';
import { findSubject, type RevocationSubject } from '../../domain/revocation-subject.ts';
import type { GateDocument } from '../../platform/mongo/documents.ts';
import type { Store, Transaction } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { demandRevocation } from '../membership/access-facts.ts';
import { changeMembership } from '../membership/change-membership.ts';

/** A request to end everything that a person holds, without putting them out. */
export interface RevocationRequest {
  subject: RevocationSubject;
  /** Only in this organization; null: wherever they are. */
  organizationId: string | null;
  /** As everything that is written down names who asked. */
  actor: string;
  receivedAt: Date;
}

/**
 * Ends every session, token and key of one person, who may sign in again afterwards. Access closes in this
 * transaction, since the gate tells people apart and not their sessions: else a stolen one would be let in
 * until it is found. The lifecycle revokes everything, reads it back, and opens again whoever may be in. Who is
 * out already stays out, and is revoked once more. Creates nobody.
 *
 * @returns the memberships as written, at least one
 * @throws Refusal `notFound` where nobody is meant, `ambiguousSubject` where it may be several users.
 */
export async function revokeSubject(
  store: Store,
  request: RevocationRequest,
): Promise<Membership[]> {
  return inTransaction(store, async (tx) => {
    const userId = await userOf(tx, request);
    const { organizationId } = request;
    const ids = await tx.collections.memberships
      .find(
        { userId, erasure: null, ...(organizationId === null ? {} : { organizationId }) },
        { session: tx.session, projection: { _id: 1 } },
      )
      .sort({ _id: 1 })
      .toArray();
    const written: Membership[] = [];
    for (const { _id } of ids) {
      const membership = await revokeMembership(tx, _id, request);
      if (membership !== null) written.push(membership);
    }
    if (written.length === 0) throw nobody();
    return written;
  });
}

async function revokeMembership(
  tx: Transaction,
  membershipId: string,
  { actor, receivedAt }: RevocationRequest,
): Promise<Membership | null> {
  return changeMembership(tx, membershipId, { actor }, (membership, note) => {
    const isPending = membership.revokedClosings < membership.closings;
    // Repeated requests must not put off the alarm of a revocation that does not come to its end.
    const since = isPending ? membership.closedReceivedAt : null;
    demandRevocation(membership, 'tokenRevoked', tx.at, since ?? receivedAt);
    if (membership.access.state === 'open') {
      membership.access = { state: 'closed', reason: 'opening' };
      membership.phase = 'joining';
    }
    note('revocationDemanded');
  });
}

async function userOf(
  tx: Transaction,
  { subject, organizationId }: RevocationRequest,
): Promise<string> {
  const { gate } = tx.collections;
  const { session } = tx;
  const there = organizationId === null ? {} : { organizationId };
  const entries = await gate.find({ ...identity(subject), ...there }, { session }).toArray();
  const subjectFound = findSubject(subject, entries);
  if (subjectFound.found === 'user') return subjectFound.userId;
  if (subjectFound.found === 'unknown') throw nobody();
  throw new Refusal(
    'ambiguousSubject',
    'Several users are meant. Name the organization, or the user by id.',
  );
}

function identity(subject: RevocationSubject): Filter<GateDocument> {
  switch (subject.format) {
    case 'opaque':
      return { userIds: subject.id };
    case 'iss_sub':
      return { idpIds: subject.sub };
    case 'email':
      return { emails: subject.emailKey };
  }
}

function nobody(): Refusal {
  return new Refusal('notFound', 'There is no such user.');
}
