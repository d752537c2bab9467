import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { ActivityDeps } from '../../activities/deps.ts';
import { createProjectUser } from '../../activities/project-user.ts';
import { createMongoHost } from '../../connectors/mongodb/host.ts';
import { checkAccess } from '../../gate/decide.ts';
import { takeIn } from '../../intake/take-in.ts';
import { placeHold } from '../../transitions/holds/place-hold.ts';
import { openMembership } from '../../transitions/membership/open-membership.ts';
import { resolveLinkRequest } from '../../transitions/links/resolve-link-request.ts';
import { afterCoolingOff, drive, membershipById, membershipOf } from '../support/by-hand.ts';
import { company, type Company, type Sketch } from '../support/company.ts';
import { userEvent } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

/** The demo's host application, whose own users must have unique e-mails. */
let tenure: TestTenure;
let project: (membershipId: string) => Promise<void>;

async function open(declared: boolean): Promise<TestTenure> {
  const opened = await openTenure();
  const { users } = opened.file;
  if (users === null) throw new Error('The demo projects users.');
  const file = { ...opened.file, users: { ...users, uniqueEmail: declared } };
  const intake = { ...opened.intake, file };
  await opened.hostDb.collection('users').createIndex({ email: 1 }, { unique: true });
  return {
    ...opened,
    file,
    intake,
    host: createMongoHost({ db: opened.hostDb, file, writesPerSecond: 100_000 }),
    take: async (envelope) =>
      takeIn(opened.store, envelope, { transport: 'webhook', receivedAt: new Date() }, intake),
  };
}

function projecting({ store, file, host }: TestTenure): typeof project {
  const activity = createProjectUser({ store, file, host } as ActivityDeps);
  return async (membershipId) => activity({ membershipId, nowMs: Date.now() });
}

async function hostUser(userId: string) {
  return tenure.hostDb.collection<{ _id: string }>('users').findOne({ _id: userId });
}

/** Projects, opens and so settles somebody, as their lifecycle does. */
async function settle(person: Sketch) {
  const { _id } = await membershipOf(tenure, person.id);
  await project(_id);
  await openMembership(tenure.store, _id, (await membershipById(tenure, _id)).revision);
  return membershipOf(tenure, person.id);
}

async function asked(at: Company, directoryUserId: string) {
  return checkAccess(tenure.store.db, { organizationId: at.organizationId, directoryUserId });
}

async function resolve(
  at: Company,
  decision: { action: 'separate' } | { action: 'link'; userId: string },
) {
  const [request] = await at.requests();
  return resolveLinkRequest(
    tenure.store,
    { requestId: request?._id ?? '', actor: 'admin:ada', reason: null, decision },
    { file: tenure.file, newUserId: tenure.intake.newUserId },
  );
}

describe('a newcomer whose e-mail the host’s database has, unknown to Tenure', () => {
  let at: Company;
  let person: Sketch;

  beforeAll(async () => {
    tenure = await open(false);
    project = projecting(tenure);
  }, 60_000);

  afterAll(async () => tenure.close());

  beforeEach(async () => {
    at = await company(tenure);
    person = at.sketch('idp');
    await tenure.hostDb
      .collection<{ _id: string }>('users')
      .insertOne({ _id: `old_${at.organizationId}`, email: at.email } as { _id: string });
    const { _id } = await at.arrive(person);
    await project(_id);
  });

  it('waits as a link request, instead of being tried for ever', async () => {
    expect(await at.requests()).toMatchObject([
      { cause: 'hostRefused', directoryUserId: person.id, candidateUserIds: [] },
    ]);
    expect(await at.count()).toBe(0);
    expect(await asked(at, person.id)).toMatchObject({ allowed: false, reason: 'pendingLink' });
    const { users, gate } = tenure.store.collections;
    expect(await users.countDocuments({ organizationIds: at.organizationId })).toBe(0);
    expect(await gate.countDocuments({ organizationId: at.organizationId })).toBe(1);
    expect(JSON.stringify(await at.requests())).not.toContain(at.email);
  });

  it('goes on waiting while the directory says the same, and joins with another address', async () => {
    await tenure.take(userEvent('updated', { ...person, firstName: 'Augusta' }));
    expect(await at.requests()).toHaveLength(1);
    expect(await at.count()).toBe(0);
    const email = `other.${at.email}`;
    await tenure.take(userEvent('updated', { ...person, email }));
    expect(await at.requests()).toEqual([]);
    const joined = await settle(person);
    expect(joined.access.state).toBe('open');
    expect(await hostUser(joined.userId)).toMatchObject({ email });
  });

  it('is linked once the host’s user is imported, and so known', async () => {
    const id = `old_${at.organizationId}`;
    const { membershipId } = await at.add({ id });
    await tenure.take(userEvent('updated', person));
    expect(await at.requests()).toEqual([]);
    expect((await membershipOf(tenure, person.id))._id).toBe(membershipId);
    await project(membershipId);
    expect(await hostUser(id)).toMatchObject({ email: at.email, status: 'active' });
  });

  it('is asked about again where an admin says `separate` and the host still refuses', async () => {
    const { membershipId } = await resolve(at, { action: 'separate' });
    await project(membershipId ?? '');
    expect(await at.requests()).toMatchObject([{ cause: 'hostRefused' }]);
    expect(await at.count()).toBe(0);
  });
});

describe('somebody whom the host knows', () => {
  beforeAll(async () => {
    tenure = await open(false);
    project = projecting(tenure);
  }, 60_000);

  afterAll(async () => tenure.close());

  it('keeps the old address there where the new one is in use; the rest follows, and an admin is told once', async () => {
    const at = await company(tenure);
    const other = at.sketch('hris', { email: `taken.${at.email}` });
    await at.arrive(other);
    await settle(other);
    const person = at.sketch('idp');
    await at.arrive(person);
    const { _id, userId } = await settle(person);
    await tenure.take(
      userEvent('updated', { ...person, email: `taken.${at.email}`, lastName: 'Newname' }),
    );
    await project(_id);
    await project(_id);
    expect(await hostUser(userId)).toMatchObject({ email: at.email, name: 'Ada Newname' });
    const { projection, access } = await membershipById(tenure, _id);
    expect(projection.done).toBe(projection.wanted);
    expect(access.state).toBe('open');
    expect((await at.notices()).filter((code) => code === 'hostRefused')).toHaveLength(1);
    await tenure.take(userEvent('deleted', person));
    await project(_id);
    expect(await hostUser(userId)).toMatchObject({ email: at.email, status: 'disabled' });
  });

  it('is not taken back where a hold covers them', async () => {
    const at = await company(tenure);
    await tenure.hostDb
      .collection<{ _id: string }>('users')
      .insertOne({ _id: `old_${at.organizationId}`, email: at.email } as { _id: string });
    const { _id, userId } = await at.arrive(at.sketch('idp'));
    await placeHold(tenure.store, {
      scope: { userId },
      kind: 'legal',
      reason: null,
      by: 'admin:ada',
    });
    await project(_id);
    expect(await at.requests()).toEqual([]);
    expect((await membershipById(tenure, _id)).backed).toBe(true);
  });

  it('whose address an erasure frees just now is tried again, and has it then', async () => {
    const at = await company(tenure);
    const leaver = at.sketch('hris');
    await at.arrive(leaver);
    const left = await settle(leaver);
    await tenure.take(userEvent('deleted', leaver));
    await drive(tenure, left._id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    const person = at.sketch('idp');
    const { _id, userId } = await at.arrive(person);
    await expect(project(_id)).rejects.toThrow(/refuses/);
    expect(await at.requests()).toEqual([]);
    await tenure.host.anonymize(
      {
        userId: left.userId,
        organizationId: at.organizationId,
        pseudonym: 'former-user-x',
        pseudonymEmail: 'former-user-x@anonymized.invalid',
        wholeUser: true,
        mode: 'anonymize',
      },
      () => undefined,
    );
    await drive(tenure, left._id, { nowMs: afterCoolingOff() });
    await project(_id);
    expect(await hostUser(userId)).toMatchObject({ email: at.email });
  });
});

describe('where the host file says that e-mails are unique', () => {
  beforeAll(async () => {
    tenure = await open(true);
    project = projecting(tenure);
  }, 60_000);

  afterAll(async () => tenure.close());

  it('the newcomer has the address after `separate`, whoever is projected first; a return gets it back no more', async () => {
    const at = await company(tenure);
    const leaver = at.sketch('hris');
    await at.arrive(leaver);
    const left = await settle(leaver);
    await tenure.take(userEvent('deleted', leaver));
    await project(left._id);
    const person = at.sketch('idp');
    await tenure.take(userEvent('created', person));
    await resolve(at, { action: 'separate' });
    const joined = await settle(person);
    expect(await hostUser(joined.userId)).toMatchObject({ email: at.email });
    expect(await hostUser(left.userId)).toMatchObject({
      email: `${left.userId}@released.invalid`,
      status: 'disabled',
    });
    expect(await asked(at, person.id)).toMatchObject({ allowed: true, userId: joined.userId });
    // The one who left comes back, with the same address: the host keeps the placeholder, an admin is told.
    await tenure.take(userEvent('updated', leaver));
    await settle(leaver);
    expect(await hostUser(left.userId)).toMatchObject({
      email: `${left.userId}@released.invalid`,
      status: 'active',
    });
    expect(await hostUser(joined.userId)).toMatchObject({ email: at.email });
    expect(await at.notices()).toContain('hostRefused');
  });
});
