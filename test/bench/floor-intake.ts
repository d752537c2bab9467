/**
 * The floor of the intake, a process of its own: a bare Koa, the HMAC of the body, one majority insert and one
 * signalWithStart that is awaited. The least that any webhook endpoint on MongoDB and Temporal does. Nothing
 * polls its task queue, so its workflows cost nothing further.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

import { Client, Connection } from '@temporalio/client';
import Koa from 'koa';
import { MongoClient } from 'mongodb';

import { webhookSecret } from './deliveries.ts';

const {
  PORT = '',
  MONGODB_URL = '',
  TEMPORAL_ADDRESS = '',
  FLOOR_DATABASE = 'floor',
} = process.env;

const mongo = await MongoClient.connect(MONGODB_URL, {
  writeConcern: { w: 'majority', journal: true },
});
const inbox = mongo.db(FLOOR_DATABASE).collection<{ _id: string; body: string }>('inbox');
const client = new Client({ connection: await Connection.connect({ address: TEMPORAL_ADDRESS }) });

const app = new Koa();
app.use(async (ctx) => {
  const chunks: Buffer[] = [];
  for await (const chunk of ctx.req) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (!isSigned(ctx.get('workos-signature'), body)) {
    ctx.status = 401;
    return;
  }
  const event = JSON.parse(body.toString('utf8'));
  await inbox.insertOne({ _id: event.id, body: body.toString('utf8') });
  await client.workflow.signalWithStart('floor', {
    workflowId: `floor-intake/${event.data.id}`,
    taskQueue: 'floor-nobody-polls',
    signal: 'lookAgain',
  });
  ctx.body = { status: 'stored' };
});

function isSigned(header: string, body: Buffer): boolean {
  const [, time = '', signature = ''] = /^t=(\d+), v1=([0-9a-f]{64})$/.exec(header) ?? [];
  if (Math.abs(Date.now() - Number(time)) > 300_000) return false;
  const expected = createHmac('sha256', webhookSecret).update(`${time}.`).update(body).digest();
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

app.listen(Number(PORT), '127.0.0.1');
