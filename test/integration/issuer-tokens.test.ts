import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  base64url,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWK,
} from 'jose';

import type { RevocationIssuer } from '../../domain/host-file.ts';
import type { Membership } from '../../domain/membership.ts';
import { createIssuerTokens } from '../../platform/issuer-tokens.ts';
import { drive, membershipById, membershipOf, sandbox } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';
import { aHostFile, gateKey, revocationKey, startApi, type TestApi } from './api-fixture.ts';

const path = '/v1/global-token-revocation';
const audience = 'https://tenure.example.com/v1/global-token-revocation';
const type = 'global-token-revocation+jwt';

/** A customer's identity provider: a real server with its public keys, and the private ones to sign with. */
interface IdentityProvider {
  issuer: RevocationIssuer;
  /** By the id of the key. */
  keys: Map<string, { privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK }>;
  /** How often its keys were asked for. */
  asked: number;
  /** Answers in place of the provider. */
  instead: ((response: ServerResponse) => void) | null;
  server: Server;
}

async function startProvider(
  organizationId: string,
  parts: Partial<RevocationIssuer> = {},
): Promise<IdentityProvider> {
  const provider: IdentityProvider = {
    issuer: {
      issuer: `https://${organizationId.toLowerCase()}.okta.test`,
      jwksUrl: '',
      audience,
      subject: null,
      organizationId,
      allowPrivate: true,
      ...parts,
    },
    keys: new Map(),
    asked: 0,
    instead: null,
    server: createServer((_request, response) => {
      provider.asked += 1;
      if (provider.instead !== null) return provider.instead(response);
      const keys = [...provider.keys.values()].map(({ jwk }) => jwk);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ keys }));
    }),
  };
  await new Promise<void>((resolve) => provider.server.listen(0, '127.0.0.1', resolve));
  const { port } = provider.server.address() as AddressInfo;
  provider.issuer.jwksUrl = parts.jwksUrl ?? `http://127.0.0.1:${port}/oauth2/v1/keys`;
  await addKey(provider, 'first', 'RS256');
  return provider;
}

async function addKey({ keys }: IdentityProvider, kid: string, alg: string): Promise<void> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
  keys.set(kid, { privateKey, publicKey, jwk });
}

async function stop({ server }: IdentityProvider): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

const seconds = () => Math.floor(Date.now() / 1000);

/** The claims that Okta documents. undefined takes one away. */
function claimsOf({ issuer }: IdentityProvider, parts: object = {}): Record<string, unknown> {
  const now = seconds();
  const claims = {
    jti: workosId('jti'),
    iss: issuer.issuer,
    sub: '0oa1app',
    aud: issuer.audience,
    iat: now,
    nbf: now - 300,
    exp: now + 300,
    ...parts,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

/** A token that is good unless `claims` or `header` say otherwise. */
async function tokenOf(
  provider: IdentityProvider,
  { claims = {}, header = {}, by = provider, kid = 'first' }: TokenParts = {},
): Promise<string> {
  const key = by.keys.get(kid);
  if (key === undefined) throw new Error(`There is no key ${kid}.`);
  return new SignJWT(claimsOf(provider, claims))
    .setProtectedHeader({ alg: String(key.jwk.alg), kid, typ: type, ...header })
    .sign(key.privateKey);
}

interface TokenParts {
  claims?: object;
  header?: object;
  /** Whose private key signs. */
  by?: IdentityProvider;
  kid?: string;
}

let tenure: TestTenure;
let api: TestApi;
let acme: IdentityProvider;
let globex: IdentityProvider;

beforeAll(async () => {
  tenure = await openTenure();
  acme = await startProvider(workosId('org'));
  globex = await startProvider(workosId('org'), { subject: '0oa1app' });
  for (const { issuer } of [acme, globex]) await sandbox(tenure, issuer.organizationId);
  api = await startTheApi();
}, 60_000);

afterAll(async () => {
  await api?.close();
  await Promise.all([acme, globex].map(stop));
  await tenure?.close();
});

beforeEach(() => {
  for (const provider of [acme, globex]) provider.instead = null;
});

/** An API that has fetched nobody's keys yet. */
async function startTheApi(): Promise<TestApi> {
  const issuers = [acme.issuer, globex.issuer];
  const hostFile = aHostFile({ tokenRevocation: { issuers } });
  return startApi({ store: tenure.store, deps: { hostFile } });
}

interface Known {
  id: string;
  email: string;
  idpId: string;
  organizationId: string;
  membership: Membership;
}

/** Somebody who is in, in the provider's organization. */
async function joined({ issuer: { organizationId } }: IdentityProvider): Promise<Known> {
  const id = workosId('directory_user');
  const person = { id, email: `${id}@example.com`, idpId: `00u${id}`, organizationId };
  const directoryId = `directory_${organizationId}`;
  await tenure.take(userEvent('created', { ...person, directoryId }));
  const { _id } = await membershipOf(tenure, id);
  await drive(tenure, _id);
  return { ...person, membership: await membershipById(tenure, _id) };
}

const isOpen = async ({ membership }: Known) =>
  (await membershipById(tenure, membership._id)).access.state === 'open';

async function ask(
  key: string | null,
  { email }: Known,
  { query = '', to = api }: { query?: string; to?: TestApi } = {},
): Promise<[status: number, code: string | undefined]> {
  const body = { sub_id: { format: 'email', email } };
  const { status, json } = await to.call('POST', `${path}${query}`, { body, key });
  return [status, json?.code];
}

describe('a signed token of an issuer', () => {
  it('ends what somebody of its organization holds, and is written down as who asked', async () => {
    const ada = await joined(acme);
    expect(await isOpen(ada)).toBe(true);
    expect(await ask(await tokenOf(acme), ada)).toEqual([204, undefined]);
    expect(await isOpen(ada)).toBe(false);
    const demanded = await tenure.store.collections.timeline
      .find({ membershipId: ada.membership._id, type: 'revocationDemanded' })
      .toArray();
    expect(demanded.map(({ actor }) => actor)).toEqual([`issuer:${acme.issuer.issuer}`]);
    expect(api.logged()).not.toContain(ada.email);
  });

  it.each([
    [
      'by the id at the identity provider',
      ({ idpId }: Known) => ({ format: 'iss_sub', iss: acme.issuer.issuer, sub: idpId }),
    ],
    [
      'by the id of the user',
      ({ membership }: Known) => ({ format: 'opaque', id: membership.userId }),
    ],
  ])('may name the person %s', async (_how, subjectOf) => {
    const ada = await joined(acme);
    const body = { sub_id: subjectOf(ada) };
    const { status } = await api.call('POST', path, { body, key: await tokenOf(acme) });
    expect([status, await isOpen(ada)]).toEqual([204, false]);
  });

  it('may name its own organization in the request', async () => {
    const ada = await joined(acme);
    const query = `?organizationId=${acme.issuer.organizationId}`;
    expect(await ask(await tokenOf(acme), ada, { query })).toEqual([204, undefined]);
    expect(await isOpen(ada)).toBe(false);
  });

  it.each(['RS512', 'PS256', 'ES256', 'EdDSA'])('may be signed by %s', async (alg) => {
    await addKey(acme, alg, alg);
    const to = await startTheApi();
    try {
      const ada = await joined(acme);
      expect(await ask(await tokenOf(acme, { kid: alg }), ada, { to })).toEqual([204, undefined]);
    } finally {
      acme.keys.delete(alg);
      await to.close();
    }
  });

  it('that comes a second time does what a repeated request does, and no more', async () => {
    const ada = await joined(acme);
    const token = await tokenOf(acme);
    expect(await ask(token, ada)).toEqual([204, undefined]);
    await drive(tenure, ada.membership._id);
    expect(await isOpen(ada)).toBe(true);
    expect(await ask(token, ada)).toEqual([204, undefined]);
    const again = await membershipById(tenure, ada.membership._id);
    expect(again).toMatchObject({ closings: 2, generation: 0, dueAt: null, disabled: null });
    await drive(tenure, ada.membership._id);
    expect(await isOpen(ada)).toBe(true);
  });
});

describe("a token and another organization's people", () => {
  it('finds nobody of theirs', async () => {
    const eve = await joined(globex);
    expect(await ask(await tokenOf(acme), eve)).toEqual([404, 'notFound']);
    expect(await isOpen(eve)).toBe(true);
  });

  it('is refused where the request names their organization', async () => {
    const eve = await joined(globex);
    const query = `?organizationId=${globex.issuer.organizationId}`;
    expect(await ask(await tokenOf(acme), eve, { query })).toEqual([403, 'forbidden']);
    expect(await isOpen(eve)).toBe(true);
  });

  it('ends nothing there of somebody who is in both', async () => {
    const ada = await joined(acme);
    const { organizationId } = globex.issuer;
    const imported = { id: ada.membership.userId, email: ada.email, organizationId };
    const { json } = await api.call('POST', '/v1/users', { body: { users: [imported] } });
    const there = await membershipById(tenure, json.data[0].membershipId);
    expect(there.userId).toBe(ada.membership.userId);
    expect(await ask(await tokenOf(acme), ada)).toEqual([204, undefined]);
    expect(await isOpen(ada)).toBe(false);
    expect((await membershipById(tenure, there._id)).closings).toBe(0);
  });
});

describe('a token that is not believed', () => {
  const past = -3_600;
  it.each<[string, () => Promise<string>]>([
    [
      'for another audience',
      async () => tokenOf(acme, { claims: { aud: 'https://elsewhere.test' } }),
    ],
    ['for no audience', async () => tokenOf(acme, { claims: { aud: undefined } })],
    [
      'of an issuer that nobody named',
      async () => tokenOf(acme, { claims: { iss: 'https://eve.test' } }),
    ],
    ['of no issuer', async () => tokenOf(acme, { claims: { iss: undefined } })],
    ["in another issuer's name", async () => tokenOf(acme, { by: globex })],
    [
      'that expired',
      async () => tokenOf(acme, { claims: { iat: seconds() - 400, exp: seconds() - 100 } }),
    ],
    ['that never expires', async () => tokenOf(acme, { claims: { exp: undefined } })],
    [
      'made long ago',
      async () => tokenOf(acme, { claims: { iat: seconds() + past, nbf: seconds() + past } }),
    ],
    [
      'that does not say when it was made',
      async () => tokenOf(acme, { claims: { iat: undefined } }),
    ],
    ['made in the future', async () => tokenOf(acme, { claims: { iat: seconds() + 400 } })],
    ['not valid yet', async () => tokenOf(acme, { claims: { nbf: seconds() + 400 } })],
    ['of another type: a login', async () => tokenOf(acme, { header: { typ: 'JWT' } })],
    ['without a type', async () => tokenOf(acme, { header: { typ: undefined } })],
    ['by a key that is not known', async () => tokenOf(acme, { header: { kid: 'unknown' } })],
    [
      'for another application of the same issuer',
      async () => tokenOf(globex, { claims: { sub: '0oa2other' } }),
    ],
    ['signed by nothing (none)', async () => unsecured(acme)],
    ['signed with the public key as secret (HS256)', async () => signedWithPublicKey(acme)],
    ['whose claims were changed', async () => tampered(acme)],
  ])('%s is answered 401 without effect', async (_what, make) => {
    const [ada, eve] = [await joined(acme), await joined(globex)];
    const token = await make();
    for (const person of [ada, eve]) {
      expect(await ask(token, person)).toEqual([401, 'unauthenticated']);
      expect(await isOpen(person)).toBe(true);
    }
    // What is wrong with a token is for the operator's eyes.
    expect(api.logged()).not.toContain(token);
  });

  it('opens nothing else, and has nobody asked for keys', async () => {
    const to = await startTheApi();
    try {
      const before = acme.asked;
      const key = await tokenOf(acme);
      const body = { organizationId: acme.issuer.organizationId, userId: 'u', action: 'read' };
      const answers = [
        await to.call('GET', '/v1/users', { key }),
        await to.call('POST', '/v1/access-checks', { body, key }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([401, 401]);
      expect(acme.asked).toBe(before);
    } finally {
      await to.close();
    }
  });

  it('leaves the keys as they were: the gate key is refused, the revocation key is good', async () => {
    const ada = await joined(acme);
    expect(await ask(null, ada)).toEqual([401, 'unauthenticated']);
    expect(await ask(gateKey, ada)).toEqual([403, 'forbidden']);
    expect(await ask('x'.repeat(600), ada)).toEqual([401, 'unauthenticated']);
    expect(await isOpen(ada)).toBe(true);
    expect(await ask(revocationKey, ada)).toEqual([204, undefined]);
  });
});

/** A header that says that nothing signed, in the two ways that receivers fell for. */
async function unsecured(provider: IdentityProvider): Promise<string> {
  const [, payload] = new UnsecuredJWT(claimsOf(provider)).encode().split('.');
  return `${base64url.encode(JSON.stringify({ alg: 'none', typ: type }))}.${payload}.`;
}

async function signedWithPublicKey(provider: IdentityProvider): Promise<string> {
  const key = provider.keys.get('first');
  if (key === undefined) throw new Error('There is no key.');
  const secret = new TextEncoder().encode(await exportSPKI(key.publicKey));
  return new SignJWT(claimsOf(provider))
    .setProtectedHeader({ alg: 'HS256', kid: 'first', typ: type })
    .sign(secret);
}

async function tampered(provider: IdentityProvider): Promise<string> {
  const [header, , signature] = (await tokenOf(provider, { claims: { sub: '0oa2other' } })).split(
    '.',
  );
  return [header, base64url.encode(JSON.stringify(claimsOf(provider))), signature].join('.');
}

describe('the keys of an issuer', () => {
  const timing = { timeoutMs: 300, failurePauseMs: 200, unknownKeyPauseMs: 100, maxAgeMs: 60_000 };
  const pause = async (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const tokens = (more: Partial<typeof timing> = {}, issuer = acme.issuer) =>
    createIssuerTokens([issuer], { ...timing, ...more });

  it.each<[string, string, (response: ServerResponse) => void]>([
    ['an error', 'refused', (response) => void response.writeHead(500).end()],
    [
      'another address',
      'refused',
      (response) => void response.writeHead(302, { location: '/' }).end(),
    ],
    ['no JSON', 'notJson', (response) => void response.end('<html>')],
    [
      'no keys',
      'notKeys',
      (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    ],
    ['too much', 'tooLarge', (response) => void response.end('x'.repeat(400_000))],
    ['nothing, ever', 'timeout', () => undefined],
    ['half an answer', 'unreachable', (response) => void response.destroy()],
  ])('where they are, answers %s: nothing is decided', async (_what, code, answer) => {
    acme.instead = answer;
    const startedAt = performance.now();
    expect(await tokens().verify(await tokenOf(acme))).toEqual({
      is: 'undecided',
      issuer: acme.issuer.issuer,
      code,
    });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('that do not come are a 503 of the call, without effect, and a warning', async () => {
    acme.instead = (response) => void response.writeHead(503).end();
    const to = await startTheApi();
    try {
      const ada = await joined(acme);
      const token = await tokenOf(acme);
      expect(await ask(token, ada, { to })).toEqual([503, 'issuerUnavailable']);
      expect(await isOpen(ada)).toBe(true);
      expect(to.logged()).toContain('a token of an issuer is undecided');
      expect(to.logged()).not.toContain(token);
    } finally {
      await to.close();
    }
  });

  it('are not asked for again and again where that is in vain, and are once it is not', async () => {
    const judge = tokens();
    const token = await tokenOf(acme);
    acme.instead = (response) => void response.writeHead(500).end();
    const before = acme.asked;
    for (let nth = 0; nth < 5; nth += 1) {
      expect(await judge.verify(token)).toMatchObject({ is: 'undecided' });
    }
    expect(acme.asked - before).toBe(1);
    acme.instead = null;
    await pause(timing.failurePauseMs);
    expect(await judge.verify(token)).toMatchObject({ is: 'good' });
  });

  it('are fetched once for many tokens, also for many at once', async () => {
    const judge = tokens();
    const before = acme.asked;
    const some = await Promise.all(Array.from({ length: 5 }, async () => tokenOf(acme)));
    const verdicts = await Promise.all(some.map(async (token) => judge.verify(token)));
    verdicts.push(await judge.verify(await tokenOf(acme)));
    expect(verdicts.map(({ is }) => is)).toEqual(Array.from({ length: 6 }, () => 'good'));
    expect(acme.asked - before).toBe(1);
  });

  it('are fetched anew for a key that is not known, but not for every such token', async () => {
    const judge = tokens();
    expect(await judge.verify(await tokenOf(acme))).toMatchObject({ is: 'good' });
    await addKey(acme, 'second', 'ES256');
    try {
      const before = acme.asked;
      const token = await tokenOf(acme, { kid: 'second' });
      expect(await judge.verify(token)).toMatchObject({ is: 'refused' });
      expect(acme.asked).toBe(before);
      await pause(timing.unknownKeyPauseMs);
      expect(await judge.verify(token)).toMatchObject({ is: 'good' });
      for (let nth = 0; nth < 5; nth += 1) {
        const forged = await tokenOf(acme, { header: { kid: `made up ${nth}` } });
        expect(await judge.verify(forged)).toMatchObject({
          is: 'refused',
          code: 'ERR_JWKS_NO_MATCHING_KEY',
        });
      }
      expect(acme.asked - before).toBe(1);
    } finally {
      acme.keys.delete('second');
    }
  });

  it('that the issuer withdrew are believed no longer than for their time', async () => {
    const judge = tokens({ maxAgeMs: 100 });
    await addKey(acme, 'stolen', 'ES256');
    const token = await tokenOf(acme, { kid: 'stolen' });
    expect(await judge.verify(token)).toMatchObject({ is: 'good' });
    acme.keys.delete('stolen');
    await pause(100);
    expect(await judge.verify(token)).toMatchObject({ is: 'refused' });
    acme.instead = (response) => void response.writeHead(500).end();
    await pause(100);
    expect(await judge.verify(await tokenOf(acme))).toMatchObject({ is: 'undecided' });
  });

  it('are not fetched from a private address unless that is allowed', async () => {
    const before = acme.asked;
    const judge = tokens({}, { ...acme.issuer, allowPrivate: false });
    expect(await judge.verify(await tokenOf(acme))).toMatchObject({
      is: 'undecided',
      code: 'privateAddress',
    });
    expect(acme.asked).toBe(before);
  });
});
