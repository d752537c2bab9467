import { z } from 'zod';

import { takeIn, type Taken } from '../../intake/take-in.ts';
import { within } from '../../platform/mongo/deadline.ts';
import { eventEnvelope, type EventEnvelope } from '../../platform/workos/wire.ts';
import type { ApiDeps } from '../deps.ts';
import { ApiProblem, problemOf } from '../problem.ts';
import { parseJson } from '../read-body.ts';
import { noInput, type RawReply, type RawRequest, type Route } from '../route.ts';
import { verifySignature, type SignatureFault } from './verify-signature.ts';

/** When 503 is answered whatever the store does: within two seconds. */
const answerTimeoutMs = 1_900;
/** The transaction may take longer: given up with the answer, a store that is slow would never get anywhere. */
const commitTimeoutMs = 10_000;

const stored = z.strictObject({ status: z.literal('stored') });

/**
 * `POST /webhooks/workos`. 200 means durable, never more and never less: also for a duplicate, an unknown
 * type or an event that had to be quarantined. It does not wait for Temporal.
 */
export const receiveWebhook: Route = {
  method: 'post',
  path: '/webhooks/workos',
  summary: 'Take in one event of WorkOS',
  description:
    'Signed by WorkOS (header `WorkOS-Signature`). 200 once the event is durable, also for a duplicate, ' +
    'an unknown type or unexpected data; 400 not JSON or without id and event; 401 signature wrong, ' +
    'missing, stale or future; 413 too large; 503 cannot store, send it again.',
  auth: 'none',
  schemas: { ...noInput, body: eventEnvelope, responses: { 200: stored } },
  async run(request, deps) {
    try {
      const reply = await receive(request, deps);
      deps.metrics.webhookAnswered(reply.status);
      return reply;
    } catch (error) {
      deps.metrics.webhookAnswered(problemOf(error).status);
      throw error;
    }
  },
};

async function receive(request: RawRequest, deps: ApiDeps): Promise<RawReply> {
  const body = await request.readBytes(deps.settings.webhookMaxBytes);
  const receivedAt = new Date();
  refuseUnlessSigned(request, body, receivedAt, deps);
  const envelope = readEnvelope(body);
  await within(answerTimeoutMs, storeAndSignal(envelope, receivedAt, deps));
  return { status: 200, body: { status: 'stored' } };
}

const faultDetails: Record<SignatureFault, string> = {
  missing: 'The header WorkOS-Signature is missing.',
  malformed: 'The header WorkOS-Signature is malformed.',
  mismatch: 'The signature does not fit the body.',
  stale: 'The signature is too old.',
  future: 'The signature is from the future.',
};

function refuseUnlessSigned(
  request: RawRequest,
  body: Buffer,
  receivedAt: Date,
  { settings, logger }: ApiDeps,
): void {
  const header = request.headers['workos-signature'];
  const check = verifySignature({
    header: Array.isArray(header) ? header.join(',') : header,
    body,
    secrets: settings.webhookSecrets,
    nowMs: receivedAt.getTime(),
  });
  if (check.valid) return;
  if (check.skewMs !== null) {
    // Signed with our secret and yet refused: events are being lost until somebody sets a clock.
    logger.error(
      { fault: check.fault, skewMs: check.skewMs },
      'a webhook with a valid signature was refused for its time: check the clocks',
    );
  } else {
    logger.warn({ fault: check.fault }, 'a webhook was refused for its signature');
  }
  throw new ApiProblem(401, `signature.${check.fault}`, faultDetails[check.fault]);
}

function readEnvelope(body: Buffer): EventEnvelope {
  // An event without data is one that nobody expected, but not one to lose: it goes to quarantine.
  const parsed = eventEnvelope.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  throw new ApiProblem(400, 'notAnEvent', 'The body is no event: `id` and `event` are needed.');
}

/**
 * Commits, and signals what closed: also where the commit comes behind the 503. The event that WorkOS sends again then
 * is a duplicate, which tells nobody anything.
 */
async function storeAndSignal(
  envelope: EventEnvelope,
  receivedAt: Date,
  deps: ApiDeps,
): Promise<void> {
  const taken = await takeIn(
    deps.store(),
    envelope,
    { transport: 'webhook', receivedAt },
    {
      file: deps.hostFile,
      newUserId: deps.newUserId,
      bodyDays: deps.settings.inboxBodyDays,
      timeoutMs: commitTimeoutMs,
    },
  );
  afterCommit(envelope, taken, receivedAt, deps);
}

const teardowns = ['dsync.deleted', 'organization.deleted'];

/** What closed is signalled at once; joins and other updates go through the dispatchers. */
function afterCommit(
  { event }: EventEnvelope,
  taken: Taken,
  receivedAt: Date,
  deps: ApiDeps,
): void {
  if (taken.duplicate) return;
  const { organizationId } = taken;
  if (teardowns.includes(event) && taken.outcome === 'applied') {
    // As loud as a log can be: often it is a mistake, and everybody is locked out meanwhile.
    deps.logger.error({ organizationId, event }, 'its people lose access and wait at a guard');
  }
  if (taken.urgent.length === 0) return;
  deps.metrics.accessClosed('webhook', (Date.now() - receivedAt.getTime()) / 1000);
  deps.signals.lookAgain(taken.urgent.map((membershipId) => ({ membershipId, organizationId })));
}
