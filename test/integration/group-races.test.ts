import { afterAll, beforeAll, expect } from '@jest/globals';

import { takeInGroupsOfUser, versionOfAnswer } from '../../intake/take-in-answer.ts';
import { forgetPerson } from '../../transitions/erasure/forget-person.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { edgeEvent, userEvent, workosId } from '../support/events.ts';
import { mapGroups, mapped } from '../support/groups.ts';
import { describeRaces, type Races } from '../support/races.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

const organizationId = workosId('org');
const directoryId = workosId('directory');
const builders = { id: workosId('directory_group'), organizationId, directoryId };
const readers = { id: workosId('directory_group'), organizationId, directoryId };

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
  await sandbox(tenure, organizationId, { accessByGroup: true });
  await mapGroups(tenure, organizationId, [
    mapped(builders.id, { roles: ['builder'] }),
    mapped(readers.id, { roles: ['reader'] }),
  ]);
}, 60_000);

afterAll(async () => tenure.close());

function somebody() {
  return { id: workosId('directory_user'), organizationId, directoryId };
}

async function builder() {
  const person = somebody();
  await tenure.take(userEvent('created', person));
  await tenure.take(edgeEvent('user_added', person, builders));
  const membership = await membershipOf(tenure, person.id);
  await drive(tenure, membership._id);
  return { person, membership };
}

/** What the lifecycle comes to: the roles, `closed`, or `nobody`. */
async function endOf(directoryUserId: string): Promise<string> {
  const mirror = await tenure.store.collections.directoryUsers.findOne({
    'records.id': directoryUserId,
  });
  if (mirror?.membershipId == null) return 'nobody';
  await drive(tenure, mirror.membershipId);
  const { access, roles } = await membershipById(tenure, mirror.membershipId);
  return access.state === 'open' ? roles.map(({ role }) => role).join() : 'closed';
}

async function unless(expected: string, directoryUserId: string): Promise<string | null> {
  const end = await endOf(directoryUserId);
  return end === expected ? null : end;
}

const races: Races = {
  'a person and their first group arrive': async () => {
    const person = somebody();
    const events = [userEvent('created', person), edgeEvent('user_added', person, builders)];
    return {
      atOnce: events.map((event) => async (store) => tenure.take(event, store)),
      wrong: async () => unless('builder', person.id),
    };
  },

  'somebody changes from one group to another': async () => {
    const { person } = await builder();
    const events = [
      edgeEvent('user_removed', person, builders),
      edgeEvent('user_added', person, readers),
    ];
    return {
      atOnce: events.map((event) => async (store) => tenure.take(event, store)),
      wrong: async () => unless('reader', person.id),
    };
  },

  'a listing of somebody’s groups, and an older word about another group': async () => {
    const { person } = await builder();
    // Nothing is mapped to the group, so that nothing but the lock makes the two meet.
    const other = { ...readers, id: workosId('directory_group') };
    const older = edgeEvent('user_added', person, other);
    const version = versionOfAnswer(Date.now() + 60_000);
    const groups = [{ id: builders.id, directory_id: directoryId, name: null }];
    const listed = { directoryId, directoryUserId: person.id, groups, unreadable: [], version };
    return {
      atOnce: [
        async (store) => takeInGroupsOfUser(store, listed, tenure.intake),
        async (store) => tenure.take(older, store),
      ],
      async wrong() {
        const edge = await tenure.store.collections.directoryEdges.findOne({ groupId: other.id });
        // Told first, it must be taken back; told second, it must be outdated.
        return edge?.present === true ? 'an outdated edge is present' : null;
      },
    };
  },

  'somebody is forgotten, and a group of theirs is told of': async () => {
    const { person, membership } = await builder();
    await tenure.take(userEvent('deleted', person));
    const nowMs = afterCoolingOff();
    const { step } = await drive(tenure, membership._id, { nowMs, stopAt: 'erase' });
    expect(step.do).toBe('erase');
    const committed = await membershipById(tenure, membership._id);
    const late = edgeEvent('user_removed', person, readers);
    return {
      atOnce: [
        async (store) => forgetPerson(store, committed, committed.erasure!),
        async (store) => tenure.take(late, store),
      ],
      async wrong() {
        const edges = await tenure.store.collections.directoryEdges.countDocuments({
          directoryUserId: person.id,
        });
        return edges === 0 ? null : `${edges} edges of somebody forgotten`;
      },
    };
  },
};

describeRaces('tellings of one person and their groups', races, { store: () => tenure.store });
