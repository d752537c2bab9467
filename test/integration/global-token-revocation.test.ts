import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { hostMembership } from '../../activities/revoke-sessions.ts';
import type { Membership } from '../../domain/membership.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { learnHostUserId } from '../../transitions/notifications/learn-host-user-id.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
} from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';
import { adminKey, gateKey, revocationKey, startApi, type TestApi } from './api-fixture.ts';

const path = '/v1/global-token-revocation';

let tenure: TestTenure;
let api: TestApi;
let count = 0;

beforeAll(async () => {
  tenure = await openTenure();
  api = await startApi({ store: tenure.store });
}, 60_000);

afterAll(async () => {
  await api?.close();
  await tenure?.close();
});

interface Someone {
  id: string;
  organizationId: string;
  directoryId: string;
  email: string;
  idpId: string;
}

interface Known {
  person: Someone;
  membership: Membership;
}

/** Somebody who joined an organization of their own unless `parts` says otherwise, and is in. */
async function joined(parts: Partial<Someone> = {}): Promise<Known> {
  count += 1;
  const organizationId = parts.organizationId ?? workosId('org');
  await sandbox(tenure, organizationId);
  const person = {
    id: workosId('directory_user'),
    organizationId,
    directoryId: workosId('directory'),
    email: `person${count}@example.com`,
    idpId: `00u${count}`,
    ...parts,
  };
  await tenure.take(userEvent('created', person));
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  return { person, membership: await membershipById(tenure, _id) };
}

const now = async ({ membership }: Known) => membershipById(tenure, membership._id);

async function ask(
  subject: unknown,
  { key = revocationKey, query = '' }: { key?: string | null; query?: string } = {},
) {
  return api.call('POST', `${path}${query}`, { body: { sub_id: subject }, key });
}

async function mayRead({ membership, person: { organizationId } }: Known): Promise<string> {
  const body = { organizationId, userId: membership.userId, action: 'read' };
  const { json } = await api.call('POST', '/v1/access-checks', { body, key: gateKey });
  return json.allowed ? 'allowed' : json.reason;
}

async function lines({ membership: { _id } }: Known) {
  return tenure.store.collections.timeline.find({ membershipId: _id }).sort({ _id: 1 }).toArray();
}

const opaque = ({ membership }: Known) => ({ format: 'opaque', id: membership.userId });
const byEmail = ({ person: { email } }: Known) => ({ format: 'email', email });
const bySub = ({ person: { idpId } }: Known) => {
  return { format: 'iss_sub', iss: 'https://customer.okta.test', sub: idpId };
};

/** By the id that the host application has of its own. */
const byHostId = ({ membership }: Known) => ({ format: 'opaque', id: `row_${membership.userId}` });
async function calledOtherwise({ membership: { userId }, person }: Known): Promise<void> {
  await inTransaction(tenure.store, async (tx) =>
    learnHostUserId(tx, { users: null }, { userId, ...person }, `row_${userId}`),
  );
}

describe('a global token revocation', () => {
  it.each([
    ['the id of the user', opaque],
    ["the host application's own id of the user", byHostId],
    ['a current address', byEmail],
    ['the id at the identity provider', bySub],
  ])('by %s closes access in its answer, and demands a revocation', async (_name, subjectOf) => {
    const ada = await joined();
    if (subjectOf === byHostId) await calledOtherwise(ada);
    expect(await mayRead(ada)).toBe('allowed');
    const { status, text } = await ask(subjectOf(ada));
    expect([status, text]).toEqual([204, '']);
    expect(await mayRead(ada)).toBe('opening');
    expect(await now(ada)).toMatchObject({
      access: { state: 'closed', reason: 'opening' },
      closings: 1,
      revokedClosings: 0,
      urgent: true,
      pendingSince: expect.any(Date),
      generation: 0,
      dueAt: null,
    });
    expect(api.signalled.at(-1)).toMatchObject({ membershipId: ada.membership._id });
  });

  it('revokes before it lets the person in again, who has lost nothing else', async () => {
    const ada = await joined();
    await ask(opaque(ada));
    const revoking = await drive(tenure, ada.membership._id, { stopAt: 'revoke' });
    expect(revoking).toMatchObject({ step: { do: 'revoke', closing: 1 }, phase: 'joining' });
    expect(await mayRead(ada)).toBe('opening');
    const opening = await drive(tenure, ada.membership._id, { stopAt: 'open' });
    expect(opening.step).toEqual({ do: 'open' });
    expect((await now(ada)).revokedClosings).toBe(1);
    await drive(tenure, ada.membership._id);
    expect(await mayRead(ada)).toBe('allowed');
    expect(await now(ada)).toMatchObject({
      phase: 'settled',
      status: 'active',
      disabledAt: null,
      roles: ada.membership.roles,
      generation: 0,
    });
  });

  it('is written into the timeline with who asked, and without the address', async () => {
    const ada = await joined();
    await ask(byEmail(ada));
    await ask(byEmail(ada), { key: adminKey });
    const demanded = (await lines(ada)).filter(({ type }) => type === 'revocationDemanded');
    expect(demanded.map(({ actor }) => actor)).toEqual(['revocation', 'admin:ada']);
    expect(JSON.stringify(demanded)).not.toContain(ada.person.email);
    expect(api.logged()).toContain('global-token-revocation');
    expect(api.logged()).not.toContain(ada.person.email);
  });

  it('asked again revokes again, and puts off no alarm', async () => {
    const ada = await joined();
    await ask(opaque(ada));
    const first = await now(ada);
    await ask(opaque(ada));
    const second = await now(ada);
    expect(second.closings).toBe(2);
    expect(second.closedReceivedAt).toEqual(first.closedReceivedAt);
    await drive(tenure, ada.membership._id);
    expect(await mayRead(ada)).toBe('allowed');
    await ask(opaque(ada));
    const third = await now(ada);
    expect(third.closings).toBe(3);
    expect(third.closedReceivedAt?.getTime()).toBeGreaterThan(
      first.closedReceivedAt?.getTime() ?? Number.NaN,
    );
  });

  it('opens nobody who is out: disabled, or gone', async () => {
    const disabled = await joined();
    await api.call('POST', `/v1/memberships/${disabled.membership._id}/disable`, { body: {} });
    const gone = await joined();
    await tenure.take(userEvent('deleted', gone.person));
    for (const [who, reason] of [
      [disabled, 'disabled'],
      [gone, 'notBacked'],
    ] as const) {
      await drive(tenure, who.membership._id, { nowMs: 0 });
      const before = await now(who);
      expect((await ask(opaque(who))).status).toBe(204);
      await drive(tenure, who.membership._id, { nowMs: 0 });
      const after = await now(who);
      expect(after.access).toEqual({ state: 'closed', reason });
      expect([after.phase, after.dueAt, after.disabledAt]).toEqual([
        before.phase,
        before.dueAt,
        before.disabledAt,
      ]);
      expect(after.revokedClosings).toBe(before.closings + 1);
    }
  });

  it('does not let back in whom the directory removed meanwhile', async () => {
    const ada = await joined();
    await ask(opaque(ada));
    await tenure.take(userEvent('deleted', ada.person));
    await drive(tenure, ada.membership._id, { nowMs: 0 });
    expect(await mayRead(ada)).toBe('notBacked');
    expect(await now(ada)).toMatchObject({ phase: 'coolingOff', generation: 1 });
  });
});

describe('the subject of a global token revocation', () => {
  const everybody = async () => tenure.store.collections.users.countDocuments();
  let users: number;
  let demanded: number;
  const countDemanded = async () =>
    tenure.store.collections.timeline.countDocuments({ type: 'revocationDemanded' });

  beforeEach(async () => {
    users = await everybody();
    demanded = await countDemanded();
  });

  it.each([
    ['opaque', { format: 'opaque', id: 'user_nobody' }],
    ['email', { format: 'email', email: 'nobody@example.com' }],
    ['iss_sub', { format: 'iss_sub', iss: 'https://customer.okta.test', sub: '00unobody' }],
  ])('that nobody is (%s) is answered 404, and makes nobody', async (_format, subject) => {
    for (const query of ['', `?organizationId=${workosId('org')}`]) {
      const { status, json } = await ask(subject, { query });
      expect([status, json.code]).toEqual([404, 'notFound']);
    }
    expect(await everybody()).toBe(users);
  });

  it('that could be two users is answered 422 and ends no access', async () => {
    const email = `shared${count}@example.com`;
    const idpId = `shared-${count}`;
    const here = await joined({ email, idpId });
    const there = await joined({ email, idpId });
    for (const subject of [byEmail(here), bySub(here)]) {
      const { status, json } = await ask(subject);
      expect([status, json.code]).toEqual([422, 'ambiguousSubject']);
    }
    expect(await countDemanded()).toBe(demanded);
    const query = `?organizationId=${here.person.organizationId}`;
    expect((await ask(byEmail(here), { query })).status).toBe(204);
    expect([await mayRead(here), await mayRead(there)]).toEqual(['opening', 'allowed']);
  });

  it('by an address is whoever has it now, not the leaver who had it', async () => {
    const email = `passedon${count}@example.com`;
    const leaver = await joined({ email });
    await tenure.take(userEvent('deleted', leaver.person));
    await drive(tenure, leaver.membership._id, { nowMs: 0 });
    const heir = await joined({ email });
    expect((await ask(byEmail(heir))).status).toBe(204);
    expect(await mayRead(heir)).toBe('opening');
    expect((await now(leaver)).closings).toBe(1);
  });

  it('is revoked in every organization, or only in the one that is named', async () => {
    const ada = await joined();
    const { userId } = ada.membership;
    const elsewhere = workosId('org');
    const imported = { id: userId, email: ada.person.email, organizationId: elsewhere };
    const { json } = await api.call('POST', '/v1/users', { body: { users: [imported] } });
    const other: Known = {
      person: { ...ada.person, organizationId: elsewhere },
      membership: await membershipById(tenure, json.data[0].membershipId),
    };
    await drive(tenure, other.membership._id);
    const query = `?organizationId=${elsewhere}`;
    expect((await ask(opaque(ada), { query })).status).toBe(204);
    expect([await mayRead(ada), await mayRead(other)]).toEqual(['allowed', 'opening']);
    expect(await hostMembership(tenure.store, other.membership)).toMatchObject({ last: false });
    expect((await ask(opaque(ada))).status).toBe(204);
    expect([await mayRead(ada), await mayRead(other)]).toEqual(['opening', 'opening']);
    // So the keys end too that belong to the person and to no organization.
    expect(await hostMembership(tenure.store, ada.membership)).toMatchObject({ last: true });
    await drive(tenure, ada.membership._id);
    await drive(tenure, other.membership._id);
    expect([await mayRead(ada), await mayRead(other)]).toEqual(['allowed', 'allowed']);
  });

  it('who is forgotten is nobody', async () => {
    const ada = await joined();
    await tenure.take(userEvent('deleted', ada.person));
    await drive(tenure, ada.membership._id, { nowMs: afterCoolingOff() });
    expect((await now(ada)).outcome).toBe('anonymized');
    const before = await now(ada);
    for (const subject of [opaque(ada), byEmail(ada), bySub(ada)]) {
      expect((await ask(subject)).status).toBe(404);
    }
    expect(await now(ada)).toEqual(before);
  });
});

describe('a request for a global token revocation', () => {
  it.each([
    ['nothing', {}],
    ['no identifier', { sub_id: null }],
    ['an address alone', { sub_id: 'ada@example.com' }],
    ['another format', { sub_id: { format: 'phone_number', phone_number: '+1' } }],
    ['a format without its member', { sub_id: { format: 'email' } }],
    ['half of iss_sub', { sub_id: { format: 'iss_sub', sub: '00u' } }],
    ['an operator', { sub_id: { format: 'opaque', id: { $ne: '' } } }],
    ['an empty address', { sub_id: { format: 'email', email: ' ' } }],
    ['several people', { sub_id: [{ format: 'opaque', id: 'a' }] }],
  ])('with %s is answered 400', async (_name, body) => {
    const { status, json } = await api.call('POST', path, { body, key: revocationKey });
    expect([status, json.code]).toEqual([400, 'invalid']);
  });

  it('with an unknown parameter is answered 400, never taken for every organization', async () => {
    const ada = await joined();
    const { status } = await ask(opaque(ada), { query: '?organisationId=org_x' });
    expect(status).toBe(400);
    expect(await mayRead(ada)).toBe('allowed');
  });

  it('without a key is answered 401, with the gate key 403', async () => {
    const ada = await joined();
    expect((await ask(opaque(ada), { key: null })).status).toBe(401);
    expect((await ask(opaque(ada), { key: gateKey })).status).toBe(403);
    expect(await mayRead(ada)).toBe('allowed');
  });

  it('has a key that opens nothing else', async () => {
    const body = { organizationId: 'org_x', userId: 'user_x', action: 'read' };
    const calls = [
      api.call('POST', '/v1/access-checks', { body, key: revocationKey }),
      api.call('GET', '/v1/users', { key: revocationKey }),
    ];
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([403, 403]);
  });
});
