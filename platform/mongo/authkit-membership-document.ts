/**
 * An organization membership of WorkOS user management that Tenure deactivated when somebody left, so that it
 * reactivates that one, and no other, when they are let in again. Written before WorkOS is asked: a crash in
 * between leaves a line too many, never one too few. Ids and times only; it goes with the person.
 */
export interface AuthkitMembershipDocument {
  /** WorkOS's id of the organization membership. */
  _id: string;
  /** Tenure's membership. */
  membershipId: string;
  deactivatedAt: Date;
  /**
   * The person was let in again, and WorkOS is to be told, not before this time; absent otherwise, so that a partial
   * index finds it.
   */
  reactivateSince?: Date;
  /** When WorkOS last refused to, since they were let in again. */
  refusedAt?: Date;
}
