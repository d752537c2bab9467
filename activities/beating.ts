import { Context } from '@temporalio/activity';

/** So often within the heartbeat timeout of the activity, so that one late beat is no death. */
const beatsInTime = 4;
/** Where the profile of the activity names no heartbeat timeout. */
const defaultTimeoutMs = 10_000;

/**
 * Lets an activity beat for as long as its process lives, whatever it waits for: a slow host application or a
 * rate limit must not look like a death, and a worker that is killed must be noticed within seconds, since a
 * revocation waits for it. What hangs for ever is ended by the activity's start-to-close timeout.
 */
export function beating<A, R>(activity: (input: A) => Promise<R>): (input: A) => Promise<R> {
  return async (input) => {
    const context = Context.current();
    const { heartbeatTimeoutMs = 0 } = context.info;
    const timeoutMs = heartbeatTimeoutMs > 0 ? heartbeatTimeoutMs : defaultTimeoutMs;
    const timer = setInterval(() => context.heartbeat(), timeoutMs / beatsInTime);
    try {
      return await activity(input);
    } finally {
      clearInterval(timer);
    }
  };
}
