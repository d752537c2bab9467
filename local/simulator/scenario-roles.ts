import { findDirectory, findGroup, findPerson } from './lookup.ts';
import { addToGroup, removeFromGroup } from './people.ts';
import type { Stage } from './scenario-stage.ts';
import type { Group, Person } from './state.ts';

/** Somebody, a group of their directory, and a role that the group gives. */
export interface RoleCast {
  directory: string;
  person: string;
  group: string;
  role: string;
}

/** Takes somebody out of a group, and tells when the role went. A step that a restart repeats tells nothing. */
export async function watchLosing(stage: Stage, cast: RoleCast): Promise<void> {
  const { person, group } = find(stage, cast);
  if (!person.user.groupIds.includes(group.id)) return;
  const roles = await rolesOnce(stage, person, (there) => there.includes(cast.role));
  stage.log(`${person.handle} has the roles ${roles.join(' and ')}, by groups`);
  const started = Date.now();
  removeFromGroup(stage.world, person, group);
  await stage.delivered();
  await rolesOnce(stage, person, (there) => !there.includes(cast.role));
  stage.log(`${person.handle} is out of ${group.name}: ${cast.role} is gone (${seen(started)})`);
}

/** Puts somebody into a group, and tells when the role came. */
export async function watchGetting(stage: Stage, cast: RoleCast): Promise<void> {
  const { person, group } = find(stage, cast);
  const started = Date.now();
  if (!addToGroup(stage.world, person, group)) return;
  await stage.delivered();
  await rolesOnce(stage, person, (there) => there.includes(cast.role));
  stage.log(`${person.handle} is in ${group.name} now: ${cast.role} came (${seen(started)})`);
}

function find({ world }: Stage, cast: RoleCast): { person: Person; group: Group } {
  const { id } = findDirectory(world.state, cast.directory);
  return {
    person: findPerson(world.state, cast.person, id),
    group: findGroup(world.state, cast.group, id),
  };
}

async function rolesOnce(
  stage: Stage,
  { handle, user }: Person,
  wanted: (roles: string[]) => boolean,
): Promise<string[]> {
  const { tenure } = stage;
  return stage.until(`the roles of ${handle}`, 60, async () => {
    const found = await tenure.userOf(user.id);
    const membership = found?.memberships.find(
      ({ organizationId }) => organizationId === user.organizationId,
    );
    return membership !== undefined && wanted(membership.roles) ? membership.roles : undefined;
  });
}

function seen(startedAt: number): string {
  return `seen after ${Date.now() - startedAt} ms`;
}
