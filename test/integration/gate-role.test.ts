import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MongoClient, type Document } from 'mongodb';

import { createGate } from '../../gate/create-gate.ts';
import { mongodUrl } from '../../local/servers/mongod-process.ts';
import { mongodPart } from '../../local/servers/parts.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import { migrate } from '../../platform/mongo/migrations.ts';
import { storeOn } from '../../platform/mongo/store.ts';
import { startPartGroup, testServers, type PartGroup } from '../support/servers.ts';

let group: PartGroup;
let directory: string;
let port: number;
const clients: MongoClient[] = [];

/** What a script for mongosh would have `createRole` make, so that what operators run is what is tested. */
function rolesMadeBy(script: string): Document[] {
  const made: Document[] = [];
  const database = (name: string): object => ({
    hello: () => ({ isWritablePrimary: true }),
    getSiblingDB: database,
    getRole: () => null,
    getUser: () => null,
    createUser: () => undefined,
    createRole: (role: Document) => made.push({ ...role, db: name }),
  });
  runInNewContext(script, {
    db: database('admin'),
    rs: { status: () => undefined },
    process: { env: {} },
    passwordPrompt: () => 'password',
  });
  return made;
}

async function read(path: string): Promise<string> {
  return readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
}

async function connect(user: string, more = ''): Promise<MongoClient> {
  const url = mongodUrl(port).replace('//', `//${user}:password@`);
  const client = await new MongoClient(`${url}&authSource=tenure&${more}`).connect();
  clients.push(client);
  return client;
}

/** A replica set with users: made without, since only then may anybody make the first one from here. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenure-gate-role-'));
  group = startPartGroup(`${directory}|gate-role`);
  port = await freePort();
  const dataDirectory = join(directory, 'mongod');
  await mkdir(dataDirectory);
  const place = { dataDirectory, logDirectory: directory, env: process.env };
  const open = mongodPart(testServers().mongod, port, place);
  await group.start(open);

  const client = await new MongoClient(mongodUrl(port)).connect();
  const store = storeOn(client, 'tenure');
  await migrate(store);
  await store.collections.gate.insertOne({
    _id: 'membership_a',
    membershipId: 'membership_a',
    userId: 'user_a',
    userIds: ['user_a'],
    organizationId: 'org_a',
    directoryUserIds: [],
    idpIds: ['idp_a'],
    emails: ['ada@example.com'],
    access: { state: 'open', reason: 'open' },
    roles: [],
    permissions: [],
    features: [],
  });
  const [role] = rolesMadeBy(await read('deploy/mongodb/init.js'));
  if (role === undefined) throw new Error('deploy/mongodb/init.js makes no role.');
  const { role: createRole, db: _db, ...rights } = role;
  await store.db.command({ createRole, ...rights });
  for (const [name, roles] of [
    ['gate', [createRole]],
    ['nobody', []],
  ] as const) {
    await store.db.command({ createUser: name, pwd: 'password', roles });
  }
  await client.close();
  await group.kill('mongod');

  const keyFile = join(directory, 'key');
  await writeFile(keyFile, randomBytes(96).toString('base64'), { mode: 0o400 });
  await group.start({ ...open, args: [...open.args, '--auth', `--keyFile=${keyFile}`] });
}, 120_000);

afterAll(async () => {
  for (const client of clients) await client.close();
  await group.stop();
  await rm(directory, { recursive: true, force: true });
});

const question = { organizationId: 'org_a', action: 'write', userId: 'user_a' } as const;

describe('the role of the gate', () => {
  it('is the same in the documentation and in the Compose deployment', async () => {
    const recipe = /```js\n([^]*?)```/.exec(await read('docs/gate.md'))?.[1] ?? '';
    const roles = rolesMadeBy(recipe);
    expect(roles).toHaveLength(1);
    expect(rolesMadeBy(await read('deploy/mongodb/init.js'))).toEqual(roles);
  });

  it('is enough for everything that the gate does', async () => {
    const gate = createGate({ db: (await connect('gate')).db('tenure'), readCacheMs: 100 });
    for (const asked of [
      { userId: 'user_a' },
      { email: 'ada@example.com' },
      { sso: { idpId: 'idp_a' } },
      { sso: { idpId: 'idp_new', email: 'ada@example.com' } },
    ]) {
      for (const action of ['login', 'read', 'write'] as const) {
        const answer = await gate.check({ organizationId: 'org_a', action, ...asked });
        expect(answer).toMatchObject({ allowed: true, userId: 'user_a' });
      }
    }
  });

  it('is enough to ask a server directly, too', async () => {
    const db = (await connect('gate', 'directConnection=true')).db('tenure');
    expect(await createGate({ db }).check(question)).toMatchObject({ allowed: true });
  });

  it('reads nothing else, and writes nothing', async () => {
    const tenure = (await connect('gate')).db('tenure');
    const refused = { codeName: 'Unauthorized' };
    for (const name of ['memberships', 'users', 'inbox', 'directoryUsers', 'system.views']) {
      await expect(tenure.collection(name).findOne()).rejects.toMatchObject(refused);
    }
    const gate = tenure.collection('gate_v1');
    const attempts: (() => Promise<unknown>)[] = [
      async () => gate.insertOne({}),
      async () => gate.updateMany({}, { $set: { 'access.state': 'open' } }),
      async () => gate.deleteMany({}),
      async () => gate.aggregate([{ $lookup: lookup('memberships') }]).toArray(),
      async () => gate.aggregate([{ $out: 'mine' }]).toArray(),
      async () => gate.rename('mine'),
      async () => gate.drop(),
      async () => gate.createIndex({ roles: 1 }),
      async () => tenure.createCollection('mine', { viewOn: 'users', pipeline: [] }),
      async () => tenure.collection('mine').insertOne({}),
      async () => tenure.listCollections().toArray(),
      async () => tenure.command({ createUser: 'x', pwd: 'x', roles: [] }),
      async () => tenure.client.db('acme').collection('users').findOne(),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject(refused);
  });

  it('missing, is told as what it is: never an outage, and never an allow', async () => {
    const db = (await connect('nobody')).db('tenure');
    for (const onStoreDown of ['deny', 'allowReads'] as const) {
      const gate = createGate({ db, onStoreDown });
      for (const action of ['read', 'write'] as const) {
        await expect(gate.check({ ...question, action })).rejects.toMatchObject({
          codeName: 'Unauthorized',
        });
      }
    }
  });
});

function lookup(from: string): Document {
  return { from, localField: 'membershipId', foreignField: '_id', as: 'all' };
}
