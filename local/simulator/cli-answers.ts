import { z } from 'zod';

import {
  defaultFaultMs,
  deliveryFaultKinds,
  type ApiFault,
  type DeliveryFault,
} from './settings.ts';

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

const deliveryFaultsSchema = z.object({
  data: z.array(
    z.object({
      kind: z.enum(deliveryFaultKinds),
      ms: z.number().optional(),
      events: z.array(z.string()).optional(),
      times: z.number().optional(),
    }),
  ),
});
const apiFaultsSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      method: z.string().optional(),
      path: z.string(),
      status: z.number().optional(),
      retryAfter: z.number().optional(),
      delayMs: z.number().optional(),
      malformed: z.boolean().optional(),
      hang: z.boolean().optional(),
      statusAfter: z.number().optional(),
      times: z.number().optional(),
    }),
  ),
});
const settingsSchema = z.object({
  visibilityDelayMs: z.number(),
  directoryUsersPerSecond: z.number().nullable(),
  inactiveUsers: z.string(),
});
const replaySchema = z.object({ eventId: z.string() });

/** Puts an answer of the control API into words for a terminal. */
export function describeAnswer(path: string, answer: unknown): string {
  switch (path) {
    case '/simulator/world':
      return describeWorld(worldSchema.parse(answer));
    case '/simulator/deliveries':
      return describeDeliveries(deliveriesSchema.parse(answer));
    case '/simulator/scenario':
      return describeScenario(scenarioSchema.parse(answer));
    case '/simulator/faults/delivery':
      return describeDeliveryFaults(deliveryFaultsSchema.parse(answer).data);
    case '/simulator/faults/api':
      return describeApiFaults(apiFaultsSchema.parse(answer).data);
    case '/simulator/settings':
      return describeSettings(settingsSchema.parse(answer));
    case '/simulator/replay':
      return `${replaySchema.parse(answer).eventId} is delivered once more.`;
    default:
      return describeEvents(emittedSchema.parse(answer));
  }
}

function describeEvents({ events }: z.infer<typeof emittedSchema>): string {
  if (events.length === 0) return 'No event: nothing changed, or WorkOS sends none for it.';
  return ['Announced:', ...events.map(({ id, event }) => `  ${event}  ${id}`)].join('\n');
}

function describeDeliveryFaults(faults: DeliveryFault[]): string {
  if (faults.length === 0) return 'Webhooks are healthy: no fault is on.';
  return faults.map(describeDeliveryFault).join('\n');
}

function describeDeliveryFault({ kind, ms, events, times }: DeliveryFault): string {
  const does = {
    duplicate: 'come twice',
    reorder: `come in another order, those of ${ms ?? defaultFaultMs.reorder} ms backwards`,
    delay: `come ${ms ?? defaultFaultMs.delay} ms late`,
    drop: 'do not come',
  };
  const which = events === undefined ? 'All webhooks' : `Webhooks of ${events.join(', ')}`;
  return `${which} ${does[kind]}${howOften(times)}. Off again: fault ${kind} off, or fault off`;
}

function describeApiFaults(faults: ApiFault[]): string {
  if (faults.length === 0) return 'The REST API is healthy: no fault is on.';
  const lines = faults.map(describeApiFault);
  return [...lines, 'Of several the first that fits. Off again: api-fault off'].join('\n');
}

function describeApiFault(fault: ApiFault): string {
  const { delayMs: waitMs, hang, malformed, status, statusAfter, times } = fault;
  const does = [
    ...(waitMs === undefined ? [] : [`wait ${waitMs} ms`]),
    ...(hang === true ? ['get no answer'] : []),
    ...(malformed === true ? ['get what is no JSON'] : []),
    ...(status === undefined ? [] : [`get ${status}`]),
    ...(statusAfter === undefined ? [] : [`are done, and get ${statusAfter}`]),
  ];
  const what = does.length === 0 ? 'get their usual answer' : does.join(', then ');
  return `${fault.method ?? 'All'} requests to ${fault.path} ${what}${howOften(times)}.`;
}

/** How many more a fault meets. */
function howOften(times: number | undefined): string {
  return times === undefined ? '' : `, the next ${times} of them`;
}

function describeSettings(settings: z.infer<typeof settingsSchema>): string {
  const { visibilityDelayMs, directoryUsersPerSecond, inactiveUsers } = settings;
  const limit =
    directoryUsersPerSecond === null ? 'no limit' : `${directoryUsersPerSecond} requests a second`;
  return [
    `New events are held back from the Events API for ${visibilityDelayMs} ms.`,
    `/directory_users takes ${limit}.`,
    `Who leaves is ${inactiveUsers === 'updated' ? 'told as inactive' : 'deleted'}, unless the directory says otherwise.`,
  ].join('\n');
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
