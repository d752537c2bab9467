import { once } from 'node:events';
import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';

import { createApp, type App } from '../../examples/host-app/app.ts';
import { createGate } from '../../gate/create-gate.ts';
import { createDirectory, createOrganization } from '../../local/simulator/directories.ts';
import { findAccount } from '../../local/simulator/lookup.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import { findChromium, withoutChromium } from '../support/chromium.ts';
import { eventually, startProcesses, type TenureProcesses } from '../support/processes.ts';

const executablePath = findChromium();
const inBrowser = executablePath === null ? describe.skip : describe;
if (executablePath === null) process.stderr.write(`SKIPPED: ${withoutChromium}\n`);
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

inBrowser('the example application in a browser', () => {
  let tenure: TenureProcesses;
  let app: App;
  let url: string;
  let browser: Browser;
  let directoryId: string;
  const errors: unknown[] = [];

  beforeAll(async () => {
    if (executablePath === null) return;
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    const file = new URL('../../examples/host-app/tenure.yaml', import.meta.url);
    tenure = await startProcesses({
      hostFile: readFileSync(file, 'utf8').replaceAll('http://127.0.0.1:3000', url),
      workerEnv: { ACME_TENURE_SECRET: secret },
    });
    const { simulator, store, hostDb } = tenure;
    app = createApp({
      db: hostDb,
      gate: createGate({ db: store.db }),
      workos: simulator.workos,
      clientId: 'client_acme',
      publicUrl: url,
      tenureSecret: secret,
      // So long that only the notification can end a live connection in time.
      recheckMs: 600_000,
      onError: (error) => errors.push(error),
    });
    app.server.listen(port, '127.0.0.1');
    await once(app.server, 'listening');
    const { id: organizationId } = createOrganization(simulator.world, {
      name: 'Acme',
      domains: ['acme.test'],
    });
    directoryId = createDirectory(simulator.world, {
      name: 'Okta',
      type: 'okta scim v2.0',
      organizationId,
    }).id;
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await app?.close();
    await tenure?.stop();
  }, 60_000);

  /** A person in a browser of their own, signed in. */
  async function signIn(email: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    await page.getByLabel('Work e-mail').fill(email);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(`${url}/projects`);
    return page;
  }

  it('refuses the very next click of a leaver, and brings them back to their projects', async () => {
    const { simulator, hostDb } = tenure;
    const { user } = simulator.join(directoryId, { email: 'ada@acme.test', firstName: 'Ada' });
    await tenure.until(user.id, (membership) => membership.access.state === 'open');
    simulator.session('ada@acme.test');
    const page = await signIn('ada@acme.test');
    await page.getByLabel('New project').fill('Rocket');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('link', { name: 'Rocket' }).waitFor();
    const second = await page.context().newPage();
    await second.goto(`${url}/projects`);
    await second.getByText('live', { exact: true }).waitFor();
    const granted = await page.request.post(`${url}/grants`, {
      form: { app: 'calendar' },
      headers: { origin: url },
    });
    expect(granted.status()).toBe(201);

    simulator.leave(user.id);
    await simulator.deliverer.idle();
    await page.getByRole('link', { name: 'Rocket' }).click();
    // The reason, or, where the session is gone already, the page to sign in.
    await page.locator('#reason[data-reason="notBacked"], input[name="email"]').waitFor();
    expect(await page.getByRole('button', { name: 'Add' }).count()).toBe(0);
    await second.getByText('access ended').waitFor({ timeout: 10_000 });
    await page.goto(`${url}/projects`);
    expect(page.url()).toBe(`${url}/`);

    const left = await tenure.until(
      user.id,
      (membership) => membership.phase === 'coolingOff',
      30_000,
    );
    const grants = await hostDb.collection('oauthGrants').find().toArray();
    expect(grants.map(({ revokedAt }) => revokedAt)).toEqual([expect.any(Date)]);
    const { id } = findAccount(simulator.world.state, 'ada@acme.test');
    const { userManagement } = simulator.workos;
    expect((await userManagement.listSessions(id)).data).toEqual([]);
    const [inactive] = (
      await userManagement.listOrganizationMemberships({ userId: id, statuses: ['inactive'] })
    ).data;
    expect(inactive).toBeDefined();

    await page.getByLabel('Work e-mail').fill('ada@acme.test');
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(await page.locator('#reason').getAttribute('data-reason')).toBe('notBacked');
    expect(await hostDb.collection('sessions').countDocuments()).toBe(0);

    simulator.return(user.id);
    await tenure.untilMembership(left.id, (membership) => membership.access.state === 'open');
    const back = await signIn('ada@acme.test');
    await back.getByRole('link', { name: 'Rocket' }).click();
    await back.getByRole('button', { name: 'Add' }).waitFor();
    await eventually('the organization membership works again', async () => {
      const { data } = await userManagement.listOrganizationMemberships({ userId: id });
      return data.some(({ status }) => status === 'active');
    });
    const keys = await hostDb.collection('oauthGrants').countDocuments({ revokedAt: null });
    expect(keys).toBe(0);
    expect(errors).toEqual([]);
  });
});
