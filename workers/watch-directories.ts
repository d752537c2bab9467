import { takeInDirectoryState } from '../intake/take-in-directory-state.ts';
import type { DirectoryDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';
import type { AskDirectoryState } from '../platform/workos/directory-states.ts';

export interface WatchOptions {
  store: Store;
  ask: AskDirectoryState;
  /** How often each directory is asked about, milliseconds. */
  everyMs: number;
  /** Called for each directory whose state changed. */
  onChange: (directoryId: string, state: string) => void;
}

/**
 * Asks WorkOS for the state of every directory from time to time: a sync that died (broken credentials, an
 * unlinked directory) is silent, and its leavers would keep their access for ever. Of several workers one
 * asks about each directory. Returns whether one was asked about, so that the next one follows at once.
 */
export async function watchDirectories(options: WatchOptions): Promise<boolean> {
  const { store, ask } = options;
  const askedAt = new Date();
  const directory = await claim(store, askedAt, options.everyMs);
  if (directory === null) return false;
  const answer = await ask(directory._id);
  if (answer === 'uncertain') return true;
  const state = await takeInDirectoryState(store, directory._id, answer, askedAt);
  if (state !== null) options.onChange(directory._id, state);
  return true;
}

async function claim(
  store: Store,
  at: Date,
  everyMs: number,
): Promise<Pick<DirectoryDocument, '_id'> | null> {
  return store.collections.directories.findOneAndUpdate(
    {
      deletedAt: null,
      $or: [{ checkedAt: null }, { checkedAt: { $lte: new Date(at.getTime() - everyMs) } }],
    },
    { $set: { checkedAt: at } },
    { sort: { checkedAt: 1 }, projection: { _id: 1 } },
  );
}
