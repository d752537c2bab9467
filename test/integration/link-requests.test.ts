import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Refusal } from '../../domain/errors.ts';
import { checkAccess } from '../../gate/decide.ts';
import { takeIn } from '../../intake/take-in.ts';
import {
  resolveLinkRequest,
  type LinkDecision,
} from '../../transitions/links/resolve-link-request.ts';
import { spreadFacts } from '../../transitions/organization/spread-facts.ts';
import {
  afterCoolingOff,
  drive,
  membershipById,
  membershipOf,
  sandbox,
  spread,
} from '../support/by-hand.ts';
import { company, type Company } from '../support/company.ts';
import { directoryEvent, userEvent } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
/** The same database, for a host application whose users must have unique e-mails. */
let unique: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
  const { users } = tenure.file;
  const file = { ...tenure.file, users: users === null ? null : { ...users, uniqueEmail: true } };
  const other = await openTenure();
  const intake = { ...other.intake, file };
  unique = {
    ...other,
    file,
    intake,
    take: async (envelope) =>
      takeIn(other.store, envelope, { transport: 'webhook', receivedAt: new Date() }, intake),
  };
}, 60_000);

afterAll(async () => {
  await tenure.close();
  await unique.close();
});

async function resolve(
  requestId: string,
  decision: LinkDecision,
  { at = tenure, reason = null as string | null } = {},
) {
  return resolveLinkRequest(
    at.store,
    { requestId, actor: 'admin:ada', reason, decision },
    { file: at.file, newUserId: at.intake.newUserId },
  );
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
  return 'not refused';
}

/** Two people with one address, and a directory user who may be either. */
async function inDoubt() {
  const at = await company(tenure);
  const [one, two] = [await at.add(), await at.add()];
  const person = at.sketch('idp', { firstName: 'Grace' });
  await tenure.take(userEvent('created', person));
  const [request] = await at.requests();
  if (request === undefined) throw new Error('There is no link request.');
  return { at, one, two, person, requestId: request._id };
}

async function typesOf(membershipId: string) {
  const lines = await tenure.store.collections.timeline
    .find({ membershipId })
    .sort({ revision: 1, _id: 1 })
    .toArray();
  return lines.map(({ type }) => type);
}

async function asked(at: Company, directoryUserId: string) {
  return checkAccess(tenure.store.db, { organizationId: at.organizationId, directoryUserId });
}

describe('a link request', () => {
  it('that is resolved as `link` makes the directory user stand behind that person, who keeps access and roles', async () => {
    const { at, one, person, requestId } = await inDoubt();
    const reason = 'Grace told me on the phone';
    const resolved = await resolve(requestId, { action: 'link', userId: one.id }, { reason });
    expect(resolved).toMatchObject({
      resolution: 'link',
      resolvedBy: 'admin:ada',
      userId: one.id,
      membershipId: one.membershipId,
      resolvedAt: expect.any(Date),
    });
    const linked = await membershipOf(tenure, person.id);
    expect(linked).toMatchObject({ _id: one.membershipId, backed: true, everBacked: true });
    expect(linked.roles).toEqual([{ role: 'editor', source: 'manual' }]);
    expect(await asked(at, person.id)).toMatchObject({ allowed: true, userId: one.id });
    expect(await at.count()).toBe(2);
    const { timeline, reasons, users, gate } = tenure.store.collections;
    const line = await timeline.findOne({ membershipId: one.membershipId, type: 'linked' });
    expect(line).toMatchObject({
      actor: 'admin:ada',
      detail: { directoryUserId: person.id, how: 'decided', linkRequestId: requestId },
      reasonId: resolved.reasonId,
    });
    expect(JSON.stringify(resolved)).not.toContain('phone');
    expect(await reasons.findOne({ _id: resolved.reasonId ?? '' })).toMatchObject({
      text: reason,
      membershipId: one.membershipId,
    });
    expect((await users.findOne({ _id: one.id }))?.profile?.firstName).toBe('Grace');
    expect(await gate.countDocuments({ directoryUserIds: person.id })).toBe(1);
  });

  it('that is resolved as `separate` makes a user of their own, who inherits nothing', async () => {
    const { at, one, two, person, requestId } = await inDoubt();
    const resolved = await resolve(requestId, { action: 'separate' }, { reason: 'a namesake' });
    const made = await membershipOf(tenure, person.id);
    expect(resolved).toMatchObject({ userId: made.userId, membershipId: made._id });
    expect([one.id, two.id]).not.toContain(made.userId);
    expect(made).toMatchObject({ roles: [], backed: true, phase: 'joining' });
    await drive(tenure, made._id);
    expect(await asked(at, person.id)).toMatchObject({ allowed: true, roles: [] });
    expect(await at.count()).toBe(3);
    expect(await typesOf(made._id)).toEqual(expect.arrayContaining(['joined', 'separated']));
    const { reasons } = tenure.store.collections;
    expect(await reasons.findOne({ _id: resolved.reasonId ?? '' })).toMatchObject({
      text: 'a namesake',
      membershipId: made._id,
    });
  });

  it('that is resolved as `ignore` leaves them without access, and later events ask nobody again', async () => {
    const { at, person, requestId } = await inDoubt();
    await resolve(requestId, { action: 'ignore' }, { reason: 'a test account' });
    expect(await asked(at, person.id)).toMatchObject({ allowed: false, reason: 'unknown' });
    await tenure.take(userEvent('updated', { ...person, firstName: 'Augusta' }));
    expect(await at.requests()).toEqual([]);
    expect(await at.count()).toBe(2);
    expect(await asked(at, person.id)).toMatchObject({ allowed: false, reason: 'unknown' });
  });

  it('that was ignored is a new question once they left and came back, and its reason is forgotten', async () => {
    const { at, person, requestId } = await inDoubt();
    const { reasonId } = await resolve(requestId, { action: 'ignore' }, { reason: 'Grace left' });
    const { reasons } = tenure.store.collections;
    expect(await reasons.countDocuments({ _id: reasonId ?? '' })).toBe(1);
    await tenure.take(userEvent('updated', { ...person, state: 'inactive' }));
    expect(await reasons.countDocuments({ _id: reasonId ?? '' })).toBe(0);
    expect(await at.requests()).toEqual([]);
    await tenure.take(userEvent('updated', person));
    expect(await at.requests()).toHaveLength(1);
  });

  it.each<LinkDecision>([
    { action: 'link', userId: 'anybody' },
    { action: 'separate' },
    { action: 'ignore' },
  ])('is resolved once: $action comes too late', async (decision) => {
    const { requestId, at } = await inDoubt();
    await resolve(requestId, { action: 'ignore' });
    expect(await refusalOf(resolve(requestId, decision))).toBe('alreadyResolved');
    expect(await at.count()).toBe(2);
  });

  it('stays while its candidates wait at a guard: nobody is doubled, whatever is decided', async () => {
    const at = await company(tenure);
    const [one, other] = [
      at.sketch('hris'),
      at.sketch('hris', { email: null, username: `ada-${at.organizationId}` }),
    ];
    const candidates = [(await at.arrive(one)).userId, (await at.arrive(other)).userId];
    const person = at.sketch('idp', { username: `ada-${at.organizationId}` });
    await tenure.take(userEvent('created', person));
    const before = await at.requests();
    expect(before).toMatchObject([{ cause: 'several' }]);
    expect(before[0]!.candidateUserIds.toSorted()).toEqual(candidates.toSorted());
    // From now on the HRIS has no say: the two are out, and wait.
    await sandbox(tenure, at.organizationId, { lifecycleAuthority: [person.directoryId] });
    await spread(tenure);
    expect((await membershipOf(tenure, one.id)).guard?.state).toBe('waits');
    await tenure.take(userEvent('updated', { ...person, firstName: 'Augusta' }));
    expect(await at.requests()).toEqual(before);
    expect(await at.count()).toBe(2);
  });

  it('is withdrawn by a leaving, and then there is nothing to resolve', async () => {
    const { requestId, person, one, at } = await inDoubt();
    await tenure.take(userEvent('deleted', person));
    for (const decision of [
      { action: 'link', userId: one.id },
      { action: 'separate' },
      { action: 'ignore' },
    ] as const) {
      expect(await refusalOf(resolve(requestId, decision))).toBe('requestWithdrawn');
    }
    expect(await at.count()).toBe(2);
  });

  it('is withdrawn with its directory, of which nothing is kept that nothing would ever erase', async () => {
    const { at, person, requestId } = await inDoubt();
    const { organizationId } = at;
    await tenure.take(directoryEvent('deleted', { id: person.directoryId, organizationId }));
    for (let more = true; more;) {
      more = await spreadFacts(tenure.store, {
        file: tenure.file,
        newUserId: tenure.intake.newUserId,
      });
    }
    expect(await refusalOf(resolve(requestId, { action: 'separate' }))).toBe('requestWithdrawn');
    const { directoryUsers } = tenure.store.collections;
    const mirror = await directoryUsers.findOne({ 'records.id': person.id });
    expect(mirror).toMatchObject({ membershipId: null, records: [{ profile: null }] });
  });

  it('that does not exist is not found', async () => {
    expect(await refusalOf(resolve('link_request_none', { action: 'ignore' }))).toBe('notFound');
  });

  it('links to nobody outside the organization', async () => {
    const { requestId, person } = await inDoubt();
    const elsewhere = await (await company(tenure)).add();
    for (const userId of [elsewhere.id, 'nobody', person.id]) {
      expect(await refusalOf(resolve(requestId, { action: 'link', userId }))).toBe('notEligible');
    }
  });

  it('links to nobody whom the same directory has as an active person already', async () => {
    const { at, requestId } = await inDoubt();
    const other = await at.arrive(at.sketch('idp', { email: `x${at.email}` }));
    const { userId } = other;
    expect(await refusalOf(resolve(requestId, { action: 'link', userId }))).toBe('notEligible');
  });

  it('links to nobody whose erasure has begun', async () => {
    const { at, requestId } = await inDoubt();
    const leaver = at.sketch('hris', { email: `x${at.email}` });
    const { _id, userId } = await at.arrive(leaver);
    await tenure.take(userEvent('deleted', leaver));
    await drive(tenure, _id, { nowMs: afterCoolingOff(), stopAt: 'erase' });
    expect(await refusalOf(resolve(requestId, { action: 'link', userId }))).toBe('notEligible');
  });

  it('links to somebody who left, by an admin’s word: they return, as the same user', async () => {
    const { at, requestId, person } = await inDoubt();
    const leaver = at.sketch('hris', { email: `x${at.email}` });
    const { _id, userId } = await at.arrive(leaver);
    await drive(tenure, _id);
    await tenure.take(userEvent('deleted', leaver));
    await drive(tenure, _id);
    await resolve(requestId, { action: 'link', userId });
    expect(await membershipById(tenure, _id)).toMatchObject({ backed: true, generation: 1 });
    expect(await typesOf(_id)).toContain('returned');
    await drive(tenure, _id);
    expect(await asked(at, person.id)).toMatchObject({ allowed: true, userId });
  });
});

describe('where the host’s users must have unique e-mails', () => {
  async function conflict(before: (at: Company) => Promise<unknown>) {
    const at = await company(unique);
    await before(at);
    const person = at.sketch('idp');
    await unique.take(userEvent('created', person));
    return { at, person, requests: await at.requests() };
  }

  async function leaverIn(at: Company) {
    const leaver = at.sketch('hris');
    await unique.take(userEvent('created', leaver));
    const { _id, userId } = await membershipOf(unique, leaver.id);
    await drive(unique, _id);
    await unique.take(userEvent('deleted', leaver));
    return { leaver, membershipId: _id, userId };
  }

  it('somebody with the address of one who left waits for an admin, and is no error', async () => {
    let left = { userId: '' };
    const { at, person, requests } = await conflict(async (here) => {
      left = await leaverIn(here);
    });
    expect(requests).toMatchObject([{ cause: 'emailInUse', candidateUserIds: [left.userId] }]);
    expect(await at.count()).toBe(1);
    const gate = { organizationId: at.organizationId, directoryUserId: person.id };
    expect(await checkAccess(unique.store.db, gate)).toMatchObject({ reason: 'pendingLink' });
  });

  it('somebody with an address of another organization waits as well, and may be that user', async () => {
    const elsewhere = await company(unique);
    const known = await elsewhere.arrive(elsewhere.sketch('idp'));
    const at = await company(unique);
    const person = at.sketch('idp', { email: elsewhere.email });
    await unique.take(userEvent('created', person));
    const [request] = await at.requests();
    expect(request).toMatchObject({ cause: 'emailInUse', candidateUserIds: [known.userId] });
    await resolve(request?._id ?? '', { action: 'link', userId: known.userId }, { at: unique });
    const joined = await membershipOf(unique, person.id);
    expect(joined).toMatchObject({ userId: known.userId, organizationId: at.organizationId });
    expect(joined._id).not.toBe(known._id);
    await drive(unique, joined._id);
    expect((await membershipById(unique, joined._id)).access.state).toBe('open');
    // And the other organization's membership is not touched by a leaving here.
    await drive(unique, known._id);
    const before = await membershipById(unique, known._id);
    await unique.take(userEvent('deleted', person));
    expect((await membershipById(unique, joined._id)).access.reason).toBe('notBacked');
    expect(await membershipById(unique, known._id)).toEqual(before);
  });

  it('`separate` takes the address from the one who left, whose return asks for it again', async () => {
    let left = {
      userId: '',
      membershipId: '',
      leaver: { id: '', organizationId: '', directoryId: '' },
    };
    const { person, requests } = await conflict(async (here) => {
      left = await leaverIn(here);
    });
    const wanted = (await membershipById(unique, left.membershipId)).projection.wanted;
    await resolve(requests[0]?._id ?? '', { action: 'separate' }, { at: unique });
    const made = await membershipOf(unique, person.id);
    expect(made.userId).not.toBe(left.userId);
    const { users } = unique.store.collections;
    expect(await users.findOne({ _id: left.userId })).toMatchObject({ emailReleased: true });
    expect((await membershipById(unique, left.membershipId)).projection.wanted).toBe(wanted + 1);
    await unique.take(userEvent('updated', left.leaver));
    expect((await users.findOne({ _id: left.userId }))?.emailReleased).toBeUndefined();
  });

  it('`separate` is refused while somebody who is in has the address', async () => {
    const { at, requests } = await conflict(async (here) => {
      const there = here.sketch('idp');
      await unique.take(userEvent('created', there));
      await drive(unique, (await membershipOf(unique, there.id))._id);
    });
    const [request] = requests;
    expect(request?.cause).toBe('emailInUse');
    expect(
      await refusalOf(resolve(request?._id ?? '', { action: 'separate' }, { at: unique })),
    ).toBe('emailInUse');
    expect(await at.requests()).toHaveLength(1);
  });

  it('another address in the directory answers the question', async () => {
    const { at, person } = await conflict(leaverIn);
    await unique.take(userEvent('updated', { ...person, email: `other.${at.email}` }));
    expect(await at.requests()).toEqual([]);
    expect((await membershipOf(unique, person.id)).backed).toBe(true);
    const { linkRequests } = unique.store.collections;
    const { organizationId } = at;
    expect(await linkRequests.findOne({ organizationId })).toMatchObject({
      resolution: 'withdrawn',
    });
  });

  it('the one person who was there before is linked all the same', async () => {
    const at = await company(unique);
    const { membershipId } = await at.add();
    expect((await at.arrive(at.sketch('idp')))._id).toBe(membershipId);
  });
});
