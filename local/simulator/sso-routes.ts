import { createHash, randomBytes } from 'node:crypto';

import { Router } from '@koa/router';
import type { Context } from 'koa';

import { queryValue } from './paging.ts';
import { readBytes } from './read-body.ts';
import { RestError } from './rest-errors.ts';
import type { Settings } from './settings.ts';
import { signInPage } from './sso-page.ts';
import { connectionId, personByEmail, profileOnWire, signInPeople } from './sso-profile.ts';
import type { SsoUser } from './sso-profile.ts';
import type { Organization } from './state.ts';
import type { Wire } from './wire.ts';
import type { World } from './world.ts';

/** A code that was given out: good for one exchange, by the application that asked. */
interface Grant {
  user: SsoUser;
  clientId: string;
  /** The S256 challenge of PKCE, where the application gave one. */
  challenge: string | null;
}

const lifetimeMs = 10 * 60 * 1000;

/**
 * Single sign-on as `sso.getAuthorizationUrl`, `sso.getProfileAndToken` and `sso.getProfile` of the WorkOS client
 * use it: `/sso/authorize`, `/sso/token`, `/sso/profile`. `login_hint` signs that person in at once; without it
 * there is a page to choose from. Codes and tokens are kept in memory only.
 *
 * @param apiKey the client secret
 */
export function createSsoRoutes(world: World, settings: Settings, apiKey: string): Router {
  const router = new Router({ prefix: '/sso' });
  const grants = new ExpiringMap<Grant>(world.now);
  const profiles = new ExpiringMap<Wire>(world.now);
  router.get('/authorize', (context) => authorize(world, grants, context));
  router.post('/token', async (context) => {
    const form = await readForm(context);
    const problem = problemOf(form, apiKey);
    const grant = problem === null ? grants.take(form.get('code') ?? '') : undefined;
    if (grant === undefined || !isOwn(grant, form)) {
      context.status = 400;
      context.body = problem ?? {
        error: 'invalid_grant',
        error_description: 'The code has expired or has already been used.',
      };
      return;
    }
    const profile = profileOnWire(world.state, settings, grant.user);
    const token = profiles.put(profile);
    context.body = {
      token_type: 'Bearer',
      access_token: token,
      expires_in: lifetimeMs / 1000,
      profile,
    };
  });
  router.get('/profile', (context) => {
    const profile = profiles.get(context.get('authorization').replace(/^Bearer /, ''));
    if (profile === undefined) context.status = 401;
    context.body = profile ?? { error: 'Unauthorized' };
  });
  return router;
}

function authorize(world: World, grants: ExpiringMap<Grant>, context: Context): void {
  const asked = (name: string): string | null => queryValue(context.query, name) ?? null;
  const back = redirectOf(asked('redirect_uri'));
  const state = asked('state');
  if (state !== null) back.searchParams.set('state', state);
  const clientId = asked('client_id');
  const organization = organizationOf(world, asked);
  const problem = requestProblem(clientId, asked('response_type'), organization);
  if (clientId === null || organization === null || problem !== null) {
    back.searchParams.set('error', problem ?? 'invalid_request');
    back.searchParams.set('error_description', 'The simulator cannot sign anybody in by this.');
    context.redirect(back.href);
    return;
  }
  const email = asked('login_hint');
  if (email === null) {
    context.type = 'html';
    context.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'");
    const people = signInPeople(world.state, organization);
    context.body = signInPage(organization, people, new URL(context.URL));
    return;
  }
  const person = personByEmail(world.state, organization, email);
  const user = { organization, person, email: person?.user.email ?? email };
  const code = grants.put({ user, clientId, challenge: asked('code_challenge') });
  back.searchParams.set('code', code);
  context.redirect(back.href);
}

/** As with WorkOS only addresses that were named beforehand: here those of this machine. */
function redirectOf(text: string | null): URL {
  const url = text !== null && URL.canParse(text) ? new URL(text) : null;
  const isLocal =
    url !== null &&
    url.protocol.startsWith('http') &&
    ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (isLocal) return url;
  throw new RestError(400, 'redirect_uri must be an address of this machine.', {
    code: 'invalid_redirect_uri',
  });
}

function requestProblem(
  clientId: string | null,
  responseType: string | null,
  organization: Organization | null,
): string | null {
  if (clientId === null || responseType !== 'code') return 'invalid_request';
  return organization === null ? 'organization_invalid' : null;
}

function organizationOf(
  { state }: World,
  asked: (name: string) => string | null,
): Organization | null {
  const [id, connection] = [asked('organization'), asked('connection')];
  const found = state.organizations.find((item) =>
    id === null ? connectionId(item) === connection : item.id === id,
  );
  return found ?? null;
}

async function readForm(context: Context): Promise<URLSearchParams> {
  const text = (await readBytes(context.req)).toString('utf8');
  return new URLSearchParams(text);
}

/** What is wrong with an exchange before its code is looked at. */
function problemOf(form: URLSearchParams, apiKey: string): Wire | null {
  if (form.get('grant_type') !== 'authorization_code') {
    return {
      error: 'unsupported_grant_type',
      error_description: 'The grant type is not supported.',
    };
  }
  const secret = form.get('client_secret');
  const isKnown = secret === null ? form.has('code_verifier') : secret === apiKey;
  if (isKnown) return null;
  return { error: 'invalid_client', error_description: 'Invalid client ID or secret.' };
}

function isOwn({ clientId, challenge }: Grant, form: URLSearchParams): boolean {
  if (form.get('client_id') !== clientId) return false;
  const verifier = form.get('code_verifier');
  if (challenge === null) return verifier === null;
  const digest = createHash('sha256')
    .update(verifier ?? '')
    .digest('base64url');
  return digest === challenge;
}

/** Values under names that cannot be guessed, for ten minutes. */
class ExpiringMap<T> {
  readonly #now: () => number;
  readonly #values = new Map<string, { value: T; until: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  put(value: T): string {
    for (const [name, { until }] of this.#values) {
      if (until < this.#now()) this.#values.delete(name);
    }
    const name = randomBytes(24).toString('base64url');
    this.#values.set(name, { value, until: this.#now() + lifetimeMs });
    return name;
  }

  get(name: string): T | undefined {
    const found = this.#values.get(name);
    return found === undefined || found.until < this.#now() ? undefined : found.value;
  }

  /** For one use only. */
  take(name: string): T | undefined {
    const value = this.get(name);
    this.#values.delete(name);
    return value;
  }
}
