import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoServerError } from 'mongodb';

import { confirmUsers } from '../../intake/confirm-versions.ts';
import { tellingOf } from '../../intake/parse-user-event.ts';
import { takeInUser, versionOfAnswer } from '../../intake/take-in-answer.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { directoryUserData } from '../../platform/workos/wire.ts';
import { beginReconciliation } from '../../transitions/organization/record-reconciliation.ts';
import { wantReconciliation } from '../../transitions/organization/want-reconciliation.ts';
import { directoryEvent, userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;

beforeAll(async () => {
  tenure = await openTenure();
});

afterAll(async () => tenure.close());

function person() {
  const organizationId = workosId('org');
  return { id: workosId('directory_user'), organizationId, directoryId: workosId('directory') };
}

describe('a comparison and what happens beside it', () => {
  it('makes one person of a page and a webhook that tell of them at once', async () => {
    const { organizationId, directoryId } = person();
    await tenure.take(directoryEvent('activated', { id: directoryId, organizationId }));
    const people = Array.from({ length: 30 }, () => ({ ...person(), organizationId, directoryId }));
    await Promise.all(
      people.flatMap((one) => {
        const event = userEvent('created', one);
        const data = directoryUserData.parse(event.data);
        const telling = tellingOf(data, versionOfAnswer(Date.now() - 10_000), false);
        return [takeInUser(tenure.store, telling, tenure.intake), tenure.take(event)];
      }),
    );
    const { directoryUsers, memberships } = tenure.store.collections;
    expect(await directoryUsers.countDocuments({ directoryId })).toBe(30);
    expect(await memberships.countDocuments({ organizationId })).toBe(30);
  });

  it('finds somebody there whom another telling made a moment before', async () => {
    const ada = person();
    const { directoryUsers } = tenure.store.collections;
    let refusals = 0;
    // As the unique index refuses, where the other one was committed in between.
    const store: Store = {
      ...tenure.store,
      collections: {
        ...tenure.store.collections,
        directoryUsers: new Proxy(directoryUsers, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name, target);
            if (typeof value !== 'function') return value;
            if (name !== 'replaceOne' || refusals > 0) return value.bind(target);
            return async () => {
              refusals += 1;
              await tenure.take(
                userEvent('created', ada, new Date(Date.now() - 60_000).toISOString()),
              );
              throw new MongoServerError({ message: 'E11000 duplicate key', code: 11000 });
            };
          },
        }),
      },
    };
    const data = directoryUserData.parse(userEvent('created', ada).data);
    const telling = tellingOf(data, versionOfAnswer(Date.now()), false);
    expect(await takeInUser(store, telling, tenure.intake)).toBe('applied');
    expect(refusals).toBe(1);
    expect(await directoryUsers.countDocuments({ directoryId: ada.directoryId })).toBe(1);
  });

  it('does not make older what came in after it was compared', async () => {
    const ada = person();
    await tenure.take(userEvent('created', ada));
    const { directoryUsers } = tenure.store.collections;
    const version = async () =>
      (await directoryUsers.findOne({ 'records.id': ada.id }))?.records[0]?.version;
    const held = await version();
    if (held === undefined) throw new Error('There is no record.');
    // As new as anything can be, so that only what was compared can hold it back.
    const page = versionOfAnswer(Date.now() + 60_000);
    await tenure.take(userEvent('updated', { ...ada, firstName: 'Augusta' }));
    const newer = await version();
    expect(newer).not.toEqual(held);
    await confirmUsers(tenure.store, [{ recordId: ada.id, held }], page);
    expect(await version()).toEqual(newer);
    if (newer === undefined) throw new Error('There is no record.');
    await confirmUsers(tenure.store, [{ recordId: ada.id, held: newer }], page);
    expect(await version()).toEqual({ ...page, updatedAtMs: newer.updatedAtMs });
  });

  it('leaves a request that comes while it begins for the next one', async () => {
    const directory = { id: workosId('directory'), organizationId: workosId('org') };
    await tenure.take(directoryEvent('activated', directory));
    const { reconciliations } = tenure.store.collections;
    const by = { by: 'admin:test', reason: null };
    // After the request was read, and before it is taken away.
    const interrupted: Store = {
      ...tenure.store,
      collections: {
        ...tenure.store.collections,
        reconciliations: new Proxy(reconciliations, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name, target);
            if (typeof value !== 'function') return value;
            if (name !== 'findOneAndUpdate') return value.bind(target);
            return async (...args: unknown[]) => {
              await wantReconciliation(tenure.store, directory.id, by);
              return value.apply(target, args);
            };
          },
        }),
      },
    };
    const begin = async (store: Store) =>
      beginReconciliation(store, { runId: randomUUID(), directoryId: directory.id });
    const wanted = async () =>
      (await tenure.store.collections.directories.findOne({ _id: directory.id }))
        ?.reconcileWantedAt;
    expect(await begin(interrupted)).not.toBeNull();
    expect(await wanted()).toBeInstanceOf(Date);
    expect(await begin(tenure.store)).toMatchObject({ asked: { by: 'admin:test' } });
    expect(await wanted()).toBeUndefined();
    // The first one never said how it ended.
    const runs = await reconciliations.find({ directoryId: directory.id }).toArray();
    expect(runs.map(({ outcome, stopped }) => `${outcome} ${stopped}`).toSorted()).toEqual([
      'running null',
      'stopped abandoned',
    ]);
  });
});
