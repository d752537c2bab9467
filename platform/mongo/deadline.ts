/** Thrown when the store could not be reached or could not commit in time: the caller answers 503. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/**
 * Waits for MongoDB no longer than `timeoutMs`. The driver's own `timeoutMS` has no effect any more (since 7.9), and
 * on a connection that is cut without a word it waits for 40 s and more. What comes later is nobody's concern: it
 * may still be done, so only what may be repeated is waited for in this way.
 *
 * @throws StoreUnavailable
 */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new StoreUnavailable('MongoDB did not answer in time.'));
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
