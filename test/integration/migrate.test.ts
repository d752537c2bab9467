import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { MongoClient } from 'mongodb';

import { migrate } from '../../platform/mongo/migrations.ts';
import { connectMongo, storeOn } from '../../platform/mongo/store.ts';
import { freshDatabaseName, testServers } from '../support/servers.ts';

/** As many processes as may well start at once: two of the API, two workers and some that restart. */
const processes = 6;
let clients: MongoClient[] = [];

beforeAll(async () => {
  clients = await Promise.all(
    Array.from({ length: processes }, async () => connectMongo(testServers().mongodbUrl, 5000)),
  );
});

afterAll(async () => Promise.all(clients.map(async (client) => client.close())));

/** The collections of a database, each with the names of its indexes. */
async function shapeOf(client: MongoClient, database: string): Promise<Record<string, string[]>> {
  const db = client.db(database);
  const names = (await db.listCollections().toArray()).map(({ name }) => name).toSorted();
  const shapes = names.map(async (name): Promise<[string, string[]]> => {
    const indexes = await db.collection(name).indexes();
    return [name, indexes.map((index) => String(index.name)).toSorted()];
  });
  return Object.fromEntries(await Promise.all(shapes));
}

it('makes one database of several processes that start at once, as one alone makes it', async () => {
  const [alone, together] = [freshDatabaseName(), freshDatabaseName()];
  const [client] = clients;
  await migrate(storeOn(client!, alone));
  await Promise.all(clients.map(async (each) => migrate(storeOn(each, together))));

  const shape = await shapeOf(client!, together);
  expect(shape).toEqual(await shapeOf(client!, alone));
  expect(Object.keys(shape)).toEqual(
    Object.values(storeOn(client!, together).collections)
      .map(({ collectionName }) => collectionName)
      .toSorted((one, other) => (one < other ? -1 : 1)),
  );
  expect(shape['memberships']).toContain('userId_1_organizationId_1');
  await Promise.all([alone, together].map(async (name) => client!.db(name).dropDatabase()));
});

it('adds what a database lacks and leaves the rest as it is', async () => {
  const store = storeOn(clients[0]!, freshDatabaseName());
  const { memberships, heartbeats, roleMappings } = store.collections;
  await migrate(store);
  const before = await shapeOf(store.client, store.db.databaseName);
  await memberships.dropIndex('pending');
  await heartbeats.drop();
  // One without an index of its own.
  await roleMappings.drop();

  await migrate(store);

  expect(await shapeOf(store.client, store.db.databaseName)).toEqual(before);
  await store.db.dropDatabase();
});
