/** Thrown where MongoDB did not answer in time. */
export class GateTimeout extends Error {
  override readonly name = 'GateTimeout';
}

/**
 * Waits for `work` no longer than `timeoutMs`. The driver's own `timeoutMS` has no effect any more (since 7.9), and
 * without a deadline a read on a connection that is cut waits for 40 s: nobody would be denied, only kept waiting.
 *
 * @param work is told by the signal when nobody waits for it any more; a driver that ignores signals changes nothing
 * @throws GateTimeout
 */
export async function within<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const error = new GateTimeout('MongoDB did not answer in time.');
      reject(error);
      controller.abort(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
