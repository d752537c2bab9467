import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';

import { MongoClient } from 'mongodb';
import type { Db } from 'mongodb';

import { hostDataPerPerson, hostFootprint, seedHostData } from '../../local/demo/seed-host-data.ts';
import { playScenario } from '../../local/simulator/scenarios.ts';
import type { WireEvent } from '../../local/simulator/state.ts';
import { startForTest } from '../support/simulator-in-test.ts';

/** As much of Tenure as the demo looks at: who is in, and what it would have done to the host's data. */
interface StandIn {
  url: string;
  server: Server;
  calls: string[];
}

interface Member {
  id: string;
  userId: string;
  organizationId: string;
  status: string;
  phase: string;
  access: { state: string; reason: string };
  deletionDueAt: null;
  roles: string[];
}

let client: MongoClient;
let db: Db;
const servers: Server[] = [];

beforeEach(async () => {
  client = await MongoClient.connect(process.env['TENURE_TEST_MONGODB_URL'] ?? '');
  db = client.db(`demo_${randomBytes(6).toString('hex')}`);
});

afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await db.dropDatabase();
  await client.close();
});

async function startStandIn({ observing = false } = {}): Promise<StandIn> {
  const members = new Map<string, Member>();
  const byDirectoryUser = new Map<string, Member>();
  const calls: string[] = [];
  const rolesOfGroup = new Map<string, string[]>();
  const groupsOf = new Map<string, Set<string>>();
  function moveEdge({ event, data }: WireEvent): void {
    const { user, group } = data as Record<'user' | 'group', { id: string }>;
    const groups = groupsOf.get(user.id) ?? new Set();
    groupsOf.set(user.id, groups);
    if (event === 'dsync.group.user_added') groups.add(group.id);
    else groups.delete(group.id);
    const member = byDirectoryUser.get(user.id);
    if (member === undefined) return;
    member.roles = [...groups].flatMap((id) => rolesOfGroup.get(id) ?? []);
  }
  function mapGroups(body: string): void {
    const { data }: { data: { directoryGroupId: string; roles: string[] }[] } = JSON.parse(body);
    for (const { directoryGroupId, roles } of data) rolesOfGroup.set(directoryGroupId, roles);
  }
  async function leave(member: Member): Promise<void> {
    Object.assign(member, {
      phase: 'coolingOff',
      access: { state: 'closed', reason: 'notBacked' },
    });
    if (!observing) await cleanUp(member);
    const last = observing ? 'blocked' : 'anonymized';
    setTimeout(() => {
      if (member.phase === 'coolingOff') member.phase = last;
    }, 4000).unref();
  }
  async function cleanUp({ userId }: Member): Promise<void> {
    await db.collection('sessions').deleteMany({ userId });
    await db.collection('refreshTokens').deleteMany({ userId });
    await db.collection('apiKeys').updateMany({ userId }, { $set: { revokedAt: new Date() } });
    await db
      .collection('projects')
      .updateMany({ ownerId: userId }, { $set: { ownerId: 'manager' } });
  }
  async function apply({ event, data }: WireEvent): Promise<void> {
    if (event.startsWith('dsync.group.user_')) moveEdge({ event, data } as WireEvent);
    if (!event.startsWith('dsync.user.')) return;
    const [key, id] = [String(data['idp_id']), String(data['id'])];
    const userId = `u-${key}`;
    const member = members.get(key) ?? {
      id: `m-${key}`,
      userId,
      organizationId: String(data['organization_id']),
      status: 'active',
      phase: 'settled',
      access: { state: 'open', reason: 'open' },
      deletionDueAt: null,
      roles: [],
    };
    members.set(key, member);
    byDirectoryUser.set(id, member);
    const isIn = event !== 'dsync.user.deleted' && data['state'] === 'active';
    if (!isIn) await leave(member);
    else Object.assign(member, { phase: 'settled', access: { state: 'open', reason: 'open' } });
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://tenure');
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    const answerIt = async (): Promise<void> => {
      let answer: unknown = {};
      if (url.pathname === '/webhooks/workos') await apply(JSON.parse(body));
      else calls.push(`${request.method} ${url.pathname} ${body}`);
      if (url.pathname.endsWith('/role-mappings')) mapGroups(body);
      if (url.pathname === '/v1/users') {
        const member = byDirectoryUser.get(url.searchParams.get('directoryUserId') ?? '');
        answer = {
          data: member === undefined ? [] : [{ id: member.userId, memberships: [member] }],
        };
      }
      if (url.pathname.startsWith('/v1/memberships/')) {
        answer = [...members.values()].find(({ id }) => url.pathname.endsWith(id));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    };
    request.on('end', () => void answerIt());
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, server, calls };
}

describe('the demo', () => {
  it('plays one tenure, and is not played again by a restart', async () => {
    const standIn = await startStandIn();
    const simulator = await startForTest({ webhookUrl: `${standIn.url}/webhooks/workos` });
    const lines: string[] = [];
    const context = {
      simulator,
      tenure: {
        apiUrl: standIn.url,
        adminKey: 'key',
        mongodbUrl: process.env['TENURE_TEST_MONGODB_URL'] ?? '',
        hostDatabase: db.databaseName,
      },
      log: (line: string) => lines.push(line),
      signal: new AbortController().signal,
    };
    playScenario('demo', context);
    expect(() => playScenario('demo', context)).toThrow(/is playing/);
    while (!lines.some((line) => /played|stopped/.test(line))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(lines.at(-1)).toMatch(/^demo: played/);
    const { organizations, directories, people } = simulator.world.state;
    expect([organizations.length, directories.length, people.length]).toEqual([2, 3, 21]);
    expect(await db.collection('projects').countDocuments()).toBe(21 * hostDataPerPerson.projects);
    expect(standIn.calls).toContainEqual(
      `PUT /v1/organizations/${organizations[1]?.id}/policy ${JSON.stringify({ sandbox: true, sandboxCoolingOffSeconds: 20, deletionAllowed: true })}`,
    );
    expect(lines).toEqual(
      expect.arrayContaining([
        'yara has the roles member and admin, by groups',
        expect.stringMatching(/^yara is out of Admins: admin is gone/),
        expect.stringMatching(/^bo is in Engineering now: editor came/),
      ]),
    );
    expect(lines).toContainEqual(expect.stringMatching(/^omar is forgotten/));
    expect(lines).toContainEqual(
      expect.stringMatching(/^vera is back .*new directory user id: the same user/),
    );

    const played = simulator.events().length;
    playScenario('demo', context);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(simulator.events()).toHaveLength(played);

    playScenario('tenure', context);
    while (!lines.some((line) => /^juno is forgotten|stopped/.test(line))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(lines.filter((line) => line.includes('stopped'))).toEqual([]);
  });
});

describe('the demo of a Tenure that only observes', () => {
  it('tells what would have happened, and waits for nothing that does not', async () => {
    const standIn = await startStandIn({ observing: true });
    const simulator = await startForTest({ webhookUrl: `${standIn.url}/webhooks/workos` });
    const lines: string[] = [];
    playScenario('demo', {
      simulator,
      tenure: {
        apiUrl: standIn.url,
        adminKey: 'key',
        mongodbUrl: process.env['TENURE_TEST_MONGODB_URL'] ?? '',
        hostDatabase: db.databaseName,
        observing: true,
      },
      log: (line: string) => lines.push(line),
      signal: new AbortController().signal,
    });
    while (!lines.some((line) => /played|stopped/.test(line))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(lines.at(-1)).toMatch(/^demo: played/);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^omar left: access would be closed/),
        expect.stringMatching(/^omar: sessions.* stay: Tenure only observes$/),
        expect.stringMatching(/^omar would be forgotten now: GET \/v1\/observations/),
      ]),
    );
    expect(lines.join('\n')).not.toMatch(/is forgotten|are gone|access closed/);
  });
});

describe('the host application data of the demo', () => {
  const ada = { userId: 'u-1', organizationId: 'org_1', name: 'Ada L', email: 'ada@acme.test' };

  it('is written once for a person, in every collection', async () => {
    const expected = Object.values(hostDataPerPerson).reduce((sum, count) => sum + count, 0);
    expect(await seedHostData(db, ada)).toBe(expected);
    expect(await seedHostData(db, ada)).toBe(0);
    expect(await hostFootprint(db, ada)).toEqual({
      sessions: hostDataPerPerson.sessions,
      refreshTokens: hostDataPerPerson.refreshTokens,
      apiKeys: hostDataPerPerson.apiKeys,
      projects: hostDataPerPerson.projects,
      documents: hostDataPerPerson.documents,
      namedComments: hostDataPerPerson.comments,
    });
  });
});
