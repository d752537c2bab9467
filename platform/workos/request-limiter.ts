import { setTimeout as sleep } from 'node:timers/promises';

/** Lets requests through in turn, at most so many a second for each key. */
export interface RequestLimiter {
  /** Resolves when it is this caller's turn; first come, first served. */
  turn(key: string): Promise<void>;
  /** Nobody's turn comes before `ms` milliseconds have passed: the other side said so. */
  hold(key: string, ms: number): void;
}

/** What the server counts may arrive closer together than it was sent. */
const slackMs = 25;

interface Queue {
  last: Promise<void>;
  /** When the last turns began: as many as may begin within a second. */
  turns: number[];
  notBefore: number;
}

/**
 * A limiter of this process: `perSecond` turns within any second and for each key. Several processes do not
 * know of each other; the other side's 429 settles that, through {@link RequestLimiter.hold}.
 */
export function createRequestLimiter(perSecond: number): RequestLimiter {
  const queues = new Map<string, Queue>();
  const queueOf = (key: string): Queue => {
    const queue = queues.get(key) ?? { last: Promise.resolve(), turns: [], notBefore: 0 };
    queues.set(key, queue);
    return queue;
  };
  return {
    async turn(key) {
      const queue = queueOf(key);
      const mine = queue.last.then(async () => begin(queue, perSecond));
      queue.last = mine;
      return mine;
    },
    hold(key, ms) {
      const queue = queueOf(key);
      queue.notBefore = Math.max(queue.notBefore, Date.now() + ms);
    },
  };
}

async function begin(queue: Queue, perSecond: number): Promise<void> {
  for (;;) {
    const oldest = queue.turns.at(-perSecond) ?? Number.NEGATIVE_INFINITY;
    const waitMs = Math.max(oldest + 1000 + slackMs, queue.notBefore) - Date.now();
    if (waitMs <= 0) break;
    await sleep(waitMs);
  }
  queue.turns.push(Date.now());
  if (queue.turns.length > perSecond) queue.turns.shift();
}
