import type { EventValidator } from './event-schemas.ts';
import { createIdMaker } from './ids.ts';
import type { StoredEvent, WorldState } from './state.ts';

/** A request that the simulator refuses, with the HTTP status that the control API answers. */
export class SimulatorError extends Error {
  override readonly name = 'SimulatorError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** How a world tells the time and whom it tells about changes. */
export interface WorldOptions {
  state: WorldState;
  validate: EventValidator;
  /** Epoch milliseconds; tests give a clock of their own. */
  now?: () => number;
}

/**
 * The simulated environment. Changes are functions of a world (`people.ts`, `directories.ts`, ...); everything that
 * WorkOS would announce goes through `emit`, which is the only way to an event.
 */
export interface World {
  readonly state: WorldState;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The present as WorkOS writes it. */
  timestamp(): string;
  id(prefix: string): string;
  /**
   * Appends an event, after checking it against the official schema.
   * @throws EventSchemaError where WorkOS would not send such an event; the world is unchanged then
   */
  emit(event: string, data: Record<string, unknown>, organizationId: string | null): StoredEvent;
  /** Must be called after a change that emits nothing, so that it is written down too. */
  touch(): void;
  onEvent(listener: (event: StoredEvent) => void): void;
  onChange(listener: () => void): void;
}

/** Starts a world on a state, which it changes in place. */
export function createWorld(options: WorldOptions): World {
  const { state } = options;
  const now = options.now ?? Date.now;
  const ids = createIdMaker(now, state.lastId);
  const eventListeners: ((event: StoredEvent) => void)[] = [];
  const changeListeners: (() => void)[] = [];
  const world: World = {
    state,
    now,
    timestamp: () => new Date(now()).toISOString(),
    id(prefix) {
      const id = ids.next(prefix);
      state.lastId = ids.last;
      return id;
    },
    emit(event, data, organizationId) {
      const wire = {
        object: 'event' as const,
        id: world.id('event'),
        event,
        data,
        created_at: world.timestamp(),
        context: {},
      };
      options.validate(wire);
      // A copy, since a later change of the world must not rewrite what was announced.
      const stored = structuredClone({ organizationId, wire });
      state.events.push(stored);
      for (const listener of eventListeners) listener(stored);
      world.touch();
      return stored;
    },
    touch() {
      for (const listener of changeListeners) listener();
    },
    onEvent: (listener) => void eventListeners.push(listener),
    onChange: (listener) => void changeListeners.push(listener),
  };
  return world;
}
