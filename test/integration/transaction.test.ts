import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';

import { connectMongo, storeOn, type Store } from '../../platform/mongo/store.ts';
import { StoreUnavailable } from '../../platform/mongo/deadline.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { testServers } from '../support/servers.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

let tenure: TestTenure;
let proxy: Proxy;
let store: Store;

beforeAll(async () => {
  tenure = await openTenure();
  proxy = await startProxy(new URL(testServers().mongodbUrl).host);
  const client = await connectMongo(`mongodb://${proxy.address}/?directConnection=true`, 5_000);
  store = storeOn(client, tenure.store.db.databaseName);
}, 60_000);

afterAll(async () => {
  await proxy.close();
  await store.client.close();
  await tenure.close();
});

async function written(_id: string): Promise<boolean> {
  return (await tenure.store.collections.fences.findOne({ _id })) !== null;
}

describe('a transaction', () => {
  it('is given up in its time where the connection is cut without a word', async () => {
    const startedAt = performance.now();
    const given = inTransaction(
      store,
      async (tx) => {
        await tx.store.fences.keys(tx, ['cut']);
        proxy.setMode('blackhole');
        await tx.store.fences.keys(tx, ['cut']);
      },
      { timeoutMs: 500 },
    );
    await expect(given).rejects.toThrow(StoreUnavailable);
    // By itself the driver would wait for forty seconds and more.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    proxy.setMode('pass');
    expect(await written('cut')).toBe(false);
  });

  it('is not committed where its work took longer than it may', async () => {
    const late = inTransaction(
      tenure.store,
      async (tx) => {
        await tx.store.fences.keys(tx, ['late']);
        await pause(300);
      },
      { timeoutMs: 200 },
    );
    await expect(late).rejects.toThrow(StoreUnavailable);
    expect(await written('late')).toBe(false);
  });

  it('is tried again for as long as it may where another one is in its way', async () => {
    let tries = 0;
    await inTransaction(tenure.store, async (tx) => {
      tries += 1;
      await tx.collections.fences.findOne({ _id: 'both' }, { session: tx.session });
      if (tries === 1) {
        await inTransaction(tenure.store, async (other) =>
          other.store.fences.keys(other, ['both']),
        );
      }
      await tx.store.fences.keys(tx, ['both']);
    });
    expect(tries).toBe(2);
    const both = await tenure.store.collections.fences.findOne({ _id: 'both' });
    expect(both?.revision).toBe(2);
  });
});
