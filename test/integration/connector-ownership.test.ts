import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Long, ObjectId, UUID } from 'mongodb';

import type { HostApplication, OwnedResource } from '../../connectors/host-application.ts';
import {
  aResourceKind,
  bytesOf,
  freshDatabase,
  hostOn,
  type HostDatabase,
} from './connector-fixture.ts';

const leaver = { membershipId: 'm1', userId: 'u1', organizationId: 'o1', last: false };

let database: HostDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

async function insert(collection: string, documents: object[]): Promise<void> {
  await database.db.collection(collection).insertMany(documents);
}

async function allOwned(
  host: HostApplication,
  kinds: string[],
  limit: number,
  membership = leaver,
): Promise<OwnedResource[][]> {
  const pages: OwnedResource[][] = [];
  let after: OwnedResource | null = null;
  for (;;) {
    const page: OwnedResource[] = await host.ownedResources(
      membership,
      { kinds },
      { after, limit },
    );
    if (page.length === 0) return pages;
    pages.push(page);
    after = page.at(-1) ?? null;
  }
}

const projects = aResourceKind({});
const documents = aResourceKind({ kind: 'document', collection: 'documents', critical: false });
const own = { ownerId: 'u1', organizationId: 'o1', creatorId: 'u1' };

describe('resources that a person owns', () => {
  it('are listed kind by kind and page by page, each once', async () => {
    await insert(
      'projects',
      [3, 1, 2].map((_id) => ({ _id, ...own })),
    );
    await insert(
      'documents',
      ['b', 'a'].map((_id) => ({ _id, ...own })),
    );
    const host = hostOn(database.db, { resources: [projects, documents] });
    const pages = await allOwned(host, ['document', 'project'], 2);
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat().map((resource) => resource.resourceId)).toEqual([
      '{"$numberInt":"1"}',
      '{"$numberInt":"2"}',
      '{"$numberInt":"3"}',
      '"a"',
      '"b"',
    ]);
    expect(await host.countOwned(leaver)).toBe(5);
  });

  it('are those of the kinds asked for, of this person, in this organization', async () => {
    await insert('projects', [
      { _id: 'mine', ...own },
      { _id: 'elsewhere', ...own, organizationId: 'o2' },
      { _id: 'theirs', ...own, ownerId: 'u2' },
    ]);
    await insert('documents', [{ _id: 'd', ...own }]);
    const host = hostOn(database.db, { resources: [projects, documents] });
    expect(await allOwned(host, ['project'], 10)).toEqual([
      [{ kind: 'project', resourceId: '"mine"' }],
    ]);
  });

  it('are complete where ids are of several types', async () => {
    const ids = [
      'p1',
      new ObjectId(),
      new UUID(),
      7,
      Long.fromString('9007199254740993'),
      'p2',
      {
        a: 1,
      },
    ];
    await insert(
      'projects',
      ids.map((_id) => ({ _id, ...own })),
    );
    const host = hostOn(database.db, { resources: [projects] });
    const resources = (await allOwned(host, ['project'], 1)).flat();
    expect(resources).toHaveLength(ids.length);
    expect(new Set(resources.map((resource) => resource.resourceId)).size).toBe(ids.length);
    expect(await host.changeOwner({ resources, from: 'u1', to: 'u2' })).toBe(ids.length);
    expect(await host.countOwned(leaver)).toBe(0);
  });

  it('stay with a person who is still in somewhere, where they have no organization', async () => {
    await insert('projects', [{ _id: 'p', ownerId: 'u1' }]);
    const kinds = [projects, aResourceKind({ kind: 'note', organization: null })];
    const host = hostOn(database.db, { resources: kinds });
    expect(await host.countOwned(leaver)).toBe(0);
    expect(await allOwned(host, ['note', 'project'], 10)).toEqual([]);
    expect(await host.countOwned({ ...leaver, last: true })).toBe(2);
  });

  it('are none where the collection does not exist', async () => {
    const host = hostOn(database.db, { resources: [projects] });
    expect(await host.countOwned(leaver)).toBe(0);
    expect(await allOwned(host, ['project', 'unknown'], 10)).toEqual([]);
    const resources = [{ kind: 'project', resourceId: '"p"' }];
    expect(await host.changeOwner({ resources, from: 'u1', to: 'u2' })).toBe(0);
    expect(await database.db.listCollections().toArray()).toEqual([]);
  });

  it('are recognized by the id as Tenure shows it and as the host shows it', async () => {
    const [objectId, uuid] = [new ObjectId(), new UUID()];
    await insert(
      'projects',
      ['p1', objectId, uuid, 7].map((_id) => ({ _id, ...own })),
    );
    const host = hostOn(database.db, { resources: [projects] });
    const owns = (id: string, userId = 'u1', kind = 'project'): Promise<boolean> =>
      host.ownsResource(userId, { kind, id });
    for (const id of ['p1', '"p1"', objectId.toHexString(), uuid.toString(), '7']) {
      expect(await owns(id)).toBe(true);
    }
    expect(await owns(`{"$oid":"${objectId.toHexString()}"}`)).toBe(true);
    expect(await owns('p1', 'u2')).toBe(false);
    expect(await owns('p1', 'u1', 'document')).toBe(false);
    expect(await owns('missing')).toBe(false);
  });

  it('are among the ids that a text from outside may mean', async () => {
    const [objectId, uuid] = [new ObjectId(), new UUID()];
    const ids = ['p1', objectId, uuid, 7, Long.fromString('9007199254740993')];
    await insert(
      'projects',
      ids.map((_id) => ({ _id, ...own })),
    );
    const host = hostOn(database.db, { resources: [projects] });
    const owned = (await allOwned(host, ['project'], 10)).flat();
    expect(owned).toHaveLength(5);
    for (const { resourceId } of owned) {
      expect(host.possibleResourceIds(resourceId)).toContain(resourceId);
      const means = ids.filter((id) => host.possibleResourceIds(String(id)).includes(resourceId));
      expect(means).toHaveLength(1);
    }
  });

  it('are not found by an id that is an operator or a regular expression', async () => {
    await insert('projects', [{ _id: 'p1', ...own }]);
    const host = hostOn(database.db, { resources: [projects] });
    for (const id of ['{"$gt":""}', '{"$regularExpression":{"pattern":"p","options":""}}', '{}']) {
      expect(await host.ownsResource('u1', { kind: 'project', id })).toBe(false);
    }
  });
});

describe('a change of owner', () => {
  it('moves 1,050 resources in batches and nothing but the owner field', async () => {
    const made = Array.from({ length: 1_050 }, (_, _id) => ({ _id, ...own, title: `t${_id}` }));
    await insert('projects', made);
    const host = hostOn(database.db, { resources: [projects] });
    const resources = (await allOwned(host, ['project'], 500)).flat();
    expect(await host.changeOwner({ resources, from: 'u1', to: 'u2' })).toBe(1_050);
    const moved = await database.db.collection('projects').find().sort({ _id: 1 }).toArray();
    expect(moved).toEqual(made.map((project) => ({ ...project, ownerId: 'u2' })));
  });

  it('leaves alone what somebody else owns meanwhile', async () => {
    await insert('projects', [
      { _id: 'a', ...own },
      { _id: 'b', ...own },
    ]);
    const host = hostOn(database.db, { resources: [projects] });
    const resources = (await allOwned(host, ['project'], 10)).flat();
    await database.db
      .collection<{ _id: string }>('projects')
      .updateOne({ _id: 'b' }, { $set: { ownerId: 'u3' } });
    expect(await host.changeOwner({ resources, from: 'u1', to: 'u2' })).toBe(1);
    const owners = await database.db.collection('projects').find().sort({ _id: 1 }).toArray();
    expect(owners.map((project) => project['ownerId'])).toEqual(['u2', 'u3']);
  });

  it('changes nothing the second time', async () => {
    await insert('projects', [{ _id: 'a', ...own }]);
    const host = hostOn(database.db, { resources: [projects] });
    const change = {
      resources: [{ kind: 'project', resourceId: '"a"' }],
      from: 'u1',
      to: host.organizationOwner('o1'),
    };
    expect(await host.changeOwner(change)).toBe(1);
    const once = await bytesOf(database.db, 'projects');
    expect(await host.changeOwner(change)).toBe(0);
    expect(await bytesOf(database.db, 'projects')).toEqual(once);
  });

  it('writes ObjectIds for users and a string for the organization, and gives back', async () => {
    const [user, manager, organization] = [new ObjectId(), new ObjectId(), new ObjectId()];
    const kind = aResourceKind({ idType: 'objectId' });
    await insert('projects', [{ _id: 'a', ownerId: user, organizationId: organization }]);
    const host = hostOn(database.db, { resources: [kind] });
    const resources = [{ kind: 'project', resourceId: '"a"' }];
    const owner = async (): Promise<unknown> =>
      (await database.db.collection('projects').findOne())?.['ownerId'];
    const [from, to] = [user.toHexString(), manager.toHexString()];
    const standIn = host.organizationOwner(organization.toHexString());
    expect(standIn).toBe(`org:${organization.toHexString()}`);
    expect(await host.changeOwner({ resources, from, to: standIn })).toBe(1);
    expect(await owner()).toBe(standIn);
    expect(await host.changeOwner({ resources, from: standIn, to })).toBe(1);
    expect(await owner()).toEqual(manager);
    expect(await host.ownsResource(to, { kind: 'project', id: 'a' })).toBe(true);
  });

  it('hands over in the form in which the owner stands, whatever type the host file says', async () => {
    const [user, manager] = [new ObjectId(), new ObjectId()];
    await insert('projects', [
      { _id: 'a', ownerId: user, organizationId: 'o1' },
      { _id: 'b', ownerId: user.toHexString(), organizationId: 'o1' },
      { _id: 'c', ownerId: 4711, organizationId: 'o1' },
    ]);
    const host = hostOn(database.db, { resources: [projects] });
    const from = user.toHexString();
    expect(await host.countOwned({ ...leaver, userId: from })).toBe(2);
    expect(await host.ownsResource('4711', { kind: 'project', id: 'c' })).toBe(true);
    const [a, b, c] = ['a', 'b', 'c'].map((id) => ({ kind: 'project', resourceId: `"${id}"` }));
    const to = manager.toHexString();
    expect(await host.changeOwner({ resources: [a!, b!], from, to })).toBe(2);
    expect(await host.changeOwner({ resources: [c!], from: '4711', to: '4712' })).toBe(1);
    const owners = await database.db.collection('projects').find().sort({ _id: 1 }).toArray();
    expect(owners.map(({ ownerId }) => ownerId)).toEqual([manager, to, 4712]);
    expect(await host.changeOwner({ resources: [c!], from: '4712', to: 'org:o1' })).toBe(1);
    expect(await host.ownsResource('org:o1', { kind: 'project', id: 'c' })).toBe(true);
  });

  it('never replaces a list of owners', async () => {
    await insert('projects', [{ _id: 'a', ...own, ownerId: ['u1', 'u2'] }]);
    const host = hostOn(database.db, { resources: [projects] });
    const resources = [{ kind: 'project', resourceId: '"a"' }];
    expect(await host.changeOwner({ resources, from: 'u1', to: 'u3' })).toBe(0);
    expect(await host.countOwned(leaver)).toBe(0);
  });

  it('paces its writes', async () => {
    await insert(
      'projects',
      Array.from({ length: 90 }, (_, _id) => ({ _id, ...own })),
    );
    const host = hostOn(database.db, { resources: [projects] }, 30);
    const resources = (await allOwned(host, ['project'], 100)).flat();
    const startedAt = performance.now();
    await host.changeOwner({ resources, from: 'u1', to: 'u2' });
    expect(performance.now() - startedAt).toBeGreaterThan(1_950);
  });
});

it('tells the kinds of resources and which are critical', () => {
  const host = hostOn(database.db, { resources: [projects, documents] });
  expect(host.resourceKinds()).toEqual([
    { kind: 'project', critical: true },
    { kind: 'document', critical: false },
  ]);
});
