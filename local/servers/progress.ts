import { isError } from '../supervisor/errors.ts';

/** A stopwatch for people: returns what to call for `3 s` or `4 min 10 s`. */
export function elapsed(): () => string {
  const start = performance.now();
  return () => {
    const seconds = Math.round((performance.now() - start) / 1000);
    return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  };
}

/**
 * Says what is being done, and every ten seconds that it is still being done: whoever waits four minutes
 * for a build must see that it is alive, on a terminal and in a CI log alike.
 */
export async function withProgress<T>(
  report: (line: string) => void,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const took = elapsed();
  report(`${what} ...`);
  const timer = setInterval(() => report(`${what} ... ${took()}`), 10_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/**
 * The reason in an error, on one line. The cause of a failed fetch says more than "fetch failed"; that of a
 * failed command only repeats it.
 */
export function reasonOf(error: unknown): string {
  if (!isError(error)) return String(error);
  const isTelling = isError(error.cause) && !('stderr' in error.cause);
  const cause = isTelling ? `: ${reasonOf(error.cause)}` : '';
  return `${error.message}${cause}`.replaceAll(/\s*\n\s*/g, ' | ').slice(0, 400);
}
