import { bodyParser } from '@koa/bodyparser';
import { Router } from '@koa/router';
import type { WorkOS } from '@workos-inc/node';
import type { Context } from 'koa';

import type { Gate, GateAnswer } from '../../gate/create-gate.ts';
import { deniedPage, messagePage, signInPage } from './pages.ts';
import type { Credentials } from './sessions.ts';

/** What signing in needs. */
export interface LoginOptions {
  workos: WorkOS;
  clientId: string;
  /** Where browsers reach the application, without a slash at its end. */
  publicUrl: string;
  gate: Pick<Gate, 'canLogIn' | 'check'>;
  credentials: Credentials;
}

export const sessionCookie = 'acme_session';
const loginCookie = 'acme_login';

/**
 * Signing in through the identity provider of the person's company, by WorkOS SSO. That the identity provider
 * vouches for somebody is not yet a reason to let them in: the gate decides, and nobody is written down whom it
 * denies.
 */
export function createLoginRoutes(options: LoginOptions): Router {
  const router = new Router();
  router.get('/', (ctx) => {
    if (ctx.cookies.get(sessionCookie) !== undefined) ctx.redirect('/projects');
    else ctx.body = signInPage();
  });
  // Posted: an address in a URL ends up in logs.
  router.post('/login', bodyParser({ formLimit: '4kb' }), async (ctx) => begin(options, ctx));
  router.get('/callback', async (ctx) => finish(options, ctx));
  router.post('/logout', async (ctx) => {
    const actor = await options.credentials.ofCookie(ctx.cookies.get(sessionCookie));
    if (actor !== null) await options.credentials.endSession(actor.credentialId);
    ctx.cookies.set(sessionCookie, null);
    ctx.redirect('/');
  });
  return router;
}

async function begin({ workos, clientId, publicUrl }: LoginOptions, ctx: Context): Promise<void> {
  const email = formText(ctx, 'email');
  const domain = email.split('@')[1];
  const found =
    domain === undefined || domain === ''
      ? null
      : await workos.organizations.listOrganizations({ domains: [domain], limit: 1 });
  const organization = found?.data[0];
  if (organization === undefined) {
    ctx.status = 404;
    ctx.body = signInPage('No company signs in with this address.');
    return;
  }
  const asked = await workos.sso.getAuthorizationUrlWithPKCE({
    organization: organization.id,
    clientId,
    redirectUri: `${publicUrl}/callback`,
    loginHint: email,
  });
  // For this browser only: a code that somebody else's browser brings is of no use.
  ctx.cookies.set(loginCookie, `${asked.state}.${asked.codeVerifier}`, {
    ...cookieOptions(publicUrl),
    maxAge: 10 * 60_000,
  });
  ctx.redirect(asked.url);
}

async function finish(options: LoginOptions, ctx: Context): Promise<void> {
  const { workos, clientId, gate, credentials, publicUrl } = options;
  const [state, codeVerifier] = (ctx.cookies.get(loginCookie) ?? '').split('.');
  ctx.cookies.set(loginCookie, null);
  const code = queryText(ctx, 'code');
  if (code === null || !state || !codeVerifier || queryText(ctx, 'state') !== state) {
    ctx.status = 400;
    ctx.body = messagePage('Sign in', 'This sign-in did not begin here, or it took too long.');
    return;
  }
  const { profile } = await workos.sso.getProfileAndToken({ code, clientId, codeVerifier });
  const answer = await gate.canLogIn(profile);
  const { userId } = answer;
  const organizationId = profile.organizationId;
  if (!answer.allowed || userId === null || organizationId === undefined) {
    deny(ctx, answer);
    return;
  }
  const token = await credentials.openSession({ userId, organizationId });
  // Access may have closed while the session was being written, too late for a revocation to find it.
  const again = await gate.check({ userId, organizationId, action: 'login' });
  if (!again.allowed) {
    const actor = await credentials.ofCookie(token);
    if (actor !== null) await credentials.endSession(actor.credentialId);
    deny(ctx, again);
    return;
  }
  ctx.cookies.set(sessionCookie, token, cookieOptions(publicUrl));
  ctx.redirect('/projects');
}

function deny(ctx: Context, answer: GateAnswer): void {
  ctx.status = answer.reason === 'unavailable' ? 503 : 403;
  ctx.body = deniedPage(answer);
}

function cookieOptions(publicUrl: string) {
  return {
    httpOnly: true,
    sameSite: 'lax',
    secure: publicUrl.startsWith('https:'),
    path: '/',
  } as const;
}

function formText({ request: { body } }: Context, name: string): string {
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : [];
  const value: unknown = fields.find(([field]) => field === name)?.[1];
  return typeof value === 'string' ? value.trim() : '';
}

function queryText({ query }: Context, name: string): string | null {
  const value = query[name];
  return typeof value === 'string' && value !== '' ? value : null;
}
