import type { ServerResponse } from 'node:http';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { CredentialSource } from '../../connectors/credential-source.ts';
import type { HostMembership } from '../../connectors/host-application.ts';
import { createOutsideSources } from '../../connectors/outside-sources.ts';
import { revokeEverywhere, type PassOutcome } from '../../connectors/revoke-everywhere.ts';
import type { HttpSessions } from '../../domain/host-file.ts';
import { sayJson, startHostEndpoint, type HostEndpoint } from '../support/host-endpoint.ts';

const leaver: HostMembership = {
  membershipId: 'm1',
  userId: 'u1',
  organizationId: 'o1',
  last: true,
};

let endpoint: HostEndpoint;

beforeEach(async () => {
  endpoint = await startHostEndpoint();
  endpoint.alive.set('u1', 2);
});
afterEach(async () => endpoint.close());

function sourceOf(parts: Partial<HttpSessions> = {}): CredentialSource {
  const kind: HttpSessions = {
    kind: 'app',
    connector: 'http',
    url: endpoint.url,
    secretEnv: 'S',
    allowPrivate: true,
    ...parts,
  };
  const [source] = createOutsideSources(
    { sessions: [kind] },
    { secrets: new Map([['S', [endpoint.secret]]]), workos: null },
  );
  if (source === undefined) throw new Error('There is no source.');
  return source;
}

async function revoke(source = sourceOf(), giveUpAfterMs = 3000): Promise<PassOutcome> {
  const [outcome] = await revokeEverywhere([source], leaver, {
    closing: 4,
    policy: { readBackPauseMs: 10, giveUpAfterMs },
    beat: () => undefined,
  });
  if (outcome === undefined) throw new Error('There is no outcome.');
  return outcome;
}

const pathsAsked = (): string[] => endpoint.asked.map(({ path }) => path.replace('/tenure', ''));

describe('sessions that the host application ends itself', () => {
  it('are revoked, and listed until none is left twice in a row', async () => {
    expect(await revoke()).toMatchObject({ kind: 'app', outcome: 'verifiedEmpty', revoked: 2 });
    expect(pathsAsked()).toEqual(['/revoke', '/list', '/list']);
    expect(endpoint.asked[0]).toMatchObject({
      id: expect.stringMatching(/^m1\/4\/app\/revoke\/\w+$/),
      body: { userId: 'u1', organizationId: 'o1', last: true, reason: 'leaving' },
    });
    expect(endpoint.asked[1]?.body).toEqual({ userId: 'u1', organizationId: 'o1', last: true });
  });

  it('are revoked once more where one was created meanwhile', async () => {
    let created = false;
    endpoint.instead = ({ path }, response) => {
      if (created || !path.endsWith('/list')) return false;
      created = true;
      // Empty when it was read, and a sign-in that was under way writes its session right after.
      endpoint.alive.set('u1', 1);
      sayJson(response, { alive: 0 });
      return true;
    };
    expect(await revoke()).toMatchObject({ outcome: 'verifiedEmpty', revoked: 3 });
    expect(pathsAsked()).toEqual(['/revoke', '/list', '/list', '/revoke', '/list', '/list']);
    // The same closing: the same key, and it is to be done again all the same.
    const revokes = endpoint.asked.filter(({ path }) => path.endsWith('/revoke'));
    expect(new Set(revokes.map(({ id }) => id)).size).toBe(1);
  });

  it('are not done because a host that keeps its answers by id has an old one: each reading has its own', async () => {
    const answers = new Map<string, unknown>();
    endpoint.instead = ({ path, id, body }, response) => {
      if (!path.endsWith('/list')) return false;
      if (!answers.has(id)) answers.set(id, { alive: endpoint.alive.get(body.userId) });
      sayJson(response, answers.get(id));
      return true;
    };
    expect(await revoke()).toMatchObject({ outcome: 'verifiedEmpty', revoked: 2 });
    endpoint.alive.set('u1', 1);
    const source = sourceOf();
    expect([await source.count(leaver), await source.count(leaver)]).toEqual([1, 1]);
    const listed = endpoint.asked.filter(({ path }) => path.endsWith('/list'));
    expect(new Set(listed.map(({ id }) => id)).size).toBe(listed.length);
  });

  it('are asked for under one id only with one and the same question', async () => {
    const source = sourceOf();
    const beat = (): void => undefined;
    for (const whose of [leaver, leaver, { ...leaver, last: false }]) {
      await source.revoke(whose, 4, beat);
    }
    await source.revoke(leaver, 5, beat);
    const ids = endpoint.asked.map(({ id }) => id);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
  });

  it('are not done because the host says so: only what it lists counts', async () => {
    endpoint.instead = ({ path }, response) => {
      if (path.endsWith('/revoke')) sayJson(response, { revoked: 2, left: 0 });
      else sayJson(response, { alive: 3 });
      return true;
    };
    expect(await revoke(sourceOf(), 300)).toMatchObject({
      outcome: 'failed',
      code: expect.stringMatching(/^(notEmpty|timeout)$/),
    });
  });

  it('are found done where the answer was lost after it was done', async () => {
    endpoint.instead = ({ path }, response) => {
      if (!path.endsWith('/revoke') || endpoint.alive.get('u1') === 0) return false;
      endpoint.alive.set('u1', 0);
      response.destroy();
      return true;
    };
    const source = sourceOf();
    expect(await revoke(source)).toMatchObject({ outcome: 'failed', code: 'unreachable' });
    endpoint.instead = null;
    expect(await revoke(sourceOf())).toMatchObject({ outcome: 'verifiedEmpty', revoked: 0 });
  });

  type Misbehaviour = (response: ServerResponse) => void;
  const html: Misbehaviour = (response) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Sign in</p>');
  it.each<[string, Misbehaviour, string]>([
    ['HTML', html, 'notJson'],
    ['another shape', (response) => sayJson(response, { revoked: '2', left: null }), 'notJson'],
    ['a negative count', (response) => sayJson(response, { revoked: -1, left: 0 }), 'notJson'],
    ['nothing but a 204', (response) => void response.writeHead(204).end(), 'notJson'],
    [
      'a redirect',
      (response) => void response.writeHead(302, { location: '/' }).end(),
      'answered302',
    ],
    ['an error', (response) => void response.writeHead(500).end(), 'answered500'],
    [
      'more than 64 kB',
      (response) => sayJson(response, { revoked: 0, left: 0, padding: 'x'.repeat(70_000) }),
      'tooLarge',
    ],
  ])('are not called gone where the host answers %s', async (_, misbehave, code) => {
    endpoint.instead = (__, response) => {
      misbehave(response);
      return true;
    };
    expect(await revoke()).toMatchObject({ outcome: 'failed', code, retryAfterMs: null });
  });

  it('are not asked for with a wrong secret: the host refuses', async () => {
    const [source] = createOutsideSources(
      {
        sessions: [
          { kind: 'app', connector: 'http', url: endpoint.url, secretEnv: 'S', allowPrivate: true },
        ],
      },
      {
        secrets: new Map([['S', [`whsec_${Buffer.alloc(32, 6).toString('base64')}`]]]),
        workos: null,
      },
    );
    expect(await revoke(source)).toMatchObject({ outcome: 'failed', code: 'answered401' });
  });

  it('are not asked for at a private address unless the file allows it', async () => {
    expect(await revoke(sourceOf({ allowPrivate: false }))).toMatchObject({
      outcome: 'failed',
      code: 'privateAddress',
    });
    expect(endpoint.asked).toEqual([]);
  });
});

describe('a source that is away', () => {
  it('is left alone for as long as it asks, for everybody', async () => {
    endpoint.instead = (_, response) => {
      response.writeHead(429, { 'retry-after': '1' }).end();
      return true;
    };
    const source = sourceOf();
    expect(await revoke(source)).toMatchObject({ code: 'answered429', retryAfterMs: 1000 });
    endpoint.instead = null;
    const resting = await revoke(source);
    expect(resting).toMatchObject({ outcome: 'failed', code: 'answered429' });
    expect(resting.retryAfterMs).toBeGreaterThan(0);
    expect(resting.retryAfterMs).toBeLessThanOrEqual(1000);
    expect(endpoint.asked).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 1010));
    expect(await revoke(source)).toMatchObject({ outcome: 'verifiedEmpty', revoked: 2 });
  });

  it('is asked at once about the next person where it failed for one', async () => {
    endpoint.instead = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    const source = sourceOf();
    expect(await revoke(source)).toMatchObject({ code: 'answered500' });
    endpoint.instead = null;
    expect(await revoke(source)).toMatchObject({ outcome: 'verifiedEmpty' });
  });
});

describe('several sources', () => {
  it('are asked at the same time: one that never answers, or throws, delays no other one', async () => {
    const never: CredentialSource = {
      kind: 'never',
      revoke: async () => new Promise(() => undefined),
      count: async () => new Promise(() => undefined),
    };
    const broken: CredentialSource = {
      kind: 'broken',
      revoke: async () => {
        throw new TypeError('canary@example.com');
      },
      count: async () => 0,
    };
    const startedAt = Date.now();
    const outcomes = await revokeEverywhere([never, broken, sourceOf()], leaver, {
      closing: 1,
      policy: { readBackPauseMs: 10, giveUpAfterMs: 700 },
      beat: () => undefined,
    });
    expect(outcomes).toMatchObject([
      { kind: 'never', outcome: 'failed', code: 'timeout' },
      { kind: 'broken', outcome: 'failed', code: 'TypeError' },
      { kind: 'app', outcome: 'verifiedEmpty', revoked: 2 },
    ]);
    const [first, , third] = outcomes.map(({ at }) => at.getTime() - startedAt);
    expect(first).toBeGreaterThanOrEqual(690);
    expect(third).toBeLessThan(500);
    expect(JSON.stringify(outcomes)).not.toContain('canary');
  });
});
