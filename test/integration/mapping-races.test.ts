import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Fences } from '../../platform/mongo/fences.ts';
import type { Store } from '../../platform/mongo/store.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { drive, membershipById, membershipOf } from '../support/by-hand.ts';
import { groupEvent, userEvent, workosId } from '../support/events.ts';
import { readOnlyFences } from '../support/fences.ts';
import { edge, mapGroups, mapped } from '../support/groups.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

/*
 * An edge or a group of which nothing follows, since no mapping names the group, is taken in while an admin
 * maps it. The transaction of the event does not see the mapping, and what judges people by the mapping
 * does not see the event: without a lock that both take, nobody would ever put the two together.
 */

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

async function member(groups: string[]) {
  const organizationId = workosId('org');
  const person = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: workosId('directory'),
  };
  await tenure.take(userEvent('created', person));
  for (const group of groups) await tenure.take(edge('added', person, group));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { person, organizationId, _id };
}

/** A store whose transactions see what is there and then, locks taken, are slow to write. */
function lingering(store: Store, fences: Fences, ms: number): Store {
  const linger = async () => new Promise<void>((resolve) => setTimeout(resolve, ms));
  return {
    ...store,
    fences: {
      ...fences,
      async keys(tx, keys) {
        await fences.keys(tx, keys);
        await linger();
      },
      async organization(tx, id) {
        await fences.organization(tx, id);
        await linger();
      },
    },
  };
}

/** The roles of somebody after `event` was taken in while an admin mapped the group. */
async function rolesAfter(
  fences: Fences,
  { _id, organizationId }: { _id: string; organizationId: string },
  group: string,
  event: EventEnvelope,
): Promise<string[]> {
  const taking = tenure.take(event, lingering(tenure.store, fences, 500));
  await new Promise((resolve) => setTimeout(resolve, 150));
  const mapping = mapGroups({ ...tenure, store: { ...tenure.store, fences } }, organizationId, [
    mapped(group, { roles: ['admin'] }),
  ]);
  await Promise.all([taking, mapping]);
  await mapGroupsAgain(organizationId);
  await drive(tenure, _id);
  return (await membershipById(tenure, _id)).roles.map(({ role }) => role);
}

/** What the next rounds of the dispatcher would still do. */
async function mapGroupsAgain(organizationId: string): Promise<void> {
  const found = await tenure.store.collections.roleMappings.findOne({ _id: organizationId });
  await mapGroups(tenure, organizationId, found?.mappings ?? []);
}

/** Fences that lock as in production, but not what a test names. */
async function control(fences: Partial<Fences>): Promise<Fences> {
  return { ...tenure.store.fences, ...fences };
}

describe('a group that is mapped at the moment', () => {
  const events = {
    'somebody is taken out of it': { before: true, after: [], event: 'removed' },
    'somebody comes into it': { before: false, after: ['admin'], event: 'added' },
  } as const;

  it.each(Object.entries(events))('when %s gives what it should', async (_, race) => {
    const group = workosId('directory_group');
    const one = await member(race.before ? [group] : []);
    const event = edge(race.event, one.person, group);
    expect(await rolesAfter(tenure.store.fences, one, group, event)).toEqual(race.after);
  });

  it.each(Object.entries(events))(
    'without the lock of people: when %s it does not',
    async (_, race) => {
      const group = workosId('directory_group');
      const one = await member(race.before ? [group] : []);
      const event = edge(race.event, one.person, group);
      const fences = await control({ keys: async (tx, keys) => readOnlyFences.keys(tx, keys) });
      expect(await rolesAfter(fences, one, group, event)).not.toEqual(race.after);
    },
  );

  it('when it is deleted gives nothing', async () => {
    const group = workosId('directory_group');
    const one = await member([group]);
    const event = groupEvent('deleted', { ...one.person, id: group });
    expect(await rolesAfter(tenure.store.fences, one, group, event)).toEqual([]);
  });

  it('without the lock of the organization: when it is deleted it gives something', async () => {
    const group = workosId('directory_group');
    const one = await member([group]);
    const event = groupEvent('deleted', { ...one.person, id: group });
    const fences = await control({
      organization: async (tx, id) => readOnlyFences.organization(tx, id),
    });
    expect(await rolesAfter(fences, one, group, event)).not.toEqual([]);
  });
});
