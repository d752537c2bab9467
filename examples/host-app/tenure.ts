import { Router } from '@koa/router';
import type { Context } from 'koa';
import type { Db } from 'mongodb';
import { Webhook } from 'standardwebhooks';

import type { Live } from './live.ts';
import type { Grant } from './sessions.ts';

/** What Tenure's own requests need. */
export interface TenureOptions {
  db: Db;
  live: Pick<Live, 'close'>;
  /** `whsec_...`, the same as Tenure signs with. */
  secret: string;
}

const maxBytes = 64 * 1024;

/**
 * What Tenure asks of the application, all of it signed by Standard Webhooks:
 *
 * - `POST /tenure/notifications`: what happened to somebody. `access.closed` ends their live connections.
 * - `POST /tenure/revoke` and `POST /tenure/list`: the protocol of the connector `http`, here for the grants of
 *   apps. Both may come twice, and in any order: they say what is, not what was done.
 */
export function createTenureRoutes({ db, live, secret }: TenureOptions): Router {
  const grants = db.collection<Grant>('oauthGrants');
  const webhook = new Webhook(secret);
  const router = new Router({ prefix: '/tenure' });
  router.post('/notifications', async (ctx) => {
    const { type, data } = await signedBody(ctx, webhook);
    if (type === 'access.closed') live.close(personIn(ctx, data));
    ctx.status = 204;
  });
  router.post('/revoke', async (ctx) => {
    const theirs = { ...personIn(ctx, await signedBody(ctx, webhook)), revokedAt: null };
    const { modifiedCount } = await grants.updateMany(theirs, { $set: { revokedAt: new Date() } });
    ctx.body = { revoked: modifiedCount, left: await grants.countDocuments(theirs) };
  });
  router.post('/list', async (ctx) => {
    const person = personIn(ctx, await signedBody(ctx, webhook));
    ctx.body = { alive: await grants.countDocuments({ ...person, revokedAt: null }) };
  });
  return router;
}

/** The raw bytes are what was signed: a parsed body that is written again may be another text. */
async function signedBody(ctx: Context, webhook: Webhook): Promise<Record<string, unknown>> {
  const body = await rawBody(ctx);
  try {
    webhook.verify(body, headersOf(ctx), { jsonParse: false });
  } catch {
    ctx.throw(401, 'The signature is missing, wrong or too old.');
  }
  const parsed: unknown = JSON.parse(body);
  return isRecord(parsed) ? parsed : {};
}

async function rawBody(ctx: Context): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of ctx.req) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBytes) ctx.throw(413, 'Too large.');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function headersOf(ctx: Context): Record<string, string> {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return Object.fromEntries(names.map((name) => [name, ctx.get(name)]));
}

/** Texts only: anything else could be a MongoDB operator. */
function personIn(ctx: Context, value: unknown): { userId: string; organizationId: string } {
  const { userId, organizationId } = isRecord(value) ? value : {};
  if (typeof userId !== 'string' || typeof organizationId !== 'string') {
    ctx.throw(422, 'userId and organizationId are needed.');
  }
  return { userId, organizationId };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
