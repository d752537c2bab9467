import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { MongoClient } from 'mongodb';

import { createScrape } from '../../api/scrape.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { storeOn, type Store } from '../../platform/mongo/store.ts';
import { freshStore } from './api-fixture.ts';

let fresh: Awaited<ReturnType<typeof freshStore>>;

beforeAll(async () => {
  fresh = await freshStore();
}, 60_000);

afterAll(async () => fresh.drop());

describe('a scrape', () => {
  it('asks a MongoDB that does not count no more often than one that does', async () => {
    let asked = 0;
    const down = (): Store => {
      asked += 1;
      throw new Error('MongoDB is down.');
    };
    const scrape = createScrape(createMetrics('api'), down, 300_000);
    expect(await scrape()).toMatch(/^tenure_memberships_pending Nan$/m);
    expect(await scrape()).toMatch(/^tenure_memberships_pending Nan$/m);
    expect(asked).toBe(1);
  });

  it('counts once for all that ask meanwhile, and again once that is outdated', async () => {
    let asked = 0;
    const store = (): Store => {
      asked += 1;
      return fresh.store;
    };
    const scrape = createScrape(createMetrics('api'), store, 300_000);
    for (const text of await Promise.all([scrape(), scrape(), scrape()])) {
      expect(text).toMatch(/^tenure_memberships_pending 0$/m);
    }
    expect(asked).toBe(1);
    const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 5_000);
    try {
      await scrape();
    } finally {
      now.mockRestore();
    }
    expect(asked).toBe(2);
  });

  it('says to MongoDB when each of its counts is to be ended', async () => {
    const client = new MongoClient(process.env['TENURE_TEST_MONGODB_URL'] ?? '', {
      monitorCommands: true,
    });
    const counts: { collection: unknown; maxTimeMS: unknown }[] = [];
    client.on('commandStarted', ({ commandName, command }) => {
      if (commandName !== 'aggregate' && commandName !== 'find') return;
      const collection: unknown = command[commandName];
      counts.push({ collection, maxTimeMS: command['maxTimeMS'] });
    });
    try {
      const store = storeOn(client, fresh.store.db.databaseName);
      await createScrape(createMetrics('api'), () => store, 300_000, false)();
    } finally {
      await client.close();
    }
    const counted = new Set(counts.map(({ collection }) => collection));
    expect(counted).toEqual(new Set(['memberships', 'guards', 'notifications']));
    expect(counts.filter(({ maxTimeMS }) => maxTimeMS !== 5_000)).toEqual([]);
  });
});
