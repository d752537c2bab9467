import { CancelledFailure } from '@temporalio/activity';

import { concernsStore } from '../platform/mongo/transaction.ts';
import { ListingFailed } from '../platform/workos/listing-failed.ts';

/**
 * Takes in one thing of a comparison. What is wrong with this very one is told to `failed`, and it counts as
 * unreadable: one person who cannot be taken in must not keep every absence of their directory from being
 * found, day after day.
 *
 * @throws whatever concerns everybody: MongoDB or WorkOS that does not answer, and the end of the worker.
 *   Trying again later helps there.
 */
export async function takeInOrNote<T>(
  failed: (error: unknown) => void,
  take: () => Promise<T>,
): Promise<T | 'unreadable'> {
  try {
    return await take();
  } catch (error) {
    if (concernsEverybody(error)) throw error;
    failed(error);
    return 'unreadable';
  }
}

function concernsEverybody(error: unknown): boolean {
  if (error instanceof ListingFailed || error instanceof CancelledFailure) return true;
  return concernsStore(error);
}
