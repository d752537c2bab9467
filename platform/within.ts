/**
 * Waits for `work` no longer than `ms` milliseconds; a negative time counts as none. What comes later is
 * nobody's concern, and its late failure is no unhandled one. It may still be done, so only what may be repeated is
 * waited for in this way.
 *
 * @param late makes the error that is thrown in place of an answer that is late
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(0, ms));
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
