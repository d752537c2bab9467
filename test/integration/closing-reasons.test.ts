import { readFile } from 'node:fs/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { createActivities, type Activities } from '../../activities/index.ts';
import { createOutsideSources } from '../../connectors/outside-sources.ts';
import type { SessionSource } from '../../domain/host-file.ts';
import { closingReasons, type ClosingReason } from '../../domain/words.ts';
import { newId } from '../../platform/ids.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { disableMembership } from '../../transitions/commands/disable-membership.ts';
import { reactivateMembership } from '../../transitions/commands/reactivate-membership.ts';
import { revokeSubject } from '../../transitions/commands/revoke-subject.ts';
import { undoLink } from '../../transitions/links/undo-link.ts';
import { changeMembership } from '../../transitions/membership/change-membership.ts';
import { learnHostUserId } from '../../transitions/notifications/learn-host-user-id.ts';
import { startAnew } from '../../transitions/organization/go-live.ts';
import { importUser } from '../../transitions/organization/import-users.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { company } from '../support/company.ts';
import { userEvent, workosId } from '../support/events.ts';
import { startHostEndpoint, type HostEndpoint } from '../support/host-endpoint.ts';
import { activityAlone, quietTemporal } from '../support/quiet-temporal.ts';
import { openTenure, scriptedLookup, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
let endpoint: HostEndpoint;

beforeAll(async () => {
  quietTemporal();
  tenure = await openTenure();
}, 60_000);
afterAll(async () => tenure.close());
beforeEach(async () => {
  endpoint = await startHostEndpoint();
});
afterEach(async () => endpoint.close());

/** A worker whose host application ends sessions by http, and others by an activity. */
function worker(): Activities {
  const sessions: SessionSource[] = [
    { kind: 'app', connector: 'http', url: endpoint.url, secretEnv: 'S', allowPrivate: true },
    { kind: 'legacy', connector: 'temporal', taskQueue: 'billing', activityType: 'revoke' },
  ];
  const file = { ...tenure.file, sessions };
  const secrets = new Map([['S', [endpoint.secret]]]);
  return createActivities(
    {
      store: tenure.store,
      file,
      host: null,
      outsideSources: createOutsideSources(file, { secrets, workos: null }),
      directoryLookup: scriptedLookup(),
      directoryListing: null,
      polling: null,
      revocation: { readBackPauseMs: 1, giveUpAfterMs: 1000 },
      newUserId: () => newId('user'),
      maxPauseMs: 1000,
      guardSettleMs: 0,
      onVerifiedEmpty: () => undefined,
    },
    () => undefined,
  );
}

/** Somebody whose access was closed, and what may happen to them before it is revoked: no other closing. */
interface Closed {
  membershipId: string;
  meanwhile: () => Promise<unknown>;
}

/** Somebody who joined through a directory and is in. */
async function person() {
  const organizationId = workosId('org');
  await sandbox(tenure, organizationId, { suspendedCountsAsLeaving: false });
  const directoryId = workosId('directory');
  const sketch = { id: workosId('directory_user'), organizationId, directoryId };
  await tenure.take(userEvent('created', sketch));
  const { _id: membershipId, userId } = await membershipOf(tenure, sketch.id);
  await drive(tenure, membershipId);
  const by = { membershipId, actor: 'admin:ada', reason: null };
  return {
    membershipId,
    userId,
    organizationId,
    told: async (type: 'updated' | 'deleted', state = 'active') =>
      tenure.take(userEvent(type, { ...sketch, state })),
    disable: async () => disableMembership(tenure.store, by),
    reactivate: async () => reactivateMembership(tenure.store, by),
  };
}

async function goLive(membershipId: string): Promise<void> {
  const policy = resolvePolicy(null, {});
  await inTransaction(tenure.store, async (tx) =>
    changeMembership(tx, membershipId, { actor: 'lifecycle' }, (draft, note) =>
      startAnew(draft, policy, tx.at, note),
    ),
  );
}

const closings: Record<ClosingReason, () => Promise<Closed>> = {
  async leaving() {
    const ada = await person();
    await ada.told('deleted');
    return { ...ada, meanwhile: async () => ada.told('updated') };
  },
  async disabled() {
    const ada = await person();
    await ada.disable();
    return { ...ada, meanwhile: ada.reactivate };
  },
  async suspended() {
    const ada = await person();
    await ada.told('updated', 'suspended');
    return { ...ada, meanwhile: async () => ada.told('updated') };
  },
  async tokenRevoked() {
    const ada = await person();
    await revokeSubject(tenure.store, {
      subject: { format: 'opaque', id: ada.userId },
      organizationId: ada.organizationId,
      actor: 'revocation',
      receivedAt: new Date(),
    });
    return { ...ada, meanwhile: async () => ada.told('updated') };
  },
  async unlinked() {
    const at = await company(tenure);
    const { membershipId } = await at.add();
    const namesake = at.sketch('idp');
    await at.arrive(namesake);
    await drive(tenure, membershipId);
    const undoing = { membershipId, directoryUserId: namesake.id, actor: 'admin:ada', reason: '' };
    const rules = { file: tenure.file, newUserId: tenure.intake.newUserId };
    await undoLink(tenure.store, undoing, rules);
    return { membershipId, meanwhile: async () => undefined };
  },
  async idLearned() {
    const ada = await person();
    await ada.disable();
    await inTransaction(tenure.store, async (tx) =>
      learnHostUserId(tx, { users: null }, ada, workosId('row')),
    );
    return { ...ada, meanwhile: ada.reactivate };
  },
  async wentLive() {
    const organizationId = workosId('org');
    const { membershipId } = await importUser(
      tenure.store,
      {
        id: workosId('host_user'),
        organizationId,
        email: null,
        username: null,
        name: null,
        roles: [],
        status: 'disabled',
      },
      'import',
    );
    await goLive(membershipId);
    return { membershipId, meanwhile: async () => undefined };
  },
};

async function revoke(activities: Activities, membershipId: string): Promise<void> {
  const { closings: closing } = await membershipById(tenure, membershipId);
  const input = { membershipId, nowMs: Date.now(), closing };
  // Fails as long as anything is not verified: the kind that an activity ends, at least.
  await activityAlone()
    .run(activities.revokeSessions, input)
    .catch(() => undefined);
}

/** What a workflow calls an activity of the host application with. */
async function toldElsewhere(activities: Activities, membershipId: string) {
  const seen = await activities.look({ membershipId, nowMs: Date.now() });
  return seen?.elsewhere?.reason;
}

describe('the reason of a closing', () => {
  it.each(closingReasons)('is told to the host application as it is: %s', async (reason) => {
    const { membershipId } = await closings[reason]();
    const activities = worker();
    await revoke(activities, membershipId);
    expect(endpoint.asked[0]).toMatchObject({ path: '/tenure/revoke', body: { reason } });
    expect(await toldElsewhere(activities, membershipId)).toBe(reason);
  });

  it.each(closingReasons)(
    'stays the same at every try, whatever happens to the person meanwhile: %s',
    async (reason) => {
      const { membershipId, meanwhile } = await closings[reason]();
      endpoint.instead = (_, response) => {
        response.writeHead(500).end();
        return true;
      };
      const activities = worker();
      await revoke(activities, membershipId);
      const before = await membershipById(tenure, membershipId);
      await meanwhile();
      endpoint.instead = null;
      await revoke(activities, membershipId);
      expect((await membershipById(tenure, membershipId)).closings).toBe(before.closings);
      const [first, second] = endpoint.asked;
      expect(second).toEqual(first);
      expect(await toldElsewhere(activities, membershipId)).toBe(reason);
    },
  );

  it.each([
    ['docs/host-protocol.openapi.yaml', /enum: \[(.*)\]/],
    ['docs/connectors.md', /### Why[^]*?\n## /],
  ])('is documented for whoever is told: %s', async (file, part) => {
    const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
    const words = text.match(part)?.[0] ?? '';
    expect(closingReasons.filter((reason) => !words.includes(reason))).toEqual([]);
  });

  it('is that of before where Tenure goes live and does in earnest what it only observed', async () => {
    const ada = await person();
    await ada.told('deleted');
    await goLive(ada.membershipId);
    await revoke(worker(), ada.membershipId);
    expect(endpoint.asked[0]?.body).toMatchObject({ reason: 'leaving' });
  });

  it('is a leaving where it was not written down yet, as was said then', async () => {
    const ada = await person();
    await ada.disable();
    const { memberships } = tenure.store.collections;
    await memberships.updateOne({ _id: ada.membershipId }, { $unset: { closingReason: '' } });
    const activities = worker();
    await revoke(activities, ada.membershipId);
    expect(endpoint.asked[0]?.body).toMatchObject({ reason: 'leaving' });
    expect(await toldElsewhere(activities, ada.membershipId)).toBe('leaving');
  });
});
