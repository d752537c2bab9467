import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient, type Document } from 'mongodb';

import { createGate, type Gate } from '../../gate/create-gate.ts';
import { mongodUrl } from '../../local/servers/mongod-process.ts';
import { mongodPart } from '../../local/servers/parts.ts';
import type { Part } from '../../local/supervisor/part.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import { startPartGroup, testServers, type PartGroup } from '../support/servers.ts';

let group: PartGroup;
let directory: string;
let primary: MongoClient;
let secondary: MongoClient;
/** Knows the set, and so finds the primary by itself. */
let set: MongoClient;

/** A client of one server, whatever it is. */
function directTo(port: number): MongoClient {
  return new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`);
}

async function startMongod(name: string, port: number, changes: Partial<Part> = {}): Promise<void> {
  const dataDirectory = join(directory, name);
  await mkdir(dataDirectory);
  const place = { dataDirectory, logDirectory: dataDirectory, env: process.env };
  const part = mongodPart(testServers().mongod, port, place);
  await group.start({ ...part, name, ...changes });
}

async function until(test: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await test())) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function says(client: MongoClient, word: 'secondary' | 'isWritablePrimary') {
  const hello: Document = await client
    .db()
    .command({ hello: 1 })
    .catch(() => ({}));
  return hello[word] === true;
}

/** A primary, and a secondary that is an hour behind once it has its first copy. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenure-gate-direct-'));
  group = startPartGroup(`${directory}|gate-direct`);
  const ports = [await freePort(), await freePort()] as const;
  [primary, secondary] = [directTo(ports[0]), directTo(ports[1])];
  await startMongod('first', ports[0]);
  // Not `ready` as the others: that would make a set of its own.
  const isUp = async () =>
    secondary
      .db()
      .command({ ping: 1 })
      .then(
        () => true,
        () => false,
      );
  await startMongod('second', ports[1], { ready: isUp });
  set = await new MongoClient(mongodUrl(ports[0])).connect();
  await rows().insertOne({
    organizationId: 'org_a',
    userIds: ['user_a'],
    access: { state: 'open', reason: 'open' },
  });
  const { config } = await primary.db('admin').command({ replSetGetConfig: 1 });
  const behind = { priority: 0, votes: 0, hidden: true, secondaryDelaySecs: 3_600 };
  const members = [...config.members, { _id: 1, host: `127.0.0.1:${ports[1]}`, ...behind }];
  const settings = { ...config.settings, electionTimeoutMillis: 500, heartbeatIntervalMillis: 250 };
  const replSetReconfig = { ...config, members, settings, version: config.version + 1 };
  await primary.db('admin').command({ replSetReconfig });
  await until(async () => says(secondary, 'secondary'));
}, 120_000);

afterAll(async () => {
  for (const client of [primary, secondary, set]) await client.close();
  await group.stop();
  await rm(directory, { recursive: true, force: true });
});

function rows(client = set) {
  return client.db('tenure').collection('gate_v1');
}

function gateOn(client: MongoClient): Gate {
  return createGate({ db: client.db('tenure'), timeoutMs: 10_000 });
}

const question = { organizationId: 'org_a', action: 'write', userId: 'user_a' } as const;
const unavailable = { allowed: false, reason: 'unavailable', roles: [] };

describe('a gate with a direct connection', () => {
  it('lets nobody in by what a secondary has, which may be long past', async () => {
    await rows().updateOne({}, { $set: { access: { state: 'closed', reason: 'notBacked' } } });
    const past = await rows(secondary).findOne({}, { readPreference: 'primary' });
    // What makes it matter: the driver reads there, although only a primary was asked for.
    expect(past).toMatchObject({ access: { state: 'open' } });
    for (const action of ['login', 'read', 'write'] as const) {
      expect(await gateOn(secondary).check({ ...question, action })).toMatchObject(unavailable);
    }
    for (const client of [primary, set]) {
      expect(await gateOn(client).check(question)).toMatchObject({ reason: 'notBacked' });
    }
  });

  it('is answered by its server for as long as that is the primary', async () => {
    const gate = gateOn(primary);
    expect(await gate.check(question)).toMatchObject({ reason: 'notBacked' });
    const admin = primary.db('admin');
    // Nobody else can be elected: it stays a secondary until it is told that it need not.
    await admin.command({ replSetStepDown: 120, force: true });
    await until(async () => says(primary, 'secondary'));
    expect(await gate.check(question)).toMatchObject(unavailable);
    await admin.command({ replSetFreeze: 0 });
    await until(async () => says(primary, 'isWritablePrimary'));
    expect(await gate.check(question)).toMatchObject({ reason: 'notBacked' });
  });
});
