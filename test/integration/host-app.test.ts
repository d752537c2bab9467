import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { WebSocket } from 'ws';

import { createHttpSource } from '../../connectors/http/http-source.ts';
import { createApp, type App, type AppOptions } from '../../examples/host-app/app.ts';
import { createGate, type Gate } from '../../gate/create-gate.ts';
import { writeExampleFile } from '../../local/supervisor/example-file.ts';
import { freePort } from '../../local/supervisor/ports.ts';
import { createDirectory, createOrganization } from '../../local/simulator/directories.ts';
import type { Person } from '../../local/simulator/state.ts';
import { drive, membershipOf } from '../support/by-hand.ts';
import { eventually } from '../support/processes.ts';
import { startForTest } from '../support/simulator-in-test.ts';
import type { TestSimulator } from '../support/simulator.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let tenure: TestTenure;
let simulator: TestSimulator;
let directoryId: string;
let told: number;
let apps: App[];
/** What the application could not answer: nothing, in any of these tests. */
let errors: unknown[];
beforeEach(async () => {
  errors = [];
  tenure = await openTenure();
  simulator = await startForTest();
  const organization = createOrganization(simulator.world, {
    name: 'Acme',
    domains: ['acme.test'],
  });
  directoryId = createDirectory(simulator.world, {
    name: 'Okta',
    type: 'okta scim v2.0',
    organizationId: organization.id,
  }).id;
  told = 0;
  apps = [];
});
afterEach(async () => {
  if (errors.length > 0) throw new AggregateError(errors);
  for (const app of apps) await app.close();
  await tenure.close();
});

function theGate(): Gate {
  return createGate({ db: tenure.store.db });
}

/** Starts the application on a port of its own. */
async function start(options: Partial<AppOptions> = {}): Promise<string> {
  const probe = createApp(appOptions('http://127.0.0.1', options));
  probe.server.listen(0, '127.0.0.1');
  await once(probe.server, 'listening');
  const address = probe.server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  // The application has to know its own address before it listens.
  await probe.close();
  const url = `http://127.0.0.1:${port}`;
  const app = createApp(appOptions(url, options));
  apps.push(app);
  app.server.listen(port, '127.0.0.1');
  await once(app.server, 'listening');
  return url;
}

function appOptions(publicUrl: string, options: Partial<AppOptions>): AppOptions {
  return {
    db: tenure.hostDb,
    gate: theGate(),
    workos: simulator.workos,
    clientId: 'client_acme',
    publicUrl,
    tenureSecret: secret,
    jobIntervalMs: 10_000,
    onError: (error) => errors.push(error),
    ...options,
  };
}

async function tell(): Promise<void> {
  const events = simulator.events();
  for (const event of events.slice(told)) await tenure.take(event);
  told = events.length;
}

async function settle(person: Person): Promise<{ userId: string; organizationId: string }> {
  const { _id, userId, organizationId } = await membershipOf(tenure, person.user.id);
  await drive(tenure, _id);
  return { userId, organizationId };
}

async function ada(): Promise<Person> {
  return joined('ada@acme.test', 'Ada');
}

async function joined(email: string, firstName: string): Promise<Person> {
  const person = simulator.join(directoryId, { email, firstName });
  await tell();
  await settle(person);
  return person;
}

async function leaves(person: Person): Promise<void> {
  simulator.leave(person.user.id);
  await tell();
}

/** A browser: it keeps cookies, follows redirects and tells its origin. */
class Browser {
  readonly cookies = new Map<string, string>();

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async go(url: string, form?: Record<string, string>, origin = new URL(url).origin, most = 10) {
    let response = await this.#send(url, form, origin);
    let at = url;
    for (let hops = 0; response.status === 302 && hops < most; hops += 1) {
      at = new URL(response.headers.get('location') ?? '', at).href;
      response = await this.#send(at);
    }
    return { status: response.status, url: at, text: await response.text() };
  }

  async #send(url: string, form?: Record<string, string>, origin = ''): Promise<Response> {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: this.cookie, accept: 'text/html', ...(form ? { origin } : {}) },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }
}

async function signedIn(url: string, email = 'ada@acme.test'): Promise<Browser> {
  const browser = new Browser();
  const page = await browser.go(`${url}/login`, { email });
  expect(page).toMatchObject({ status: 200, url: `${url}/projects` });
  return browser;
}

const sessions = async (): Promise<number> => tenure.hostDb.collection('sessions').countDocuments();
const users = async (): Promise<number> => tenure.store.collections.users.countDocuments();

describe('the example application', () => {
  it('lets a person of the directory work, refuses the very next click of a leaver, and takes them back', async () => {
    const url = await start();
    const person = await ada();
    const browser = await signedIn(url);
    const page = await browser.go(`${url}/projects`, { title: 'Rocket <1>' });
    expect(page).toMatchObject({ status: 200, url: `${url}/projects` });
    expect(page.text).toContain('Rocket &lt;1&gt;');
    await leaves(person);
    const refused = await browser.go(`${url}/projects`);
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('data-reason="notBacked"');
    expect(refused.text).not.toContain('Rocket');
    expect(await sessions()).toBe(0);
    expect((await browser.go(`${url}/projects`)).url).toBe(`${url}/`);
    simulator.return(person.handle);
    await tell();
    await settle(person);
    const again = await signedIn(url);
    expect((await again.go(`${url}/projects`)).text).toContain('Rocket &lt;1&gt;');
  });

  it.each(['GET', 'POST'])('refuses a leaver who only sends %s', async (method) => {
    const url = await start();
    const person = await ada();
    const browser = await signedIn(url);
    await leaves(person);
    const page = await browser.go(
      `${url}/projects`,
      method === 'POST' ? { title: 'Too late' } : undefined,
    );
    expect(page.status).toBe(403);
    expect(await tenure.hostDb.collection('projects').countDocuments()).toBe(0);
  });

  it('ends a sign-in of a leaver or a stranger in a clear page, and writes nobody down', async () => {
    const url = await start();
    const person = await ada();
    await leaves(person);
    const before = await users();
    const leaver = await new Browser().go(`${url}/login`, { email: 'ada@acme.test' });
    expect(leaver.status).toBe(403);
    expect(leaver.text).toContain('data-reason="notBacked"');
    const stranger = await new Browser().go(`${url}/login`, { email: 'mallory@acme.test' });
    expect(stranger.status).toBe(403);
    expect(stranger.text).toContain('data-reason="unknown"');
    expect(await users()).toBe(before);
    expect(await sessions()).toBe(0);
  });

  it('knows a person by the address where single sign-on calls them by another id', async () => {
    simulator.settings.ssoIdpIds = 'own';
    const url = await start();
    await ada();
    const browser = await signedIn(url);
    expect((await browser.go(`${url}/projects`)).status).toBe(200);
  });

  describe('at a sign-in that access closes under', () => {
    /** How many sessions are left, and what a browser that kept the cookie finds once the person is back. */
    async function signInWhileLeaving(again: (gate: Gate) => Gate['check']) {
      const gate = theGate();
      const person = await ada();
      const url = await start({
        gate: {
          ...gate,
          async canLogIn(profile) {
            const answer = await gate.canLogIn(profile);
            await leaves(person);
            // Everything is revoked by now: what is written later, no revocation finds.
            await settle(person);
            return answer;
          },
          check: again(gate),
        },
      });
      const browser = new Browser();
      // To the identity provider and back, and no further: the next page would end the session at any rate.
      const { status, url: at } = await browser.go(
        `${url}/login`,
        { email: 'ada@acme.test' },
        undefined,
        2,
      );
      expect(at).toContain(`${url}/callback?`);
      const left = await sessions();
      simulator.return(person.handle);
      await tell();
      await settle(person);
      const back = await browser.go(`${await start()}/projects`);
      return { status, left, isBack: back.url.endsWith('/projects') };
    }

    it('keeps no session', async () => {
      expect(await signInWhileLeaving((gate) => gate.check)).toEqual({
        status: 403,
        left: 0,
        isBack: false,
      });
    });

    it('would keep one that a return brings back, if it did not ask once more after writing it', async () => {
      const believing = (gate: Gate): Gate['check'] => {
        return async (question) => ({ ...(await gate.check(question)), allowed: true });
      };
      expect(await signInWhileLeaving(believing)).toEqual({ status: 302, left: 1, isBack: true });
    });
  });

  it('takes a code only from the browser that asked for it', async () => {
    const url = await start();
    await ada();
    const victim = new Browser();
    const asked = await fetch(`${url}/login`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: url },
      body: new URLSearchParams({ email: 'ada@acme.test' }),
    });
    const provider = await fetch(asked.headers.get('location') ?? '', { redirect: 'manual' });
    const page = await victim.go(provider.headers.get('location') ?? '');
    expect(page.status).toBe(400);
    expect(await sessions()).toBe(0);
  });

  it('takes no form of another origin, and no title that is no text', async () => {
    const url = await start();
    await ada();
    const browser = await signedIn(url);
    const foreign = await browser.go(`${url}/projects`, { title: 'x' }, 'https://evil.example');
    expect(foreign.status).toBe(403);
    expect((await browser.go(`${url}/projects`, { 'title[$ne]': 'x' })).status).toBe(422);
    expect(await tenure.hostDb.collection('projects').countDocuments()).toBe(0);
  });

  it('finds nothing of another organization', async () => {
    const url = await start();
    await ada();
    const browser = await signedIn(url);
    await tenure.hostDb
      .collection<{ _id: string }>('projects')
      .insertOne({ _id: 'p1', title: 'Secret', organizationId: 'org_other' } as never);
    const page = await browser.go(`${url}/projects/p1`);
    expect(page.status).toBe(404);
    expect((await browser.go(`${url}/projects/p1/export`, {})).status).toBe(404);
  });

  it('keeps out everybody while the gate does not answer, and ends no session for it', async () => {
    await ada();
    const url = await start();
    const browser = await signedIn(url);
    const down: Gate = {
      ...theGate(),
      check: async () => ({
        allowed: false,
        reason: 'unavailable',
        userId: null,
        membershipId: null,
        roles: [],
        permissions: [],
        features: [],
      }),
    };
    const other = await start({ gate: down });
    const response = await fetch(`${other}/projects`, { headers: { cookie: browser.cookie } });
    expect(response.status).toBe(503);
    expect(await sessions()).toBe(1);
  });
});

/** A request of Tenure's. */
function signed(type: string, data: object, key = secret): RequestInit {
  const body = JSON.stringify({ type, data });
  const at = new Date();
  return {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(key).sign('msg_1', at, body),
    },
  };
}

describe('a live connection', () => {
  async function connected(
    url: string,
    cookie: string,
    origin = url,
  ): Promise<{ socket: WebSocket; closed: Promise<number> }> {
    const socket = new WebSocket(url.replace('http', 'ws') + '/live', {
      headers: { cookie, origin },
    });
    const closed = new Promise<number>((resolve) => {
      socket.once('close', (code) => resolve(code));
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return { socket, closed };
  }

  it('ends by access.closed, and only for the person it is about', async () => {
    const url = await start();
    const person = await ada();
    const who = await settle(person);
    const browser = await signedIn(url);
    const { socket, closed } = await connected(url, browser.cookie);
    const wrong = signed('access.closed', who, `whsec_${Buffer.alloc(32, 8).toString('base64')}`);
    expect((await fetch(`${url}/tenure/notifications`, wrong)).status).toBe(401);
    const other = signed('access.closed', { ...who, userId: 'somebody_else' });
    expect((await fetch(`${url}/tenure/notifications`, other)).status).toBe(204);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    const right = signed('access.closed', who);
    expect((await fetch(`${url}/tenure/notifications`, right)).status).toBe(204);
    expect(await closed).toBe(4403);
  });

  it('ends within the time of a recheck where no notification comes', async () => {
    const url = await start({ recheckMs: 50 });
    const person = await ada();
    const browser = await signedIn(url);
    const { closed } = await connected(url, browser.cookie);
    await leaves(person);
    expect(await closed).toBe(4403);
  });

  it('passes on no message of a leaver', async () => {
    const url = await start();
    const person = await ada();
    const browser = await signedIn(url);
    const [mine, other] = [
      await connected(url, browser.cookie),
      await connected(url, browser.cookie),
    ];
    const heard: string[] = [];
    other.socket.on('message', (data: Buffer) => heard.push(data.toString()));
    mine.socket.send('before');
    await once(other.socket, 'message');
    await leaves(person);
    mine.socket.send('after');
    expect(await mine.closed).toBe(4403);
    expect(heard).toEqual(['{"title":"before"}']);
  });

  it.each([
    ['somebody who left', async (person: Person) => leaves(person)],
    ['a session that was ended', async () => endOldestSession()],
  ])('tells %s nothing of what the others do', async (_who, end) => {
    const url = await start();
    const [person] = [await ada(), await joined('bea@acme.test', 'Bea')];
    const [mine, theirs] = [await signedIn(url), await signedIn(url, 'bea@acme.test')];
    const sockets = [await connected(url, mine.cookie), await connected(url, theirs.cookie)];
    const heard = sockets.map(({ socket }) => {
      const texts: string[] = [];
      socket.on('message', (data: Buffer) => texts.push(data.toString()));
      return texts;
    });
    const add = async (title: string): Promise<void> => {
      const everybody = sockets.filter(({ socket }) => socket.readyState === WebSocket.OPEN);
      const messages = everybody.map(({ socket }) => once(socket, 'message'));
      await theirs.go(`${url}/projects`, { title });
      await Promise.race([Promise.all(messages), sockets[0]?.closed]);
    };
    await add('before');
    await end(person);
    await add('after');
    expect(await sockets[0]?.closed).toBe(4403);
    expect(heard[0]).toEqual(['{"title":"before"}']);
    await add('still');
    await eventually('the others go on', () => heard[1]?.length === 3);
  });

  async function endOldestSession(): Promise<void> {
    await tenure.hostDb.collection('sessions').findOneAndDelete({}, { sort: { createdAt: 1 } });
  }

  it('tells nobody anything while the gate does not answer, and says to come again', async () => {
    await ada();
    let isDown = false;
    const gate = theGate();
    const url = await start({
      gate: {
        ...gate,
        async check(question) {
          const answer = await gate.check(question);
          if (!isDown || question.action !== 'read') return answer;
          return { ...answer, allowed: true, reason: 'unavailable', userId: null };
        },
      },
    });
    const browser = await signedIn(url);
    const { socket, closed } = await connected(url, browser.cookie);
    const heard: string[] = [];
    socket.on('message', (data: Buffer) => heard.push(data.toString()));
    isDown = true;
    await browser.go(`${url}/projects`, { title: 'Rocket' }, undefined, 0);
    expect(await closed).toBe(1013);
    expect(heard).toEqual([]);
    expect(errors.splice(0)).toEqual([new Error('The gate does not answer.')]);
  });

  describe('that is reset while somebody is asked about it', () => {
    /** Holds up whoever comes next, until it is let go. */
    function holdUp() {
      const came = Promise.withResolvers<void>();
      const letGo = Promise.withResolvers<void>();
      let isArmed = false;
      return {
        arm: () => (isArmed = true),
        came: came.promise,
        letGo: () => letGo.resolve(),
        async wait(): Promise<void> {
          if (!isArmed) return;
          came.resolve();
          await letGo.promise;
        },
      };
    }

    /** The application's database, whose sessions are looked up as slowly as wanted. */
    function slowSessions(wait: () => Promise<void>): AppOptions['db'] {
      const sessionsOf = (name: string) => {
        const collection = tenure.hostDb.collection(name);
        if (name !== 'sessions') return collection;
        const findOne = collection.findOne.bind(collection);
        return Object.assign(collection, {
          async findOne(...given: Parameters<typeof findOne>) {
            await wait();
            return findOne(...given);
          },
        });
      };
      return new Proxy(tenure.hostDb, {
        get: (db, name) => (name === 'collection' ? sessionsOf : Reflect.get(db, name)),
      });
    }

    function askUp(url: string, cookie: string): Socket {
      const { port, host } = new URL(url);
      const socket = connect(Number(port), '127.0.0.1');
      const lines = [
        'GET /live HTTP/1.1',
        `Host: ${host}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${Buffer.alloc(16, 1).toString('base64')}`,
        `Origin: ${url}`,
        `Cookie: ${cookie}`,
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      return socket;
    }

    it.each(['valid', 'made-up'])(
      'leaves the application alive, with a %s cookie',
      async (kind) => {
        await ada();
        const held = holdUp();
        const gate = theGate();
        const check: Gate['check'] = async (question) => {
          if (kind === 'valid') await held.wait();
          return gate.check(question);
        };
        const db = slowSessions(async () => (kind === 'valid' ? undefined : held.wait()));
        const url = await start({ db, gate: { ...gate, check } });
        const browser = await signedIn(url);
        const gone = new Promise<void>((resolve) => {
          apps[0]?.server.once('upgrade', (_request, socket) => socket.once('close', resolve));
        });
        held.arm();
        const cookie = kind === 'valid' ? browser.cookie : 'acme_session=made-up';
        const client = askUp(url, cookie);
        await held.came;
        client.resetAndDestroy();
        await gone;
        held.letGo();
        expect((await fetch(`${url}/acme.css`)).status).toBe(200);
        const { socket, closed } = await connected(url, browser.cookie);
        socket.close();
        await closed;
      },
    );
  });

  it('is refused to other origins, to nobody, and to a leaver whose session is still there', async () => {
    const url = await start();
    const person = await ada();
    const browser = await signedIn(url);
    await expect(connected(url, browser.cookie, 'https://evil.example')).rejects.toThrow('403');
    await expect(connected(url, '')).rejects.toThrow('403');
    await leaves(person);
    expect(await sessions()).toBe(1);
    await expect(connected(url, browser.cookie)).rejects.toThrow('403');
  });
});

describe('a background job', () => {
  async function withJob(options: Partial<AppOptions>): Promise<{ url: string; person: Person }> {
    const url = await start(options);
    const person = await ada();
    const browser = await signedIn(url);
    await browser.go(`${url}/projects`, { title: 'Rocket' });
    const project = await tenure.hostDb.collection('projects').findOne();
    const path = `${url}/projects/${String(project?._id)}`;
    for (const title of ['One', 'Two']) await browser.go(`${path}/documents`, { title });
    await browser.go(`${path}/export`, {});
    return { url, person };
  }

  async function ended(): Promise<{ state: string; lines: string[] }> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const job = await tenure.hostDb.collection('jobs').findOne();
      if (job !== null && !['waiting', 'running'].includes(job['state'])) {
        return { state: job['state'], lines: job['lines'] };
      }
      if (Date.now() > deadline) throw new Error('The job does not end.');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it('does what a person asked for', async () => {
    await withJob({ jobIntervalMs: 20 });
    expect(await ended()).toEqual({ state: 'done', lines: ['One', 'Two'] });
  });

  it('is refused where the person left before its turn came', async () => {
    const { person } = await withJob({});
    await leaves(person);
    await start({ jobIntervalMs: 20 });
    expect(await ended()).toEqual({ state: 'refused', lines: [] });
  });

  it('stops where the person leaves while it runs', async () => {
    const { person } = await withJob({});
    const gate = theGate();
    let asked = 0;
    await start({
      jobIntervalMs: 20,
      gate: {
        ...gate,
        async check(question) {
          asked += 1;
          if (asked === 2) await leaves(person);
          return gate.check(question);
        },
      },
    });
    expect(await ended()).toEqual({ state: 'refused', lines: ['One'] });
  });
});

describe('a grant of an app', () => {
  it('is not handed out, nor left behind, where access closes while it is written', async () => {
    const person = await ada();
    const gate = theGate();
    let left = false;
    const url = await start({
      gate: {
        ...gate,
        async check(question) {
          const answer = await gate.check(question);
          if (question.action === 'write' && !left) {
            left = true;
            await leaves(person);
            await settle(person);
          }
          return answer;
        },
      },
    });
    const browser = await signedIn(url);
    const { status, text } = await browser.go(`${url}/grants`, { app: 'calendar' });
    expect([status, left]).toEqual([403, true]);
    expect(text).toContain('data-reason="notBacked"');
    const grants = await tenure.hostDb.collection('oauthGrants').find().toArray();
    expect(grants).toMatchObject([{ revokedAt: expect.any(Date) }]);
  });

  it('works until Tenure ends it by the connector http, and is refused by the gate before that', async () => {
    const url = await start();
    const person = await ada();
    const who = await settle(person);
    const browser = await signedIn(url);
    const { text } = await browser.go(`${url}/grants`, { app: 'calendar' });
    const { token } = JSON.parse(text);
    const call = async (): Promise<number> => {
      const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
      return (await fetch(`${url}/api/projects`, { headers })).status;
    };
    expect(await call()).toBe(200);
    const source = createHttpSource(
      {
        kind: 'oauth_grant',
        connector: 'http',
        url: `${url}/tenure`,
        secretEnv: 'X',
        allowPrivate: true,
      },
      [secret],
    );
    const membership = { membershipId: 'm1', ...who, last: true };
    expect(await source.count(membership)).toBe(1);
    await leaves(person);
    expect(await call()).toBe(403);
    expect(await source.revoke(membership, 1, () => undefined)).toEqual({ found: 1, revoked: 1 });
    expect(await source.revoke(membership, 1, () => undefined)).toEqual({ found: 0, revoked: 0 });
    expect(await source.count(membership)).toBe(0);
    expect(await call()).toBe(401);
  });
});

describe('npm run example', () => {
  it('answers what the stack signs, told nothing but where its state is, and says what will not work', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tenure-example-'));
    const [address] = tenure.store.client.options.hosts;
    writeExampleFile(join(directory, 'example.json'), {
      mongodbUrl: `mongodb://${String(address)}/?directConnection=true`,
      workosApiUrl: 'http://127.0.0.1:8100',
      workosApiKey: 'sk_test_1',
      tenureSecret: secret,
      hostFile: '/elsewhere/acme.yaml',
    });
    const main = fileURLToPath(new URL('../../examples/host-app/main.ts', import.meta.url));
    const port = await freePort();
    const child = spawn(process.execPath, [main], {
      env: { PATH: process.env['PATH'], PORT: String(port), TENURE_STATE_DIRECTORY: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = once(child, 'exit');
    let warned = '';
    child.stderr.on('data', (chunk: Buffer) => {
      warned += chunk.toString();
    });
    try {
      await Promise.race([once(child.stdout, 'data'), exit]);
      expect(warned).toMatch(/^acme: WARNING: Tenure runs with another host file/);
      const ask = async (key?: string): Promise<number> => {
        const who = { userId: 'nobody', organizationId: 'org_1' };
        const url = `http://127.0.0.1:${port}/tenure/notifications`;
        return (await fetch(url, signed('access.closed', who, key))).status;
      };
      expect(await ask()).toBe(204);
      expect(await ask(`whsec_${Buffer.alloc(32, 8).toString('base64')}`)).toBe(401);
    } finally {
      child.kill('SIGTERM');
      await exit;
      await rm(directory, { recursive: true, force: true });
    }
  });
});
