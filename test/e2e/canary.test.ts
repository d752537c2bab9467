import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { Client, Connection } from '@temporalio/client';

import { signatureHeader } from '../../local/simulator/sign.ts';
import { laterTime, workosId } from '../support/events.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startPrivateStack, type PrivateStack } from '../support/servers.ts';
import {
  databasePlaces,
  filePlaces,
  formsOf,
  scan,
  temporalPlaces,
  type Canaries,
  type Place,
} from './canary-scan.ts';

/** Decomposed on purpose: whoever normalizes stores other bytes. */
const firstName = 'Zsófianna'.normalize('NFD');

const canaries: Canaries = {
  firstName,
  lastName: 'Quillfeather-Öztürk',
  username: 'zqf_canary_9137',
  email: 'Zsofi.Canary9137@quill-canary.example',
  secondEmail: 'Zsofi.Second9137@quill-canary.example',
  jobTitle: 'Chief Canary 771',
  employeeNumber: 'EMP-CANARY-771',
  phone: '+49 1519 9988771',
  idpId: 'idp-canary-771',
  ip: '203.0.113.177',
  reasonDisable: 'reason-canary-disable-771',
  reasonCancel: 'reason-canary-cancel-771',
  reasonHold: 'reason-canary-hold-771',
  unknownEvent: 'unknown-event-canary-771',
  quarantined: 'quarantined-canary-771',
};
/** What the data map keeps: the text that others discussed. */
const kept: Canaries = { commentBody: 'comment-body-canary-771' };
/** Must not even reach MongoDB. */
const refused: Canaries = {
  unsigned: 'unsigned-canary-771',
  addressAsId: 'zsofi.import9137@quill-canary.example',
  addressAtLogin: 'zsofi.login9137@quill-canary.example',
};

function value(name: string): string {
  return canaries[name] ?? '';
}

describe('the scanner', () => {
  it('finds a value in every form in which it may have been written down', () => {
    const forms = [...formsOf(value('lastName'))];
    expect(forms.length).toBeGreaterThan(100);
    const missed = forms.filter(
      ([, form]) =>
        scan({ it: value('lastName') }, [{ name: '', text: `..${form}..` }]).length === 0,
    );
    expect(missed).toEqual([]);
  });

  it('finds a value inside a longer text that was encoded as base64, wherever it stands', () => {
    for (const before of ['', 'x', 'xy', 'xyz']) {
      const text = Buffer.from(`{"${before}${value('email')}"}`).toString('base64');
      expect(scan({ email: value('email') }, [{ name: 'place', text }])).toHaveLength(1);
    }
  });

  it('finds nothing where nothing is', () => {
    const text = Buffer.from('Quillfeather is somebody else').toString('latin1');
    expect(scan(canaries, [{ name: 'place', text }])).toEqual([]);
  });
});

describe('the personal data of somebody who was forgotten', () => {
  let stack: PrivateStack;
  let tenure: TenureProcesses;
  let connection: Connection;

  beforeAll(async () => {
    stack = await startPrivateStack();
    tenure = await startProcesses({
      mongodbUrl: stack.mongodbUrl,
      temporalAddress: stack.temporalAddress,
    });
    connection = await Connection.connect({ address: stack.temporalAddress });
  }, 120_000);

  afterAll(async () => {
    await connection?.close();
    await tenure?.stop();
    await stack?.stop();
  }, 60_000);

  async function databases(): Promise<Place[]> {
    return [
      ...(await databasePlaces(tenure.store.db, 'tenure')),
      ...(await databasePlaces(tenure.hostDb, 'host')),
    ];
  }

  /** Where a person's data must never be, not even before the erasure. */
  async function elsewhere(): Promise<Place[]> {
    const metrics = async (port: number): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return [
      ...(await temporalPlaces(new Client({ connection }))),
      // The files themselves: what a query does not show is in them too.
      ...(await filePlaces(stack.directory, /^temporal\/.*\.db(-wal)?$|\.log$/)),
      { name: 'log of the API', text: Buffer.from(tenure.api.log()).toString('latin1') },
      { name: 'log of the worker', text: Buffer.from(tenure.worker.log()).toString('latin1') },
      { name: 'metrics of the API', text: await metrics(tenure.api.port) },
      { name: 'metrics of the worker', text: await metrics(tenure.worker.port) },
    ];
  }

  async function give(id: string, command: string, reason: string): Promise<void> {
    const { status } = await tenure.call('POST', `/v1/memberships/${id}/${command}`, { reason });
    expect(status).toBe(200);
  }

  async function sendRaw(event: string, data: object): Promise<void> {
    const body = JSON.stringify({ id: workosId('event'), event, created_at: laterTime(), data });
    expect((await tenure.simulator.deliverer.deliverRaw(body)).status).toBe(200);
  }

  it('is nowhere but in MongoDB before, and nowhere at all afterwards', async () => {
    const { simulator, hostDb } = tenure;
    const { organization, directory } = simulator.tenant({ name: 'Aviary' });
    const organizationId = organization.id;
    await tenure.sandbox(organizationId, 3600);
    const group = simulator.group(directory.id, 'Birds');
    const boss = simulator.join(directory.id, { email: 'boss@aviary.example', firstName: 'Boss' });
    const zsofi = simulator.join(directory.id, {
      idpId: value('idpId'),
      email: value('email'),
      firstName,
      lastName: value('lastName'),
      username: value('username'),
      jobTitle: value('jobTitle'),
      customAttributes: {
        manager_email: 'boss@aviary.example',
        employee_number: value('employeeNumber'),
        phone: value('phone'),
      },
    });
    const manages = (manager: string) => ({ customAttributes: { manager_email: manager } });
    const report = simulator.join(directory.id, {
      email: 'report@aviary.example',
      ...manages(value('email')),
    });
    // Group events are stored whole: hers, and one of a report that names her as manager.
    simulator.addToGroup(zsofi.handle, group.id);
    simulator.addToGroup(report.handle, group.id);
    for (const { user } of [boss, zsofi, report]) {
      await tenure.until(user.id, (m) => m.access.state === 'open');
    }
    const membership = await tenure.until(zsofi.user.id, (m) => m.access.state === 'open');
    const { id, userId } = membership;

    simulator.update(zsofi.handle, { email: value('secondEmail') });
    simulator.update(report.handle, manages(value('secondEmail')));
    const { user } = zsofi;
    await simulator.deliverer.idle();
    await sendRaw('dsync.user.promoted', { id: user.id, note: value('unknownEvent') });
    await sendRaw('dsync.user.updated', {
      id: user.id,
      directory_id: directory.id,
      state: { operator: value('quarantined') },
      email: value('secondEmail'),
    });
    const unsigned = JSON.stringify({ id: workosId('event'), event: 'x', data: refused });
    const wrong = await signatureHeader(unsigned, 'another-secret', Date.now());
    expect((await simulator.deliverer.deliverRaw(unsigned, wrong)).status).toBe(401);
    expect((await simulator.deliverer.deliverRaw(`{"${refused['unsigned']}`)).status).toBe(400);
    // An id would stand in Temporal for ever: as the id of a workflow, and in what it is called with.
    const addressed = { id: refused['addressAsId'], organizationId, email: null };
    expect((await tenure.call('POST', '/v1/users', { users: [addressed] })).status).toBe(422);
    const entering = {
      organizationId,
      userId: refused['addressAtLogin'],
      sso: { idpId: 'idp-canary-772' },
    };
    expect((await tenure.call('POST', '/v1/logins', entering)).status).toBe(422);
    const invalid = { organizationId, action: 'read', email: value('email'), more: value('email') };
    expect((await tenure.call('POST', '/v1/access-checks', invalid)).status).toBe(422);
    const search = await tenure.call('POST', '/v1/users/search', { q: value('secondEmail') });
    expect(search.body.data).toHaveLength(1);

    await hostDb.collection('sessions').insertOne({ userId, organizationId });
    await hostDb
      .collection('projects')
      .insertOne({ ownerId: userId, creatorId: userId, organizationId });
    await hostDb.collection('comments').insertOne({
      authorId: userId,
      organizationId,
      authorName: `${firstName} ${value('lastName')}`,
      authorEmail: value('email'),
      ip: value('ip'),
      body: kept['commentBody'],
    });
    await give(id, 'disable', value('reasonDisable'));
    await give(id, 'reactivate', value('reasonDisable'));
    await tenure.until(user.id, (m) => m.access.state === 'open');
    simulator.leave(zsofi.handle);
    await tenure.until(user.id, (m) => m.phase === 'coolingOff');
    await give(id, 'cancel-deletion', value('reasonCancel'));
    await give(id, 'resume-deletion', value('reasonCancel'));
    const hold = await tenure.call('POST', '/v1/holds', {
      scope: { userId },
      kind: 'audit',
      reason: value('reasonHold'),
    });
    expect(hold.status).toBe(201);

    // Before the erasure the scanner finds every canary in MongoDB, and none anywhere else.
    const before = scan({ ...canaries, ...kept }, await databases());
    expect([...new Set(before.map(({ canary }) => canary))].toSorted()).toEqual(
      Object.keys({ ...canaries, ...kept }).toSorted(),
    );
    expect(scan(refused, await databases())).toEqual([]);
    const everything = { ...canaries, ...kept, ...refused };
    const places = await elsewhere();
    expect(
      places.filter(({ name }) => name.startsWith('temporal user-lifecycle/')).length,
    ).toBeGreaterThan(2);
    expect(places.every(({ text }) => text.length > 0)).toBe(true);
    expect(scan(everything, places)).toEqual([]);
    // The scanner does see into Temporal: the ids that belong there are found.
    expect(
      scan({ id }, places)
        .map(({ place }) => place)
        .join(),
    ).toContain('temporal.db');

    const released = await tenure.call('POST', `/v1/holds/${hold.body.id}/release`, {
      reason: value('reasonHold'),
    });
    expect(released.status).toBe(200);
    simulator.return(zsofi.handle);
    await tenure.until(zsofi.user.id, (m) => m.access.state === 'open');
    await tenure.sandbox(organizationId, 1);
    simulator.leave(zsofi.handle, { inactiveUsers: 'updated' });
    await tenure.untilMembership(id, (m) => m.phase === 'anonymized', 40_000);

    // Late repetitions bring nothing back.
    for (const { wire } of simulator.world.state.events) simulator.deliverer.replay(wire);
    await simulator.deliverer.idle();
    await eventually('rest', async () => {
      const { memberships } = tenure.store.collections;
      return (await memberships.countDocuments({ pendingSince: { $exists: true } })) === 0;
    });

    expect(scan(canaries, await databases())).toEqual([]);
    expect(scan(kept, await databases())).toMatchObject([{ place: 'host.comments' }]);
    expect(await hostDb.collection('comments').findOne({ authorId: userId })).toMatchObject({
      body: kept['commentBody'],
    });
    expect(scan(everything, await elsewhere())).toEqual([]);
  }, 150_000);
});
