import { afterAll, beforeAll } from '@jest/globals';

import { takeIn } from '../../intake/take-in.ts';
import type { Store } from '../../platform/mongo/store.ts';
import {
  resolveLinkRequest,
  type LinkDecision,
} from '../../transitions/links/resolve-link-request.ts';
import { undoLink } from '../../transitions/links/undo-link.ts';
import { drive, membershipById } from '../support/by-hand.ts';
import { company, type Sketch } from '../support/company.ts';
import { edgeEvent, userEvent, workosId } from '../support/events.ts';
import { mapGroups, mapped } from '../support/groups.ts';
import { describeRaces, unlessRefused, type Races } from '../support/races.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

const rules = () => ({ file: tenure.file, newUserId: tenure.intake.newUserId });

function resolving(requestId: string, decision: LinkDecision) {
  return async (store: Store) =>
    unlessRefused(
      resolveLinkRequest(store, { requestId, actor: 'admin:ada', reason: null, decision }, rules()),
    );
}

function undoing(membershipId: string, directoryUserId: string) {
  return async (store: Store) =>
    undoLink(store, { membershipId, directoryUserId, actor: 'admin:ada', reason: null }, rules());
}

async function mirrorOf(directoryUserId: string) {
  const { directoryUsers } = tenure.store.collections;
  const mirror = await directoryUsers.findOne({ 'records.id': directoryUserId });
  if (mirror === null) throw new Error('There is no such directory user.');
  return mirror;
}

async function inDoubt() {
  const at = await company(tenure);
  const [one, two] = [await at.add(), await at.add()];
  const person = at.sketch('idp');
  await tenure.take(userEvent('created', person));
  const [request] = await at.requests();
  return { at, one, two, person, requestId: request?._id ?? '' };
}

const races: Races = {
  'two decisions on one link request': async () => {
    const { at, requestId } = await inDoubt();
    const outcomes: string[] = [];
    const separate = async (store: Store) => {
      outcomes.push(await resolving(requestId, { action: 'separate' })(store));
    };
    return {
      atOnce: [separate, separate],
      async wrong() {
        if ((await at.count()) !== 3) return `${await at.count()} memberships`;
        return outcomes.toSorted().join() === 'done,refused' ? null : outcomes.join();
      },
    };
  },

  'a decision to link, and the leaving of the directory user': async () => {
    const { one, person, requestId } = await inDoubt();
    const event = userEvent('deleted', person);
    return {
      meets: false,
      atOnce: [
        resolving(requestId, { action: 'link', userId: one.id }),
        async (store) => tenure.take(event, store),
      ],
      async wrong() {
        const mirror = await mirrorOf(person.id);
        if (mirror.records[0]?.state !== 'deleted') return 'the leaving is lost';
        const { backed, generation } = await membershipById(tenure, one.membershipId);
        if (backed) return 'backed by somebody who left';
        const linked = mirror.membershipId !== null;
        // Either the decision came first, and the person left, or it was refused and nothing happened.
        return generation === (linked ? 1 : 0) ? null : `generation ${generation}`;
      },
    };
  },

  'two decisions to link two of one directory to one person': async () => {
    const at = await company(tenure);
    const one = await at.add();
    await at.add();
    const people = [at.sketch('idp'), at.sketch('idp')];
    for (const person of people) await tenure.take(userEvent('created', person));
    const requests = await at.requests();
    return {
      atOnce: requests.map(({ _id }) => resolving(_id, { action: 'link', userId: one.id })),
      async wrong() {
        const { directoryUsers } = tenure.store.collections;
        const linked = await directoryUsers.countDocuments({ membershipId: one.membershipId });
        return linked === 1 ? null : `${linked} of one directory behind one person`;
      },
    };
  },

  'two of one directory arrive with the address of one who was there before': async () => {
    const at = await company(tenure);
    // The directory is known already: its announcement would make the two wait for each other.
    await tenure.take(userEvent('created', at.sketch('idp', { email: null })));
    const { membershipId } = await at.add();
    const events = [at.sketch('idp'), at.sketch('idp')].map((one) => userEvent('created', one));
    return {
      atOnce: events.map((event) => async (store) => tenure.take(event, store)),
      async wrong() {
        const { directoryUsers } = tenure.store.collections;
        const linked = await directoryUsers.countDocuments({ membershipId });
        if (linked !== 1) return `${linked} linked to one person`;
        return (await at.count()) === 3 ? null : `${await at.count()} memberships`;
      },
    };
  },

  'two of two organizations arrive with one address, where e-mails are unique': async () => {
    const [one, other] = [await company(tenure), await company(tenure)];
    const { users } = tenure.file;
    if (users === null) throw new Error('The demo projects users.');
    const file = { ...tenure.file, users: { ...users, uniqueEmail: true } };
    const people = [one.sketch('idp'), other.sketch('idp', { email: one.email })];
    return {
      atOnce: people.map((person) => async (store) => {
        const delivery = { transport: 'webhook' as const, receivedAt: new Date() };
        return takeIn(store, userEvent('created', person), delivery, { ...tenure.intake, file });
      }),
      async wrong() {
        const made = (await one.count()) + (await other.count());
        const waiting = [...(await one.requests()), ...(await other.requests())];
        return made === 1 && waiting.length === 1 ? null : `${made} users of one address`;
      },
    };
  },

  'a decision, and a group of the directory user': async () => {
    const { person, requestId } = await inDoubt();
    const event = await groupGiving('builder', person);
    return {
      atOnce: [
        resolving(requestId, { action: 'separate' }),
        async (store) => tenure.take(event, store),
      ],
      async wrong() {
        const roles = await rolesOf(person.id);
        return roles === 'builder' ? null : `roles: ${roles}`;
      },
    };
  },

  'the undoing of a link, and a group of the directory user': async () => {
    const at = await company(tenure);
    const { membershipId } = await at.add();
    const person = at.sketch('idp');
    await tenure.take(userEvent('created', person));
    await drive(tenure, membershipId);
    const event = await groupGiving('builder', person);
    return {
      atOnce: [undoing(membershipId, person.id), async (store) => tenure.take(event, store)],
      async wrong() {
        const roles = await rolesOf(person.id);
        if (roles !== 'builder') return `roles: ${roles}`;
        await drive(tenure, membershipId);
        const restored = await membershipById(tenure, membershipId);
        return restored.roles.map(({ role }) => role).join() === 'editor'
          ? null
          : 'the role of the other one';
      },
    };
  },

  'the undoing of a link, and the leaving of the directory user': async () => {
    const at = await company(tenure);
    const { membershipId } = await at.add();
    const person = at.sketch('idp');
    await tenure.take(userEvent('created', person));
    await drive(tenure, membershipId);
    const event = userEvent('deleted', person);
    return {
      atOnce: [undoing(membershipId, person.id), async (store) => tenure.take(event, store)],
      async wrong() {
        const mirror = await mirrorOf(person.id);
        if (mirror.records[0]?.state !== 'deleted') return 'the leaving is lost';
        if (mirror.membershipId === membershipId) return 'the undoing is lost';
        await drive(tenure, membershipId);
        const restored = await membershipById(tenure, membershipId);
        if (restored.access.state !== 'open') return `restored as ${restored.access.reason}`;
        if (mirror.membershipId === null) return null;
        const apart = await membershipById(tenure, mirror.membershipId);
        return apart.backed ? 'backed by somebody who left' : null;
      },
    };
  },
};

/** Maps a group of the identity provider to a role, and returns the event that adds a person to it. */
async function groupGiving(role: string, person: Sketch) {
  const { organizationId, directoryId } = person;
  const group = { id: workosId('directory_group'), organizationId, directoryId };
  await mapGroups(tenure, organizationId, [mapped(group.id, { roles: [role] })]);
  return edgeEvent('user_added', person, group);
}

async function rolesOf(directoryUserId: string): Promise<string> {
  const { membershipId } = await mirrorOf(directoryUserId);
  if (membershipId === null) return 'nobody';
  await drive(tenure, membershipId);
  const { roles } = await membershipById(tenure, membershipId);
  return roles.map(({ role }) => role).join();
}

describeRaces('two at once', races, {
  store: () => tenure.store,
  locks: ['linkRequests', 'directoryUsers', 'links', 'users'],
});
