import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { seenOf, truthOf } from '../support/deliver-history.ts';
import { historyPlan, playHistory } from '../support/directory-history.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';
import { startPrivateStack, type PrivateStack } from '../support/servers.ts';

const histories = Number(process.env['TENURE_TEST_KILLED_HISTORIES'] ?? 24);
const seed = Number(process.env['TENURE_TEST_SEED'] ?? Date.now() % 0x7fffffff);

/** Deliveries that are on their way at once. */
const atOnce = 8;

describe('the end of a history', () => {
  let stack: PrivateStack;
  let tenure: TenureProcesses;

  beforeAll(async () => {
    stack = await startPrivateStack();
    tenure = await startProcesses({
      mongodbUrl: stack.mongodbUrl,
      temporalAddress: stack.temporalAddress,
      hasty: true,
      // Nobody can be asked about the people of these histories: what is told is all there is.
      env: { WORKOS_API_KEY: '' },
    });
  }, 120_000);

  afterAll(async () => {
    await tenure?.stop();
    await stack?.stop();
  }, 180_000);

  /** Sends until it is acknowledged, as WorkOS does. Returns how often it had to. */
  async function send(event: EventEnvelope): Promise<number> {
    const body = JSON.stringify(event);
    for (let tries = 1; ; tries += 1) {
      const now = Date.now();
      const v1 = createHmac('sha256', tenure.webhookSecret).update(`${now}.${body}`).digest('hex');
      const status = await fetch(`${tenure.apiUrl}/webhooks/workos`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'workos-signature': `t=${now}, v1=${v1}` },
        body,
      }).then(
        (response) => response.status,
        () => null,
      );
      if (status === 200) return tries;
      if (status !== null && status !== 503) throw new Error(`It was answered ${status}.`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function putUntilTaken(path: string, body: unknown): Promise<void> {
    await eventually('the API takes it', async () => {
      const { status } = await tenure.call('PUT', path, body);
      return status === 200 || status === 202;
    });
  }

  it(`is reached in any order, although API, worker and MongoDB are killed meanwhile, seed ${seed}`, async () => {
    process.stdout.write(`killed meanwhile: ${histories} histories, seed ${seed}\n`);
    const plans = fc.sample(historyPlan, { seed, numRuns: histories });
    const all = plans.map((plan) => ({ plan, history: playHistory(plan) }));
    for (const { plan, history } of all) {
      const { accessByGroup } = plan;
      await tenure.sandbox(history.organizationId, 3600, { accessByGroup });
    }
    const keys = fc.sample(fc.nat(), { seed, numRuns: 2000 });
    const events = all
      .flatMap(({ history }) => history.events.map(({ event }) => event))
      // One in five comes twice.
      .flatMap((event, nth) => (nth % 5 === 0 ? [event, event] : [event]))
      .map((event, nth) => ({ event, key: keys[nth % keys.length] ?? 0 }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ event }) => event);
    const share = events.length / 4;
    let tries = 0;
    let sent = 0;
    const sending = Array.from({ length: atOnce }, async () => {
      for (let next = events.shift(); next !== undefined; next = events.shift()) {
        const tried = await send(next);
        tries += tried;
        sent += 1;
      }
    });
    const mapping = all.map(async ({ history: { organizationId, mappings } }) => {
      for (const data of mappings) {
        await putUntilTaken(`/v1/organizations/${organizationId}/role-mappings`, { data });
      }
    });
    const reached = async (count: number): Promise<void> => {
      await eventually('so many were sent', () => sent >= count, 120_000);
    };
    await reached(share);
    await tenure.api.kill();
    await tenure.api.start();
    await reached(2 * share);
    await tenure.worker.kill();
    await stack.kill('mongod');
    await stack.restart('mongod');
    await tenure.worker.start();
    await reached(3 * share);
    await tenure.api.kill();
    await tenure.api.start();
    await Promise.all([...sending, ...mapping]);
    // Something was on its way when they were killed, and had to be sent again.
    expect(tries).toBeGreaterThan(sent);
    for (const { plan, history } of all) {
      const truth = truthOf(history, plan);
      await eventually(
        'the end',
        async () => isDeepStrictEqual(await seenOf(tenure, history), truth),
        120_000,
      ).catch(() => undefined);
      expect(await seenOf(tenure, history)).toEqual(truth);
    }
  }, 400_000);
});
