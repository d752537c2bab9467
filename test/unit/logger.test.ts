import { describe, expect, it } from '@jest/globals';
import { MongoServerError } from 'mongodb';

import { Refusal } from '../../domain/errors.ts';
import { createLogger, type Logger } from '../../platform/logger.ts';
import { createMetrics } from '../../platform/metrics.ts';
import { safeError } from '../../platform/safe-error.ts';

const address = 'ada.canary@example.test';

/** As the server answers when a unique index refuses a document. */
function duplicateKey(): MongoServerError {
  const key = { emailKey: address };
  const errmsg = `E11000 duplicate key error collection: tenure.users index: emailKey_1 dup key: { emailKey: "${address}" }`;
  return new MongoServerError({
    errmsg,
    message: errmsg,
    code: 11000,
    keyPattern: { emailKey: 1 },
    keyValue: key,
  });
}

function written(write: (logger: Logger) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLogger({ level: 'debug', role: 'api', destination }));
  return lines.map((line) => JSON.parse(line));
}

describe('the logger', () => {
  it('writes one object a line with service, version and role', () => {
    const [line] = written((logger) => logger.info({ membershipId: 'm1' }, 'access closed'));
    expect(line).toMatchObject({
      level: 'info',
      service: 'tenure',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      role: 'api',
      membershipId: 'm1',
      msg: 'access closed',
    });
  });

  it.each<[string, (logger: Logger) => void]>([
    ['as the only argument', (logger) => logger.error(duplicateKey())],
    ['as err, without a message', (logger) => logger.error({ err: duplicateKey() })],
    ['as error', (logger) => logger.error({ error: duplicateKey() }, 'failed')],
    ['deep in a line', (logger) => logger.error({ tries: [{ last: duplicateKey() }] }, 'failed')],
    ['as a cause', (logger) => logger.error(new Error('outer', { cause: duplicateKey() }))],
    ['in an aggregate', (logger) => logger.error(new AggregateError([duplicateKey()], 'several'))],
    ['as part of the text', (logger) => logger.error('failed: %s', duplicateKey())],
    ['in a binding', (logger) => logger.child({ err: duplicateKey() }).error('failed')],
  ])("keeps the value of MongoDB's duplicate-key error to itself %s", (_, write) => {
    const text = JSON.stringify(written(write));
    expect(text).not.toContain('canary');
    expect(text).toContain('MongoServerError');
    expect(text).toContain('11000');
  });

  it('hides fields of people and secrets up to three levels deep', () => {
    const secrets = { email: 'canary', token: 'canary', 'set-cookie': 'canary' };
    const [line] = written((logger) =>
      logger.info({ ...secrets, one: { ...secrets, two: secrets } }, 'x'),
    );
    expect(JSON.stringify(line)).not.toContain('canary');
    expect(line).toMatchObject({ email: '[hidden]', one: { two: { token: '[hidden]' } } });
  });

  it('hides addresses in its texts', () => {
    const [line] = written((logger) => logger.warn('mongodb://me:pw@db.test and %s', address));
    expect(line?.['msg']).toBe('[address] and [address]');
  });
});

describe('a safe error', () => {
  it('keeps class, code and frames of a foreign error, and no message', () => {
    const safe = safeError(duplicateKey());
    expect(safe).toMatchObject({ type: 'MongoServerError', code: 11000 });
    expect(safe.message).toBeUndefined();
    expect(safe.stack.length).toBeGreaterThan(0);
    expect(safe.stack[0]).toMatch(/^at duplicateKey .*logger\.test\.ts:\d+:\d+\)$/);
  });

  it("keeps the message of one of Tenure's own", () => {
    const safe = safeError(new Refusal('notFound', 'There is no membership m1.'));
    expect(safe).toMatchObject({ code: 'notFound', message: 'There is no membership m1.' });
  });

  it('does not take lines of a message for frames', () => {
    const error = new TypeError(`odd\n    at ${address} (/app/x.ts:1:1)\n    at canary:1:1`);
    expect(JSON.stringify(safeError(error))).not.toContain('canary');
  });

  it('does not take a value for a name or a code', () => {
    const error = Object.assign(new Error('x'), { name: address, code: `code ${address}` });
    expect(safeError(error)).toEqual({ type: 'Error', stack: expect.any(Array) });
  });

  it('ends where causes go round in a circle', () => {
    const error = new Error('x');
    error.cause = error;
    expect(JSON.stringify(safeError(error)).length).toBeLessThan(50_000);
  });

  it('tells only the type of what is no error', () => {
    expect(safeError(address)).toEqual({ type: 'thrown string', stack: [] });
  });
});

describe('the metrics', () => {
  async function allMeasured(role: 'api' | 'worker'): Promise<string> {
    const metrics = createMetrics(role);
    metrics.setMemberships({ settled: 3 });
    metrics.setBacklog({ count: 2, oldestSeconds: 1.5 });
    metrics.accessClosed('webhook', 0.02);
    metrics.sessionsVerifiedEmpty(0.4);
    metrics.webhookAnswered(401);
    metrics.signalled('urgent', false);
    metrics.setRevocationsOverdue(1);
    metrics.polled('rateLimited');
    metrics.eventsPolled({ taken: 2, known: 5, quarantined: 0 });
    metrics.reconciled(null);
    metrics.reconciled('refused');
    metrics.setPoller({ lag: 61.5, cursorAge: 7000 });
    return metrics.render();
  }
  const ofTheApi = [
    'tenure_memberships{phase="settled"} 3',
    'tenure_memberships{phase="anonymizing"} 0',
    'tenure_memberships_pending 2',
    'tenure_memberships_pending_oldest_seconds 1.5',
    'tenure_webhook_answers_total{status="401"} 1',
    'tenure_revocations_overdue 1',
    'tenure_poll_lag_seconds 61.5',
    'tenure_poll_cursor_age_seconds 7000',
  ];
  // A webhook closes access in the API, a poll in a worker.
  const ofBoth = ['tenure_access_closed_seconds_count{transport="webhook"} 1'];
  const ofTheWorker = [
    'tenure_polls_total{outcome="rateLimited"} 1',
    'tenure_polled_events_total{outcome="taken"} 2',
    'tenure_polled_events_total{outcome="known"} 5',
    'tenure_reconciliations_total{outcome="complete"} 1',
    'tenure_reconciliations_total{outcome="refused"} 1',
    'tenure_sessions_verified_empty_seconds_count 1',
    'tenure_dispatcher_signals_total{kind="urgent",outcome="failed"} 1',
  ];

  it('measure by closed words, every phase included', async () => {
    const api = await allMeasured('api');
    for (const line of [...ofTheApi, ...ofBoth]) expect(api).toContain(`\n${line}\n`);
    const worker = await allMeasured('worker');
    for (const line of [...ofTheWorker, ...ofBoth]) expect(worker).toContain(`\n${line}\n`);
  });

  it('do not name what only the other process measures: its zero would not be true', async () => {
    const name = (line: string): string => line.split(/[{ ]/)[0] ?? '';
    const [api, worker] = [await allMeasured('api'), await allMeasured('worker')];
    for (const line of ofTheWorker) expect(api).not.toContain(name(line));
    for (const line of ofTheApi) expect(worker).not.toContain(name(line));
  });

  it('never make an id or a made-up method a label', async () => {
    const metrics = createMetrics('api');
    const answer = { status: 200, seconds: 0.1 };
    metrics.requestAnswered({ ...answer, method: 'GET', route: '/v1/memberships/{id}/timeline' });
    metrics.requestAnswered({ ...answer, method: 'GET', route: '/v1/memberships/mem_01CANARY' });
    metrics.requestAnswered({ ...answer, method: 'CANARY', route: null });
    const text = await metrics.render();
    expect(text).not.toContain('CANARY');
    expect(text).toContain('route="/v1/memberships/{id}/timeline"');
    expect(text).toContain('method="other",route="unmatched"');
  });

  it('are separate for each call', async () => {
    createMetrics('api').webhookAnswered(200);
    expect(await createMetrics('api').render()).not.toContain('tenure_webhook_answers_total{');
  });
});
