import { afterAll, beforeAll } from '@jest/globals';

import type { Store } from '../../platform/mongo/store.ts';
import { revokeSubject } from '../../transitions/commands/revoke-subject.ts';
import { recordRevoked } from '../../transitions/lifecycle/record-revoked.ts';
import { openMembership } from '../../transitions/membership/open-membership.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { slow } from '../support/fences.ts';
import { describeRaces, type Races } from '../support/races.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => tenure.close());

interface Somebody {
  id: string;
  organizationId: string;
  directoryId: string;
  membershipId: string;
  userId: string;
}

/** Somebody of a directory, in an organization of their own, whom nobody let in yet. */
async function joining(): Promise<Somebody> {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId);
  const id = workosId('directory_user');
  const person = { id, organizationId, directoryId: `directory_${organizationId}` };
  await tenure.take(userEvent('created', person));
  const { _id: membershipId, userId } = await membershipOf(tenure, id);
  return { ...person, membershipId, userId };
}

async function somebody(): Promise<Somebody> {
  const person = await joining();
  await drive(tenure, person.membershipId);
  return person;
}

/** An identity provider or a security tool asks that everything ends that the person holds. */
async function revoke({ userId, organizationId }: Somebody, store: Store): Promise<unknown> {
  return revokeSubject(store, {
    subject: { format: 'opaque', id: userId },
    organizationId,
    actor: 'revocation',
    receivedAt: new Date(),
  });
}

/** Every kind of the host file was read back empty, at this closing. */
async function verify({ membershipId }: Somebody, closing: number, store: Store): Promise<boolean> {
  return recordRevoked(store, tenure.file, membershipId, {
    closing,
    outcomes: tenure.file.sessions.map(({ kind }) => {
      return { kind, outcome: 'verifiedEmpty', revoked: 0, at: new Date() };
    }),
  });
}

/** What is wrong with somebody of whom so much was demanded and verified; null: nothing. */
async function wrongWith(
  { membershipId }: Somebody,
  { closings, revokedClosings }: { closings: number; revokedClosings: number },
): Promise<string | null> {
  const found = await membershipById(tenure, membershipId);
  if (found.access.state === 'open') return 'open before everything was revoked';
  if (found.closings !== closings) return `a demand is lost: ${found.closings} of ${closings}`;
  if (found.revokedClosings > revokedClosings) return 'called revoked what nobody looked at';
  return found.revokedClosings < revokedClosings ? 'what was verified is lost' : null;
}

describeRaces(
  'a global token revocation, and what was under way,',
  {
    'the opening after a join': async () => {
      const person = await joining();
      const { revision } = await drive(tenure, person.membershipId, { stopAt: 'open' });
      return {
        atOnce: [
          async (store) => openMembership(slow(store, 60), person.membershipId, revision),
          async (store) => revoke(person, store),
        ],
        wrong: async () => wrongWith(person, { closings: 1, revokedClosings: 0 }),
      };
    },

    'the opening after the revocation before it': async () => {
      const person = await somebody();
      await revoke(person, tenure.store);
      const { revision } = await drive(tenure, person.membershipId, { stopAt: 'open' });
      return {
        atOnce: [
          async (store) => openMembership(slow(store, 60), person.membershipId, revision),
          async (store) => revoke(person, store),
        ],
        wrong: async () => wrongWith(person, { closings: 2, revokedClosings: 1 }),
      };
    },

    'a return': async () => {
      const person = await somebody();
      await tenure.take(userEvent('deleted', person));
      const event = userEvent('updated', person);
      return {
        atOnce: [
          async (store) => revoke(person, slow(store, 30)),
          async (store) => tenure.take(event, store),
        ],
        async wrong() {
          const { backed, phase } = await membershipById(tenure, person.membershipId);
          if (!backed || phase !== 'joining') return 'the return is lost';
          return wrongWith(person, { closings: 2, revokedClosings: 0 });
        },
      };
    },

    'a leaving': async () => {
      const person = await somebody();
      const event = userEvent('deleted', person);
      return {
        atOnce: [
          async (store) => revoke(person, slow(store, 30)),
          async (store) => tenure.take(event, store),
        ],
        async wrong() {
          const { backed, generation } = await membershipById(tenure, person.membershipId);
          if (backed || generation !== 1) return 'the leaving is lost';
          return wrongWith(person, { closings: 2, revokedClosings: 0 });
        },
      };
    },

    'what is verified of the revocation before it': async () => {
      const person = await somebody();
      await revoke(person, tenure.store);
      return {
        atOnce: [
          async (store) => verify(person, 1, slow(store, 30)),
          async (store) => revoke(person, store),
        ],
        wrong: async () => wrongWith(person, { closings: 2, revokedClosings: 1 }),
      };
    },

    'another one of the same person': async () => {
      const person = await somebody();
      return {
        atOnce: [
          async (store) => revoke(person, slow(store, 30)),
          async (store) => revoke(person, store),
        ],
        wrong: async () => wrongWith(person, { closings: 2, revokedClosings: 0 }),
      };
    },
  } satisfies Races,
  { store: () => tenure.store },
);
