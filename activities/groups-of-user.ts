import type { DirectoryListing, UserOf } from '../platform/workos/directory-listing.ts';
import type { DirectoryGroupData } from '../platform/workos/wire.ts';

/** All groups of one person, as of the first page that was asked for. */
export interface GroupsAnswer {
  groups: DirectoryGroupData[];
  /** Groups that are listed and cannot be read: whether they changed is not known. */
  unreadable: string[];
  asOfMs: number;
}

/**
 * Reads all groups of one person; those of another directory are left out, since no directory says that.
 *
 * @throws ListingFailed where one page could not be read: what is not read must not look like a group that was
 * left.
 */
export async function groupsOfUser(listing: DirectoryListing, of: UserOf): Promise<GroupsAnswer> {
  const groups: DirectoryGroupData[] = [];
  const unreadable: string[] = [];
  let first: number | null = null;
  for (let after: string | null = null; ;) {
    const page = await listing.groupsOfUser(of, after);
    first ??= page.asOfMs;
    unreadable.push(...page.unreadable.ids);
    groups.push(...page.items.filter((group) => group.directory_id === of.directoryId));
    if (page.after === null) return { groups, unreadable, asOfMs: first };
    after = page.after;
  }
}
