import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

import { startForTest as start } from '../support/simulator-in-test.ts';
import type { TestSimulator } from '../support/simulator.ts';

const redirectUri = 'http://127.0.0.1:9/callback';
const clientId = 'client_test';

/** The official description, to judge answers by that no event carries. */
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
const specification = createRequire(import.meta.url).resolve('@workos/openapi-spec');
ajv.addSchema({ $id: 'workos', components: parse(readFileSync(specification, 'utf8')).components });

function problems(schema: string, value: unknown): unknown {
  const validate = ajv.compile({ $ref: `workos#/components/schemas/${schema}` });
  return validate(value) ? [] : validate.errors;
}

/** Where the identity provider sends the browser. */
async function back(url: string): Promise<URL> {
  const response = await fetch(url, { redirect: 'manual' });
  expect(response.status).toBe(302);
  return new URL(response.headers.get('location') ?? '');
}

async function codeFor(simulator: TestSimulator, organization: string, loginHint: string) {
  const url = simulator.workos.sso.getAuthorizationUrl({
    organization,
    clientId,
    redirectUri,
    loginHint,
    state: 'st',
  });
  const location = await back(url);
  expect(location.searchParams.get('state')).toBe('st');
  return location.searchParams.get('code') ?? '';
}

describe("single sign-on through the simulator, with WorkOS's own client", () => {
  it('gives the profile of a person of the directory, as WorkOS words it', async () => {
    const simulator = await start();
    const { organization, directory } = simulator.tenant();
    const ada = simulator.join(directory.id, {
      email: 'ada@acme.test',
      firstName: 'Ada',
      lastName: 'Lindqvist',
    });
    const code = await codeFor(simulator, organization.id, 'ADA@acme.test');
    const { profile, accessToken } = await simulator.workos.sso.getProfileAndToken({
      code,
      clientId,
    });
    expect(profile).toMatchObject({
      idpId: ada.idpId,
      email: 'ada@acme.test',
      organizationId: organization.id,
      connectionType: 'OktaSAML',
      name: 'Ada Lindqvist',
    });
    expect((await simulator.workos.sso.getProfile({ accessToken })).id).toBe(profile.id);
    const again = await codeFor(simulator, organization.id, 'ada@acme.test');
    const response = await fetch(`${simulator.url}/sso/token`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: clientId,
        client_secret: simulator.apiKey,
        grant_type: 'authorization_code',
        code: again,
      }),
    });
    expect(problems('SsoTokenResponse', await response.json())).toEqual([]);
  });

  it('gives a code once, to whoever asked for it and knows the secret', async () => {
    const simulator = await start();
    const { organization } = simulator.tenant();
    const { sso } = simulator.workos;
    const code = await codeFor(simulator, organization.id, 'ada@acme.test');
    await sso.getProfileAndToken({ code, clientId });
    await expect(sso.getProfileAndToken({ code, clientId })).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const other = await codeFor(simulator, organization.id, 'ada@acme.test');
    await expect(
      sso.getProfileAndToken({ code: other, clientId: 'client_other' }),
    ).rejects.toMatchObject({ error: 'invalid_grant' });
    const response = await fetch(`${simulator.url}/sso/token`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: clientId,
        client_secret: 'sk_wrong',
        grant_type: 'authorization_code',
        code: await codeFor(simulator, organization.id, 'ada@acme.test'),
      }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_client' });
  });

  it('holds a code back from whoever does not know the verifier of its challenge', async () => {
    const simulator = await start();
    const { organization } = simulator.tenant();
    const { sso } = simulator.workos;
    const ask = async () => {
      const asked = await sso.getAuthorizationUrlWithPKCE({
        organization: organization.id,
        clientId,
        redirectUri,
        loginHint: 'ada@acme.test',
      });
      const code = (await back(asked.url)).searchParams.get('code') ?? '';
      return { code, codeVerifier: asked.codeVerifier };
    };
    const [first, second] = [await ask(), await ask()];
    await expect(
      sso.getProfileAndToken({ ...first, codeVerifier: second.codeVerifier, clientId }),
    ).rejects.toMatchObject({ error: 'invalid_grant' });
    const { profile } = await sso.getProfileAndToken({ ...second, clientId });
    expect(profile.email).toBe('ada@acme.test');
  });

  it('forgets codes and tokens after ten minutes', async () => {
    let nowMs = Date.now();
    const simulator = await start({ now: () => nowMs });
    const { organization } = simulator.tenant();
    const { sso } = simulator.workos;
    const early = await codeFor(simulator, organization.id, 'ada@acme.test');
    const { accessToken } = await sso.getProfileAndToken({ code: early, clientId });
    const late = await codeFor(simulator, organization.id, 'ada@acme.test');
    nowMs += 11 * 60_000;
    await expect(sso.getProfileAndToken({ code: late, clientId })).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    await expect(sso.getProfile({ accessToken })).rejects.toMatchObject({ status: 401 });
  });

  it('shows a page to choose from, with everybody and what they are called made harmless', async () => {
    const simulator = await start();
    const { organization, directory } = simulator.tenant();
    simulator.join(directory.id, { email: 'ada@acme.test', firstName: '<script>', lastName: 'X' });
    simulator.join(directory.id, { email: 'bob@acme.test', firstName: 'Bob' });
    simulator.leave('bob');
    const url = simulator.workos.sso.getAuthorizationUrl({
      organization: organization.id,
      clientId,
      redirectUri,
    });
    const response = await fetch(url);
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).toContain('&lt;script&gt; X');
    expect(page).not.toContain('<script>');
    expect(page).toMatch(/Bob<\/a> .*<small>inactive<\/small>/);
    const link = /href="([^"]*ada%40acme.test[^"]*)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
    const location = await back(`${simulator.url}${link}`);
    expect(location.searchParams.get('code')).toMatch(/^[\w-]{32}$/);
  });

  it('signs in leavers and strangers too, and may call people by ids of its own', async () => {
    const simulator = await start({ settings: { ssoIdpIds: 'own' } });
    const { organization, directory } = simulator.tenant();
    const ada = simulator.join(directory.id, { email: 'ada@acme.test' });
    simulator.leave('ada');
    const profiles = [];
    for (const email of ['ada@acme.test', 'ada@acme.test', 'stranger@acme.test']) {
      const code = await codeFor(simulator, organization.id, email);
      profiles.push((await simulator.workos.sso.getProfileAndToken({ code, clientId })).profile);
    }
    const [first, again, stranger] = profiles;
    expect(first?.idpId).not.toBe(ada.idpId);
    expect(again?.idpId).toBe(first?.idpId);
    expect(stranger).toMatchObject({ email: 'stranger@acme.test' });
    expect(stranger?.idpId).not.toBe(first?.idpId);
  });

  it('prefers the account of the identity provider where the human resources system has one too', async () => {
    const simulator = await start();
    const { organization, directory } = simulator.tenant({ type: 'bamboohr' });
    const okta = simulator.directory({ organizationId: organization.id, name: 'Okta' });
    simulator.join(directory.id, { email: 'grace@acme.test', handle: 'hr' });
    const inOkta = simulator.join(okta.id, { email: 'grace@acme.test', handle: 'okta' });
    const code = await codeFor(simulator, organization.id, 'grace@acme.test');
    const { profile } = await simulator.workos.sso.getProfileAndToken({ code, clientId });
    expect(profile.idpId).toBe(inOkta.idpId);
  });

  it('sends nobody away from this machine, and says what it cannot do', async () => {
    const simulator = await start();
    const { organization } = simulator.tenant();
    const { sso } = simulator.workos;
    const away = sso.getAuthorizationUrl({
      organization: organization.id,
      clientId,
      redirectUri: 'https://evil.example/callback',
    });
    expect((await fetch(away, { redirect: 'manual' })).status).toBe(400);
    const unknown = sso.getAuthorizationUrl({
      organization: 'org_unknown',
      clientId,
      redirectUri,
      state: 'st',
    });
    const { searchParams } = await back(unknown);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      error: 'organization_invalid',
      state: 'st',
    });
  });
});

describe('invitations, API keys and external ids of the simulated user management', () => {
  it("are read and ended by WorkOS's own client", async () => {
    const simulator = await start();
    const { organization, directory } = simulator.tenant();
    simulator.join(directory.id, { email: 'ada@acme.test', firstName: 'Ada' });
    const { userId } = simulator.session('ada');
    const { userManagement } = simulator.workos;
    const invitation = await userManagement.sendInvitation({
      email: 'new@acme.test',
      organizationId: organization.id,
    });
    await expect(
      userManagement.sendInvitation({ email: 'New@acme.test', organizationId: organization.id }),
    ).rejects.toMatchObject({ status: 400 });
    const listed = await userManagement.listInvitations({ email: 'new@acme.test' });
    expect(listed.data.map(({ id, state }) => ({ id, state }))).toEqual([
      { id: invitation.id, state: 'pending' },
    ]);
    expect((await userManagement.revokeInvitation(invitation.id)).state).toBe('revoked');
    await expect(userManagement.revokeInvitation(invitation.id)).rejects.toMatchObject({
      status: 400,
    });
    await userManagement.updateUser({ userId, externalId: 'user_1' });
    expect((await userManagement.getUserByExternalId('user_1')).id).toBe(userId);
    await expect(userManagement.getUserByExternalId('user_2')).rejects.toMatchObject({
      status: 404,
    });
    const names = simulator.events().map(({ event }) => event);
    expect(names).toEqual(
      expect.arrayContaining(['invitation.created', 'invitation.revoked', 'user.updated']),
    );
  });

  it('can be made by command', async () => {
    const simulator = await start();
    const { directory } = simulator.tenant();
    simulator.join(directory.id, { email: 'ada@acme.test', firstName: 'Ada' });
    const post = async (name: string, body: object) =>
      (
        await fetch(`${simulator.url}/simulator/${name}`, {
          method: 'POST',
          body: JSON.stringify(body),
        })
      ).status;
    expect(await post('create-user-api-key', { person: 'ada' })).toBe(200);
    expect(await post('invite', { email: 'x@acme.test', organization: 'acme' })).toBe(200);
    expect(await post('invite', { email: 'x@acme.test', organization: 'nowhere' })).toBe(404);
    const account = simulator.world.state.accounts[0]?.id ?? '';
    const keys = await simulator.workos.userManagement.listUserApiKeys(account);
    expect(keys.data).toHaveLength(1);
    await simulator.workos.apiKeys.deleteApiKey(keys.data[0]?.id ?? '');
    expect(simulator.world.state.userApiKeys).toEqual([]);
    const [invitation] = simulator.world.state.invitations;
    const answer = await fetch(
      `${simulator.url}/user_management/invitations/${invitation?.id ?? ''}`,
      { headers: { authorization: `Bearer ${simulator.apiKey}` } },
    );
    expect(problems('UserlandUserInvite', await answer.json())).toEqual([]);
  });
});
