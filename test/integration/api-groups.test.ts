import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { directoryEvent, groupEvent, userEvent, workosId } from '../support/events.ts';
import { edge } from '../support/groups.ts';
import { startApi, type TestApi } from './api-fixture.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startApi();
}, 60_000);

afterAll(async () => api.close());

async function deliver(event: unknown): Promise<void> {
  expect((await api.deliver(event)).status).toBe(200);
}

/** A directory with groups of these names, in the order of their ids, and two people. */
async function aDirectory(...names: string[]) {
  const organizationId = workosId('org');
  const directoryId = workosId('directory');
  await deliver(directoryEvent('activated', { id: directoryId, organizationId }));
  const place = { organizationId, directoryId };
  const groups = names.map((name) => ({ ...place, id: workosId('directory_group'), name }));
  for (const group of groups) await deliver(groupEvent('created', group));
  const people = [1, 2].map(() => ({ ...place, id: workosId('directory_user') }));
  for (const person of people) await deliver(userEvent('created', person));
  return { directoryId, groups, people };
}

const list = async (directoryId: string, query = '') =>
  (await api.call('GET', `/v1/directories/${directoryId}/groups${query}`)).json;

describe('the groups of a directory', () => {
  it('are listed by their ids, with names and how many are in them', async () => {
    const { directoryId, groups, people } = await aDirectory('Everyone', 'Admins');
    const [everyone, admins] = groups;
    for (const person of people) await deliver(edge('added', person, everyone!.id));
    await deliver(edge('added', people[0]!, admins!.id));
    await deliver(edge('removed', people[0]!, admins!.id));
    await aDirectory('Elsewhere');
    expect(await list(directoryId)).toEqual({
      data: [
        { id: everyone!.id, name: 'Everyone', state: 'active', members: 2 },
        { id: admins!.id, name: 'Admins', state: 'active', members: 0 },
      ],
      next: null,
    });
  });

  it('have nobody once they are deleted, and only newcomers once they are made again', async () => {
    const { directoryId, groups, people } = await aDirectory('Team');
    const [group] = groups;
    await deliver(edge('added', people[0]!, group!.id));
    await deliver(groupEvent('deleted', group!));
    expect((await list(directoryId)).data).toMatchObject([{ state: 'deleted', members: 0 }]);
    await deliver(groupEvent('created', group!));
    expect((await list(directoryId)).data).toMatchObject([{ state: 'active', members: 0 }]);
    await deliver(edge('added', people[1]!, group!.id));
    expect((await list(directoryId)).data).toMatchObject([{ state: 'active', members: 1 }]);
  });

  it('come by the page', async () => {
    const { directoryId, groups } = await aDirectory('A', 'B', 'C');
    const first = await list(directoryId, '?limit=2');
    const second = await list(directoryId, `?limit=2&cursor=${first.next}`);
    expect(second.next).toBeNull();
    const ids = [...first.data, ...second.data].map(({ id }: { id: string }) => id);
    expect(ids).toEqual(groups.map(({ id }) => id));
  });

  it('of an unknown directory are answered 404', async () => {
    const { status } = await api.call('GET', '/v1/directories/directory_nowhere/groups');
    expect(status).toBe(404);
  });
});
