import type { DirectoryDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';
import { inTransaction } from '../platform/mongo/transaction.ts';
import type { DirectoryState } from '../platform/workos/directory-states.ts';
import { changeDirectory } from '../transitions/organization/change-directory.ts';
import { notice } from '../transitions/notice.ts';

/**
 * Takes in the state of a directory as WorkOS answered it to a question asked at `askedAt`. Broken
 * credentials and a validation alert and change nothing: its people are still in it. An unlinked directory
 * ends the backing of its people by the guarded path. One that WorkOS does not know alerts and changes
 * nothing either: a deletion is told by an event, and the key of another environment would look the same.
 *
 * @param isCompared everybody in it was just compared, so that a full comparison is not asked for
 * @returns the new state where it changed, else null
 */
export async function takeInDirectoryState(
  store: Store,
  directoryId: string,
  answer: DirectoryState | 'missing',
  askedAt: Date,
  { isCompared = false }: { isCompared?: boolean } = {},
): Promise<string | null> {
  return inTransaction(store, async (tx) => {
    const known = await tx.collections.directories.findOne(
      { _id: directoryId },
      { session: tx.session },
    );
    // An event that is younger than the question knows better.
    if (known === null || known.deletedAt !== null || known.eventAtMs > askedAt.getTime()) {
      return null;
    }
    const next = after(known, answer, { at: tx.at, isCompared });
    if (next.state === known.state) return null;
    await changeDirectory(tx, known, next);
    const { organizationId } = known;
    await notice(tx, 'directoryState', { organizationId, directoryId, subjectId: next.state });
    return next.state;
  });
}

function after(
  known: DirectoryDocument,
  answer: DirectoryState | 'missing',
  { at, isCompared }: { at: Date; isCompared: boolean },
): DirectoryDocument {
  switch (answer) {
    case 'unlinked':
      return { ...known, state: 'unlinked', unlinkedAt: known.unlinkedAt ?? at };
    case 'linked': {
      if (known.state === 'active') return known;
      const linked = { ...known, state: 'active', unlinkedAt: null } as const;
      // Whoever changed while nobody was told is found by a full comparison.
      return isCompared ? linked : { ...linked, reconcileWantedAt: at };
    }
    case 'validating':
    case 'invalid_credentials':
    case 'deleting':
    case 'missing':
      return { ...known, state: answer };
  }
}
