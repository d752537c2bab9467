import { demoOrganizations } from '../demo/people.ts';
import type { DemoDirectory, DemoOrganization } from '../demo/people.ts';
import { createDirectory, createGroup, createOrganization } from './directories.ts';
import { findDirectory, findGroup, findOrganization } from './lookup.ts';
import { join } from './people.ts';
import { watchGetting, watchLosing } from './scenario-roles.ts';
import { openStage, watchTenure } from './scenario-stage.ts';
import type { Stage } from './scenario-stage.ts';
import type { ScenarioContext } from './scenario-context.ts';
import type { World } from './world.ts';

const roleCasts = [
  { directory: 'okta', person: 'yara', group: 'Admins', role: 'admin' },
  { directory: 'okta', person: 'bo', group: 'Engineering', role: 'editor' },
] as const;

/**
 * The demo: two customers with three directories join, the host application gets its data, and one whole tenure is
 * played in the sandbox organization. Every step is noted in the state, so a restart goes on where it stopped, and a
 * demo that was played stays played.
 */
export async function playDemo(context: ScenarioContext): Promise<void> {
  const { world } = context.simulator;
  world.state.scenario ??= { name: 'demo', steps: [], done: false };
  if (world.state.scenario.done) return;
  const stage = await openStage(context);
  try {
    await stage.step('directories', () => connect(stage));
    await stage.step('people', () => everybodyJoins(stage));
    await stage.step('host data', () => stage.seed(demoPeople(world)));
    const [yara, bo] = roleCasts;
    await stage.step('roles go', () => watchLosing(stage, yara));
    await stage.step('roles come', () => watchGetting(stage, bo));
    await watchTenure(stage, { leaver: 'omar', returner: 'vera', directory: 'entra' });
    world.state.scenario.done = true;
    world.touch();
    context.log('demo: played. People go on living: npm run simulate -- help');
  } finally {
    await stage.close();
  }
}

async function connect(stage: Stage): Promise<void> {
  const { world } = stage;
  for (const customer of demoOrganizations) {
    if (!isKnown(world.state.organizations, customer.handle)) {
      const { handle, name, domain } = customer;
      createOrganization(world, { handle, name, domains: [domain] });
    }
    const { id } = findOrganization(world.state, customer.handle);
    for (const directory of customer.directories) connectDirectory(world, id, directory);
    stage.log(`${customer.name}: ${customer.directories.map(({ name }) => name).join(', ')}`);
    await stage.until('the role mappings', 60, async () => mapGroups(stage, id, customer));
    // Before the first person, so that nobody's cooling-off begins under another policy.
    if (customer.handle === 'sandbox') {
      await stage.until('the sandbox policy', 60, async () =>
        (await stage.makeSandbox(id)) ? true : undefined,
      );
    }
  }
}

function connectDirectory(world: World, organizationId: string, demo: DemoDirectory): void {
  if (isKnown(world.state.directories, demo.handle)) return;
  const { handle, name, type, inactiveUsers } = demo;
  const directory = createDirectory(world, { handle, name, type, inactiveUsers, organizationId });
  for (const group of demo.groups) createGroup(world, directory, { name: group });
}

/** Groups are mapped by their ids: names are for people, and may change. */
async function mapGroups(
  { world, tenure }: Stage,
  organizationId: string,
  { directories }: DemoOrganization,
): Promise<true> {
  const mappings = directories.flatMap(({ handle, gives }) => {
    const { id } = findDirectory(world.state, handle);
    return Object.entries(gives).map(([name, grants]) => ({
      directoryGroupId: findGroup(world.state, name, id).id,
      ...grants,
    }));
  });
  await tenure.putRoleMappings(organizationId, mappings);
  return true;
}

async function everybodyJoins(stage: Stage): Promise<void> {
  for (const organization of demoOrganizations) {
    for (const directory of organization.directories) {
      joinDirectory(stage.world, organization, directory);
      // The same person in two directories of one company: the second record must find the first one there.
      await stage.delivered();
    }
  }
  stage.log(`${demoPeople(stage.world).length} people joined`);
}

function joinDirectory(world: World, { domain }: DemoOrganization, demo: DemoDirectory): void {
  const directory = findDirectory(world.state, demo.handle);
  const there = new Set(
    demoPeople(world)
      .filter((item) => item.directoryId === directory.id)
      .map((item) => item.handle),
  );
  for (const [handle, person] of Object.entries(demo.people)) {
    if (there.has(handle)) continue;
    const [firstName, ...rest] = person.name.split(' ');
    join(world, directory, {
      handle,
      email: `${handle}@${domain}`,
      firstName: firstName ?? null,
      lastName: rest.join(' '),
      jobTitle: person.jobTitle,
      customAttributes: {
        department_name: person.department,
        ...(person.manager === undefined ? {} : { manager_email: `${person.manager}@${domain}` }),
      },
      groups: person.groups.map((group) => findGroup(world.state, group, directory.id)),
    });
  }
}

function demoPeople(world: World): World['state']['people'] {
  const handles = demoOrganizations.flatMap(({ directories }) =>
    directories.map((item) => item.handle),
  );
  const ids = new Set(
    world.state.directories.filter((item) => handles.includes(item.handle)).map(({ id }) => id),
  );
  return world.state.people.filter((person) => ids.has(person.directoryId));
}

function isKnown(items: { handle: string }[], handle: string): boolean {
  return items.some((item) => item.handle === handle);
}
