import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { putRoleMappings } from '../../transitions/organization/put-role-mappings.ts';
import { spreadPending } from '../../transitions/organization/spread-facts.ts';
import { drive, membershipOf } from '../support/by-hand.ts';
import { userEvent, workosId } from '../support/events.ts';
import { edge, mapGroups, mapped } from '../support/groups.ts';
import { testServers } from '../support/servers.ts';
import { openTenure, type TestTenure } from '../support/tenure.ts';

/** In the nightly form 10,000: `TENURE_TEST_SPREAD_PEOPLE=10000`. */
const people = Number(process.env['TENURE_TEST_SPREAD_PEOPLE'] ?? 2_000);
const group = workosId('directory_group');
const organizationId = workosId('org');

let tenure: TestTenure;
const children: ChildProcess[] = [];

beforeAll(async () => {
  tenure = await openTenure();
}, 60_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await tenure.close();
});

/** A worker's chore in a process of its own. */
function spreader(): ChildProcess {
  const script = join(import.meta.dirname, '../support/spread-process.ts');
  const child = spawn(
    process.execPath,
    [script, testServers().mongodbUrl, tenure.store.db.databaseName],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  children.push(child);
  return child;
}

async function pending(): Promise<number> {
  const organization = await tenure.store.collections.organizations.findOne({
    _id: organizationId,
  });
  return organization === null ? 0 : ((await spreadPending(tenure.store, organization)) ?? 0);
}

async function untilPending(atMost: number, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while ((await pending()) > atMost) {
    if (Date.now() > deadline) throw new Error(`${await pending()} people still wait.`);
    // Counting them takes the time of those who spread.
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** One person who came by events, and as many copies of them, each with a record and an edge of their own. */
async function populate(): Promise<void> {
  const person = { id: workosId('directory_user'), organizationId, directoryId: workosId('dir') };
  await tenure.take(userEvent('created', person));
  await tenure.take(edge('added', person, group));
  await mapGroups(tenure, organizationId, [mapped(group, { roles: ['member'] })]);
  const { _id } = await membershipOf(tenure, person.id);
  await drive(tenure, _id);
  const { collections } = tenure.store;
  const names = ['memberships', 'users', 'directoryUsers', 'directoryEdges', 'gate'] as const;
  for (const name of names) {
    const [original, ...others] = await collections[name].find({} as never).toArray();
    expect([name, others]).toEqual([name, []]);
    const text = JSON.stringify(original, (_key, value) => value);
    const copies = Array.from({ length: people - 1 }, (_, index) => {
      const copy = structuredClone(original) as unknown as Record<string, unknown>;
      return renamed(copy, (value) => rename(value, index)) as never;
    });
    expect(text).toContain(original?._id);
    await collections[name].insertMany(copies);
  }

  function rename(value: string, index: number): string {
    return value === organizationId || value === person.directoryId || value === group
      ? value
      : value.replace(
          /((?:membership|user|mirror|idp-directory_user|directory_user)_[\w]+)/g,
          `$1x${index}`,
        );
  }
}

function renamed(value: unknown, rename: (text: string) => string): unknown {
  if (typeof value === 'string') return rename(value);
  if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, renamed(each, rename)]),
  );
}

describe('a mapping edit over many people', () => {
  it(
    'reaches everybody once, though the process that spreads it is killed and two go on at once',
    async () => {
      await populate();
      const { memberships, gate, timeline } = tenure.store.collections;
      expect(await gate.countDocuments({ roles: ['member'] })).toBe(people);

      const startedAt = performance.now();
      await putRoleMappings(tenure.store, tenure.file, organizationId, {
        mappings: [mapped(group, { roles: ['editor'] })],
        by: 'admin:test',
        reason: null,
      });
      const answeredMs = performance.now() - startedAt;
      expect(await pending()).toBe(people);
      expect(answeredMs).toBeLessThan(2_000);

      const killed = spreader();
      await untilPending(people - 100, 60_000);
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      const left = await pending();
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThan(people);

      const goneOnAt = performance.now();
      spreader();
      spreader();
      await untilPending(0, people * 60);
      const perSecond = Math.round(left / ((performance.now() - goneOnAt) / 1000));
      process.stderr.write(`  spread by two processes: ${perSecond} people/s\n`);

      expect(await gate.countDocuments({ roles: [] })).toBe(people);
      const judged = { roles: [], 'wanted.roles': ['editor'], narrowings: 1, urgent: false };
      expect(await memberships.countDocuments(judged)).toBe(people);
      expect(await memberships.countDocuments({ pendingSince: { $exists: true } })).toBe(people);
      expect(await timeline.countDocuments({ type: 'grantsNarrowed' })).toBe(people);
    },
    120_000 + people * 80,
  );
});
