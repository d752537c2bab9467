/**
 * What can be switched while the simulator runs, to make it as slow, strict or broken as the real thing can be.
 * Kept in memory only: a restart is healthy again.
 */
export interface Settings {
  /** How long a new event is held back from the Events API, in milliseconds. WorkOS holds some seconds. */
  visibilityDelayMs: number;
  /** Requests per second and directory on `/directory_users`; null: no limit. WorkOS allows 4. */
  directoryUsersPerSecond: number | null;
  /** Whether single sign-on tells a person's `idp_id` as their directory does, or one of its own. */
  ssoIdpIds: 'directory' | 'own';
  apiFaults: ApiFault[];
  deliveryFaults: DeliveryFault[];
}

/** A fault of the REST API: the first that matches a request is applied to it. */
export interface ApiFault {
  id: string;
  /** Absent: every method. */
  method?: string | undefined;
  /** A path, or a beginning of one followed by `*`. */
  path: string;
  /** Answer with this status instead of the real answer. */
  status?: number | undefined;
  /** Seconds for `Retry-After`, with `status`. */
  retryAfter?: number | undefined;
  /** Wait before going on. */
  delayMs?: number | undefined;
  /** Answer 200 with a body that is not JSON. */
  malformed?: boolean | undefined;
  /** Never answer. */
  hang?: boolean | undefined;
  /** Do what was asked, then answer this status: it happened, but the caller is told that it did not. */
  statusAfter?: number | undefined;
  /** How many more requests it meets; absent: all. */
  times?: number | undefined;
}

export const deliveryFaultKinds = ['duplicate', 'reorder', 'delay', 'drop'] as const;
export type DeliveryFaultKind = (typeof deliveryFaultKinds)[number];

/** How long `delay` and `reorder` take where nothing is said. */
export const defaultFaultMs = { delay: 1000, reorder: 300 } as const;

/** A fault on the way of a webhook. */
export interface DeliveryFault {
  kind: DeliveryFaultKind;
  /** `delay`: how long each event is held back. `reorder`: how long events are gathered before they go out backwards. */
  ms?: number | undefined;
  /** Only these event types; absent: all. */
  events?: string[] | undefined;
  /** How many more events it meets; absent: all. */
  times?: number | undefined;
}

/** A healthy environment without limits or delays. */
export function defaultSettings(): Settings {
  return {
    visibilityDelayMs: 0,
    directoryUsersPerSecond: null,
    ssoIdpIds: 'directory',
    apiFaults: [],
    deliveryFaults: [],
  };
}

/** Counts one use of a fault; one that is used up leaves the list. */
export function useFault<T extends { times?: number | undefined }>(faults: T[], fault: T): void {
  if (fault.times === undefined) return;
  fault.times -= 1;
  if (fault.times <= 0) faults.splice(faults.indexOf(fault), 1);
}
