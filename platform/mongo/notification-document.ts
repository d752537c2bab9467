import type {
  NotificationData,
  NotificationFailure,
  NotificationState,
  NotificationType,
} from '../../domain/notifications.ts';

/**
 * One notification to one endpoint. Written in the transaction that changes the membership, so that none is
 * lost and none is told of what did not happen. Ids, enums, counts and times only.
 */
export interface NotificationDocument {
  /** Also the `webhook-id`: the same at every try. */
  _id: string;
  /** The endpoint's id in the host file. */
  endpoint: string;
  type: NotificationType;
  userId: string;
  organizationId: string;
  membershipId: string;
  /** The host application's own id of a user who is forgotten: nothing else has it any more. Until it is delivered. */
  hostUserId?: string;
  /** Rises with everything that is told of a user, in the order in which it was committed. */
  sequence: number;
  at: Date;
  data: NotificationData;
  state: NotificationState;
  attempts: number;
  attemptedAt: Date | null;
  /** Why the last try came to nothing, and the HTTP status that came back, if one did. */
  failure: NotificationFailure | null;
  status: number | null;
  /** Not tried before; null: at once. */
  nextAt: Date | null;
  /** A try in vain after this time was the last one. */
  giveUpAt: Date;
  /** When a chore begins the delivery, should nobody have begun it; absent where nothing is pending. */
  wakeAt?: Date;
  deliveredAt: Date | null;
  /** An admin had it tried once more. */
  replayed?: { by: string; at: Date; reasonId: string | null };
  /** When MongoDB removes it; absent while it is pending. */
  expiresAt?: Date;
}
