import { MongoError } from 'mongodb';

/** Whether MongoDB refused a document because a unique index holds its key already (code 11000). */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoError && error.code === 11000;
}

/** How often it is tried: each time somebody else may have made another document that is needed. */
const maxTries = 5;

/**
 * Does `work` again where it made a person, an organization or a directory that somebody else made first, which a
 * unique index refuses: the next try finds it there. After five tries the refusal is thrown on, as is every other
 * error at once.
 *
 * @param work whole transactions, since a refused write ends the one that it is part of
 */
export async function repeatOnDuplicateKey<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isDuplicateKey(error) || tries === maxTries) throw error;
    }
  }
}
