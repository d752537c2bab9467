import { z } from 'zod';

const named = z.object({ handle: z.string(), name: z.string(), id: z.string() });
const worldSchema = z.object({
  organizations: z.array(named),
  directories: z.array(
    named.extend({ type: z.string(), state: z.string(), organizationId: z.string().nullable() }),
  ),
  groups: z.array(named.extend({ directoryId: z.string() })),
  people: z.array(
    z.object({
      handle: z.string(),
      directoryId: z.string(),
      visible: z.boolean(),
      user: z.object({
        id: z.string(),
        email: z.string().nullable(),
        state: z.string(),
        groupIds: z.array(z.string()),
      }),
    }),
  ),
});
const emittedSchema = z.object({
  events: z.array(z.object({ id: z.string(), event: z.string() })),
});
const deliveriesSchema = z.object({
  data: z.array(
    z.object({
      eventId: z.string(),
      event: z.string(),
      outcome: z.string(),
      tries: z.array(z.object({ status: z.number().nullable(), ms: z.number() })),
    }),
  ),
});

const scenarioSchema = z.object({ name: z.string() });

/** Puts an answer of the control API into words for a terminal; one that has no form of its own is shown as JSON. */
export function describeAnswer(path: string, answer: unknown): string {
  if (path === '/simulator/world') return describeWorld(worldSchema.parse(answer));
  if (path === '/simulator/deliveries') return describeDeliveries(deliveriesSchema.parse(answer));
  if (path === '/simulator/scenario') return describeScenario(scenarioSchema.parse(answer));
  const emitted = emittedSchema.safeParse(answer);
  if (!emitted.success) return JSON.stringify(answer, null, 2);
  const lines = emitted.data.events.map(({ id, event }) => `  ${event}  ${id}`);
  return lines.length === 0
    ? 'No event: nothing changed, or WorkOS sends none for it.'
    : ['Announced:', ...lines].join('\n');
}

function describeWorld(world: z.infer<typeof worldSchema>): string {
  const lines: string[] = [];
  const organizations = [...world.organizations.map(({ id }) => id), null];
  for (const organizationId of organizations) {
    const directories = world.directories.filter((item) => item.organizationId === organizationId);
    const organization = world.organizations.find(({ id }) => id === organizationId);
    if (organization === undefined && directories.length === 0) continue;
    const { handle, name, id } = organization ?? { handle: '-', name: 'No organization', id: '' };
    lines.push(`${name}  (${handle})  ${id}`);
    for (const directory of directories) lines.push(...describeDirectory(world, directory));
  }
  return lines.length === 0 ? 'The world is empty.' : lines.join('\n');
}

type World = z.infer<typeof worldSchema>;

function describeDirectory(world: World, directory: World['directories'][number]): string[] {
  const { handle, name, type, state, id } = directory;
  const people = world.people.filter(({ directoryId }) => directoryId === id);
  return [
    `  ${name}  (${handle})  ${type}, ${state}  ${id}`,
    ...people.map(({ handle: person, visible, user }) => {
      const groups = world.groups.filter((group) => user.groupIds.includes(group.id));
      const where = visible ? user.state : 'gone';
      return [
        `    ${person.padEnd(10)} ${where.padEnd(9)}`,
        (user.email ?? '').padEnd(28),
        user.id,
        groups.map((group) => group.name).join(', '),
      ].join('  ');
    }),
    ...world.groups
      .filter(({ directoryId }) => directoryId === id)
      .map((group) => `    group ${group.name.padEnd(14)} ${group.id}`),
  ];
}

/** It plays on after the answer, and tells its story in the simulator's log. */
function describeScenario({ name }: z.infer<typeof scenarioSchema>): string {
  return [
    `The scenario ${name} is playing. What happens is told line by line`,
    'where npm start runs, and in .tenure/logs/simulator.log.',
  ].join('\n');
}

function describeDeliveries({ data }: z.infer<typeof deliveriesSchema>): string {
  if (data.length === 0) return 'Nothing was delivered yet.';
  return data
    .map(({ eventId, event, outcome, tries }) => {
      const answers = tries.map(({ status, ms }) => `${status ?? 'no answer'} (${ms} ms)`);
      return `${outcome.padEnd(10)} ${event.padEnd(26)} ${eventId}  ${answers.join(', ')}`;
    })
    .join('\n');
}
