import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MongoClient } from 'mongodb';

import { linkKey } from '../../domain/link-keys.ts';
import { addressCollation } from '../../platform/mongo/address-collation.ts';
import { freshDatabaseName, testServers } from '../support/servers.ts';

let client: MongoClient;

beforeAll(async () => {
  client = await MongoClient.connect(testServers().mongodbUrl);
});

afterAll(async () => client.close());

/** One address as people, directories and keyboards write it. */
const ways: ((address: string) => string)[] = [
  (address) => address.toUpperCase(),
  (address) =>
    address.replaceAll(/[a-z]/g, (letter, at: number) =>
      at % 2 === 0 ? letter.toUpperCase() : letter,
    ),
  (address) => ` ${address}`,
  (address) => `${address}\t\r\n`,
  (address) => `\u00a0\u2009\u3000\ufeff${address}\u000b\u000c\u2028\u2029`,
];

describe('the collation of addresses', () => {
  it('finds every text whose link key is the plain address', async () => {
    const database = client.db(freshDatabaseName());
    const collection = database.collection<{ _id: number; address: string }>('addresses');
    const text = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 });
    const plain = fc
      .sample(text, { numRuns: 600, seed: 20_261_123 })
      .map((sample) => linkKey(sample))
      .filter((key) => key !== null && /^[!-~]+$/.test(key));
    const written = plain.flatMap((key) =>
      ways.map((way) => ({ key: key ?? '', address: way(key ?? '') })),
    );
    expect(written.length).toBeGreaterThan(1000);
    for (const { key, address } of written) expect(linkKey(address)).toBe(key);
    await collection.createIndex({ address: 1 }, { collation: addressCollation });
    await collection.insertMany(written.map(({ address }, _id) => ({ _id, address })));
    const missed: string[] = [];
    for (const [_id, { key, address }] of written.entries()) {
      const found = await collection.findOne(
        { _id, address: { $in: [key] } },
        { collation: addressCollation },
      );
      if (found === null) missed.push(`${JSON.stringify(key)}: ${JSON.stringify(address)}`);
    }
    await database.dropDatabase();
    expect(missed).toEqual([]);
  }, 60_000);
});
