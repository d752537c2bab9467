import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MongoClient } from 'mongodb';
import { mongodPart } from '../../local/servers/parts.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import {
  startPartGroup,
  startPrivateStack,
  testServers,
  type PrivateStack,
} from '../support/servers.ts';

let stack: PrivateStack;
let mongo: MongoClient;

beforeAll(async () => {
  stack = await startPrivateStack();
  mongo = new MongoClient(stack.mongodbUrl);
}, 60_000);

afterAll(async () => {
  await mongo.close();
  await stack.stop();
}, 60_000);

async function temporalNamespaceAttributes(): Promise<string[]> {
  const connection = await Connection.connect({ address: stack.temporalAddress });
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    return Object.keys(customAttributes);
  } finally {
    await connection.close();
  }
}

describe('the embedded mongod', () => {
  test('has transactions and keeps what it acknowledged over a kill', async () => {
    const people = mongo.db('kill').collection<{ _id: string }>('people');
    await mongo.withSession((session) =>
      session.withTransaction(() => people.insertOne({ _id: 'kept' }, { session })),
    );
    await stack.kill('mongod');
    await stack.restart('mongod');
    expect(await people.findOne({ _id: 'kept' })).toEqual({ _id: 'kept' });
  });

  test('runs no JavaScript', async () => {
    const people = mongo.db('script').collection('people');
    await people.insertOne({});
    await expect(people.findOne({ $where: 'true' })).rejects.toThrow(/script/i);
  });

  test('prints neither documents nor filters of slow operations in its log', async () => {
    const people = mongo.db('log').collection('people');
    const documents = Array.from({ length: 60_000 }, (_, n) => ({
      email: `canary${n}@example.com`,
    }));
    await people.insertMany(documents);
    const pattern = /canary.*.*.*.*unfindable/;
    const begin = Date.now();
    await people.find({ email: pattern }).toArray();
    await people.updateMany({ email: /canary/ }, { $set: { name: 'canary name' } });
    // The log's threshold is 100 ms: both were above it, and would be in a log that samples.
    expect(Date.now() - begin).toBeGreaterThan(250);
    await expect(people.find({ email: pattern }).maxTimeMS(1).toArray()).rejects.toThrow(/time/);
    const log = await readFile(join(stack.directory, 'mongod.log'), 'utf8');
    expect(log).toContain('Waiting for connections');
    expect(log).not.toContain('canary');
  });

  test('goes on with its data on another port', async () => {
    const group = startPartGroup(`${stack.directory}|port`);
    const place = { dataDirectory: join(stack.directory, 'mongod'), logDirectory: stack.directory };
    await mongo.db('move').collection('people').insertOne({ name: 'x' });
    await stack.kill('mongod');
    const port = await freePort();
    await group.start(mongodPart(testServers().mongod, port, { ...place, env: process.env }));
    const moved = new MongoClient(`mongodb://127.0.0.1:${port}/?replicaSet=rs0`);
    try {
      expect(await moved.db('move').collection('people').countDocuments()).toBe(1);
    } finally {
      await moved.close();
      await group.stop();
    }
    await stack.restart('mongod');
    expect(await mongo.db('move').collection('people').countDocuments()).toBe(1);
  });
});

describe('the embedded Temporal server', () => {
  const attributes = ['TenureBlockedBy', 'TenureDueAt', 'TenureOrganizationId', 'TenurePhase'];

  test('keeps workflows over a kill, and its search attributes', async () => {
    const workflowId = 'user-lifecycle/kept';
    const first = await Connection.connect({ address: stack.temporalAddress });
    const options = { workflowId, taskQueue: 'nobody-listens' };
    await new Client({ connection: first }).workflow.start('userLifecycle', options);
    await first.close();
    await stack.kill('temporal');
    await stack.restart('temporal');
    const second = await Connection.connect({ address: stack.temporalAddress });
    const { status } = await new Client({ connection: second }).workflow
      .getHandle(workflowId)
      .describe();
    await second.close();
    expect(status.name).toBe('RUNNING');
    expect(await temporalNamespaceAttributes()).toEqual(expect.arrayContaining(attributes));
  });
});
