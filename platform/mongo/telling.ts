import type { NotificationEndpoint, NotificationType } from '../../domain/notifications.ts';

/** Who is told of changes, and how the telling begins. A store has one, since every transaction may tell. */
export interface Telling {
  /** The ids of the endpoints that asked for it; what nobody asked for is not even written down. */
  endpointsFor(type: NotificationType): readonly string[];
  /** Begins delivery to these users' endpoints after the commit. Never throws nor waits. */
  wake(userIds: readonly string[]): void;
}

/** The store of a program that tells nobody: none is configured, or Tenure only observes. */
export const tellNobody: Telling = { endpointsFor: () => [], wake: () => undefined };

/** @param delivery how it begins; what fails in it is begun by a chore of the workers */
export function tellEndpoints(
  endpoints: readonly NotificationEndpoint[],
  delivery: Pick<Telling, 'wake'>,
): Telling {
  return {
    endpointsFor: (type) =>
      endpoints.filter(({ events }) => events.includes(type)).map(({ id }) => id),
    wake: (userIds) => delivery.wake(userIds),
  };
}
