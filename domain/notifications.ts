import { guardOf, hasLeft, isCommitted, isRetained, type Membership } from './membership.ts';

/**
 * What the host application can be told of, in the order in which it is told where one change is several of
 * them. A notification holds ids, enums, counts and times; whoever wants the person's data asks the API.
 */
export const notificationTypes = [
  'user.provisioned',
  'user.updated',
  'access.opened',
  'roles.changed',
  'access.closed',
  'sessions.revoked',
  'revocation.overdue',
  'ownership.transferred',
  'deletion.cancelled',
  'deletion.scheduled',
  'deletion.due_soon',
  'user.anonymized',
] as const;
export type NotificationType = (typeof notificationTypes)[number];

/** An address of the host application that is told. */
export interface NotificationEndpoint {
  /** Unique in the host file; stays the same when the address changes. */
  id: string;
  url: string;
  events: readonly NotificationType[];
  /** The environment variable with the secrets that sign: several, comma separated, during rotation. */
  secretEnv: string;
  /** Whether the address may be a private one: loopback, link-local, an internal network. */
  allowPrivate: boolean;
}

/** `delivered`: a 2xx came back. `dead`: it is not tried any more, until an admin replays it. */
export const notificationStates = ['pending', 'delivered', 'dead'] as const;
export type NotificationState = (typeof notificationStates)[number];

/**
 * Why the last try came to nothing.
 *
 * - `privateAddress`, `unreachable`, `timeout`, `tooLarge`: no whole answer arrived.
 * - `refused`: an answer that is no 2xx; a redirect is one of them, since none is followed.
 * - `gone`: 410, the endpoint wants no more of it. It is not tried again.
 * - `endpointUnknown`: the host file of the worker names no endpoint with this id.
 */
export type NotificationFailure =
  | 'privateAddress'
  | 'unreachable'
  | 'timeout'
  | 'tooLarge'
  | 'refused'
  | 'gone'
  | 'endpointUnknown';

export type NotificationData = Record<string, string | number | boolean | null>;

/** One notification, before it is known who is told. */
export interface Told {
  type: NotificationType;
  data: NotificationData;
}

/** A line of the timeline, as far as it decides on notifications. */
interface Line {
  type: string;
  detail: NotificationData;
}

type Before = Pick<
  Membership,
  'access' | 'roles' | 'permissions' | 'features' | 'projection' | 'revokedClosings'
> &
  Parameters<typeof countsDownTo>[0];

/**
 * What one change of a membership tells the host application: mostly the difference between before and after,
 * so that no transition can forget it; the rest by the lines that the change writes into the timeline.
 */
export function notificationsOf(
  before: Before,
  membership: Membership,
  lines: readonly Line[],
): Told[] {
  const state = { access: membership.access.state, status: membership.status };
  const told: Told[] = [
    ...accessChange(before, membership),
    ...countdownChange(before, membership),
    ...revoked(before, membership),
    ...lines.flatMap((line) => ofLine(line, membership)),
  ];
  const access = told.some(({ type }) => type === 'access.opened' || type === 'access.closed');
  const isKnown = before.projection.done > 0;
  // A change of access says the new status too, and who is not provisioned yet comes with everything.
  if (isKnown && !access && membership.projection.wanted > before.projection.wanted) {
    told.push({ type: 'user.updated', data: state });
  }
  const isOpen = before.access.state === 'open' && membership.access.state === 'open';
  if (isOpen && grantsOf(before) !== grantsOf(membership)) {
    told.push({ type: 'roles.changed', data: {} });
  }
  return told.toSorted(
    (a, b) => notificationTypes.indexOf(a.type) - notificationTypes.indexOf(b.type),
  );
}

function accessChange(before: Before, { access, status }: Membership): Told[] {
  if (before.access.state === access.state) return [];
  const type = access.state === 'open' ? 'access.opened' : 'access.closed';
  return [{ type, data: { reason: access.reason, status } }];
}

/** The names that somebody has, whatever gave them: a role that comes from two sources is one. */
function grantsOf({ roles, permissions, features }: Before): string {
  const names = new Set(roles.map(({ role }) => role));
  return JSON.stringify(
    [[...names], permissions, features].map((part) => [...new Set(part)].toSorted()),
  );
}

function revoked(before: Before, { revokedClosings }: Membership): Told[] {
  if (revokedClosings <= before.revokedClosings) return [];
  return [{ type: 'sessions.revoked', data: { closing: revokedClosings } }];
}

function countdownChange(before: Before, membership: Membership): Told[] {
  const dueAt = countsDownTo(membership);
  const formerly = countsDownTo(before);
  if (dueAt?.getTime() === formerly?.getTime()) return [];
  const { generation } = membership;
  if (dueAt !== null) {
    return [{ type: 'deletion.scheduled', data: { dueAt: dueAt.toISOString(), generation } }];
  }
  if (isCommitted(membership)) return [];
  return [{ type: 'deletion.cancelled', data: { reason: whyNot(membership), generation } }];
}

/**
 * When somebody who left falls due; null where nothing counts down. A leaving that was not counted at the guard
 * yet, or waits there, counts nothing down: a thousand deletions must not be announced that an admin rejects.
 */
function countsDownTo(
  membership: Pick<
    Membership,
    'backed' | 'generation' | 'readmitted' | 'retained' | 'guard' | 'dueAt' | 'erasure'
  >,
): Date | null {
  const guard = guardOf(membership);
  const isCounted = guard !== null && guard.state !== 'waits';
  const counts = hasLeft(membership) && !isRetained(membership) && !isCommitted(membership);
  return isCounted && counts ? membership.dueAt : null;
}

function whyNot(membership: Membership): 'returned' | 'cancelled' | 'guard' {
  if (!hasLeft(membership)) return 'returned';
  return isRetained(membership) ? 'cancelled' : 'guard';
}

function ofLine({ type, detail }: Line, membership: Membership): Told[] {
  const { generation, closings, status, access } = membership;
  switch (type) {
    case 'provisioned':
    // Whoever joined while Tenure only observed was never told of.
    case 'wentLive':
      return [{ type: 'user.provisioned', data: { access: access.state, status } }];
    case 'revocationOverdue':
      return [
        { type: 'revocation.overdue', data: { closing: closings, kinds: detail['kinds'] ?? null } },
      ];
    case 'ownershipTransferred':
      if (detail['moved'] === 0) return [];
      return [{ type: 'ownership.transferred', data: { moved: detail['moved'] ?? null } }];
    case 'deletionDueSoon':
      return [{ type: 'deletion.due_soon', data: { dueAt: detail['dueAt'] ?? null, generation } }];
    case 'anonymized': {
      const { outcome, erasure } = membership;
      const wholeUser = erasure?.wholeUser ?? false;
      return [{ type: 'user.anonymized', data: { outcome, wholeUser } }];
    }
    default:
      return [];
  }
}

/** How long a notification is tried, milliseconds: three days. */
export const triedForMs = 3 * 24 * 60 * 60 * 1000;
const firstPauseMs = 5_000;
const longestPauseMs = 60 * 60 * 1000;

/**
 * The pause after so many tries in vain: five seconds, then three times as long each time, an hour at most. Or
 * what the other side asks for, up to that hour.
 */
export function pauseAfter(attempts: number, retryAfterMs: number | null): number {
  const pauseMs = Math.min(firstPauseMs * 3 ** Math.min(attempts - 1, 20), longestPauseMs);
  return Math.min(Math.max(pauseMs, retryAfterMs ?? 0), longestPauseMs);
}

export const deliveryWorkflowType = 'deliverNotifications';
export const deliverySignalName = 'deliverNow';

/** One run delivers to one user's endpoints, so that theirs stay in order and nobody else waits for them. */
export function deliveryWorkflowId(userId: string): string {
  return `notify/${userId}`;
}

export interface DeliveryInput {
  userId: string;
}
