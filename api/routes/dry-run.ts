import type { Filter } from 'mongodb';
import { z } from 'zod';

import { Refusal } from '../../domain/errors.ts';
import type { Membership } from '../../domain/membership.ts';
import { directorySyncStates } from '../../domain/policy.ts';
import { statuses } from '../../domain/words.ts';
import type { Store } from '../../platform/mongo/store.ts';
import {
  firstListing,
  linkedIn,
  recordDryRun,
  whoLosesAccess,
} from '../../transitions/organization/dry-run.ts';
import { withoutDirectoryIn } from '../../transitions/membership/without-directory.ts';
import { id, time, timeText } from '../fields.ts';
import { afterId, pageById, pageQuery, type IdAfter } from '../paging.ts';
import { defineRoute, noBody, oneId } from '../route.ts';
import { nameOf } from '../shapes/user.ts';

const lists = ['losesAccess', 'linked', 'ambiguous'] as const;

const person = z
  .strictObject({
    membershipId: id,
    userId: id,
    email: z.nullable(z.string()),
    name: z.nullable(z.string()),
    status: z.enum(statuses),
  })
  .meta({ id: 'DryRunPerson' });

const request = z
  .strictObject({ linkRequestId: id, directoryUserId: id, candidateUserIds: z.array(id) })
  .meta({ id: 'DryRunLinkRequest' });

const dryRun = z
  .strictObject({
    organizationId: id,
    directorySync: z.enum(directorySyncStates),
    readAt: time,
    listing: z
      .strictObject({
        finished: z.boolean(),
        directories: z.array(z.strictObject({ id, state: z.string(), listedAt: z.nullable(time) })),
      })
      .meta({ description: 'Whether every connected directory was read as a whole, and when.' }),
    counts: z.strictObject({ losesAccess: z.int(), linked: z.int(), ambiguous: z.int() }),
    list: z.enum(lists),
    data: z.array(z.union([person, request])),
    next: z.nullable(z.string()),
  })
  .meta({ id: 'DryRun' });

type DryRunEntry = z.input<typeof dryRun>['data'][number];
type Page = { data: DryRunEntry[]; next: string | null };

/** `GET /v1/organizations/{id}/dry-run`: what `directorySync: enabled` would do. */
export const dryRunRoute = defineRoute({
  method: 'get',
  path: '/v1/organizations/{id}/dry-run',
  summary:
    'Read what turning Directory Sync on would do: who loses access, is linked, is ambiguous',
  description:
    'losesAccess: users whom no directory knows. linked: users from before whom a directory decides on ' +
    'now. ambiguous: directory users whose link requests are open. The reading of losesAccess is written ' +
    'down with your name: you may PUT `directorySync: enabled` as long as the same people would lose access.',
  auth: 'admin',
  request: {
    params: oneId,
    query: z.strictObject({ ...pageQuery, list: z.enum(lists).default('losesAccess') }),
    body: noBody,
  },
  responses: { 200: dryRun },
  async handler({ params: { id: organizationId }, query, caller }, { store }) {
    const { organizations, memberships, linkRequests } = store().collections;
    const { list, limit, cursor } = query;
    const found = await organizations.findOne({ _id: organizationId });
    if (found === null) throw new Refusal('notFound', 'There is no such organization.');
    const readAt = new Date();
    // Before the page: whoever comes in between is shown, but must be read once more.
    const losing = await whoLosesAccess(store(), organizationId);
    const after = afterId(cursor);
    const shown = await pages[list](store(), organizationId, { limit, after });
    if (list === 'losesAccess') {
      await recordDryRun(store(), found, { ...losing, by: caller.actor, at: readAt });
    }
    const { finished, directories } = await firstListing(store(), organizationId);
    const body: z.input<typeof dryRun> = {
      organizationId,
      directorySync: found.directorySync,
      readAt: readAt.toISOString(),
      listing: {
        finished,
        directories: directories.map(({ listedAt, ...directory }) => ({
          ...directory,
          listedAt: timeText(listedAt),
        })),
      },
      counts: {
        losesAccess: losing.count,
        linked: await memberships.countDocuments(linkedIn(organizationId)),
        ambiguous: await linkRequests.countDocuments({ organizationId, resolution: null }),
      },
      list,
      ...shown,
    };
    return { status: 200, body };
  },
});

interface Place {
  limit: number;
  after: IdAfter;
}

const pages: Record<
  (typeof lists)[number],
  (store: Store, organizationId: string, place: Place) => Promise<Page>
> = {
  losesAccess: async (store, organizationId, place) =>
    peoplePage(store, withoutDirectoryIn(organizationId), place),
  linked: async (store, organizationId, place) =>
    peoplePage(store, linkedIn(organizationId), place),
  ambiguous: requestsPage,
};

async function peoplePage(
  store: Store,
  filter: Filter<Membership>,
  { limit, after }: Place,
): Promise<Page> {
  const found = store.collections.memberships.find({ ...filter, ...after });
  const { entries, next } = await pageById(found, limit);
  const users = await store.collections.users
    .find({ _id: { $in: entries.map(({ userId }) => userId) } })
    .toArray();
  const data = entries.map(({ _id, userId, status }) => {
    const profile = users.find((user) => user._id === userId)?.profile ?? null;
    return {
      membershipId: _id,
      userId,
      email: profile?.email ?? null,
      name: nameOf(profile),
      status,
    };
  });
  return { data, next };
}

async function requestsPage(
  store: Store,
  organizationId: string,
  { limit, after }: Place,
): Promise<Page> {
  const found = store.collections.linkRequests.find({ organizationId, resolution: null, ...after });
  const { entries, next } = await pageById(found, limit);
  const data = entries.map(({ _id, directoryUserId, candidateUserIds }) => ({
    linkRequestId: _id,
    directoryUserId,
    candidateUserIds: [...candidateUserIds],
  }));
  return { data, next };
}
