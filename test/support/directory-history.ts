import fc from 'fast-check';

import type { RoleMapping } from '../../domain/grants.ts';
import type { EventEnvelope } from '../../platform/workos/wire.ts';
import { edgeEvent, groupEvent, groupOnWire, userEvent, userOnWire, workosId } from './events.ts';
import { mapped } from './groups.ts';

/**
 * A made-up history of one organization's directories, and what is so at its end. Written without any of the
 * rules that it tests: the world is a list of people and groups, and whatever happens in it is announced.
 */

const people = 2;
const directories = 2;
/** Two groups in each directory. */
const groupsEach = 2;

const happenings = [
  'join',
  'rename',
  'changeEmail',
  'changeRoles',
  'deactivate',
  'reactivate',
  'delete',
  'recreate',
  'replace',
  'enter',
  'enter',
  'enter',
  'quit',
  'quit',
  'createGroup',
  'renameGroup',
  'deleteGroup',
  'list',
] as const;

/** One thing that happens, or nothing where it cannot. `choice` decides what the name leaves open. */
export interface Step {
  what: (typeof happenings)[number];
  person: number;
  directory: number;
  group: number;
  choice: number;
  /** Milliseconds since the one before. */
  after: number;
}

/** What an admin maps, by group: null where the group gives nothing. */
export type MappingPlan = ({ role: number; grantsAccess: boolean } | null)[];

/** A history, and how much of it is told. */
export interface HistoryPlan {
  steps: Step[];
  accessByGroup: boolean;
  /** Whether events say when a record was created; answers always do. */
  births: boolean;
  /** The first ones are in force from the beginning, the last ones at the end. */
  mappings: MappingPlan[];
}

/** Mostly the first: much must happen to one and the same, or no two tellings of it contradict each other. */
const mostlyFirst = (count: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(count - 1) });

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(...happenings),
  person: mostlyFirst(people),
  directory: mostlyFirst(directories),
  group: mostlyFirst(groupsEach),
  choice: fc.nat(5),
  // Now and then two events of one millisecond: their ids decide.
  after: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1000 })),
});

/** Without people who join, and groups, there is nothing to see. */
const beginning: fc.Arbitrary<Step> = fc
  .tuple(step, fc.constantFrom('join' as const, 'createGroup' as const))
  .map(([one, what]) => ({ ...one, what }));

const mappingPlan: fc.Arbitrary<MappingPlan> = fc.array(
  fc.option(fc.record({ role: fc.nat(2), grantsAccess: fc.boolean() }), { freq: 3 }),
  { minLength: directories * groupsEach, maxLength: directories * groupsEach },
);

export const historyPlan: fc.Arbitrary<HistoryPlan> = fc.record({
  steps: fc
    .tuple(
      fc.array(beginning, { minLength: 2, maxLength: 4 }),
      fc.array(step, { minLength: 4, maxLength: 16 }),
    )
    .map(([first, rest]) => [...first, ...rest]),
  accessByGroup: fc.boolean(),
  births: fc.boolean(),
  mappings: fc.array(mappingPlan, { minLength: 1, maxLength: 3 }),
});

/** One person in one directory at the end. */
export interface TruePerson {
  person: number;
  directoryId: string;
  /** Every WorkOS id that they had, the last one is theirs now. */
  ids: string[];
  state: 'active' | 'inactive' | 'gone';
  firstName: string;
  roles: string[];
  groupIds: string[];
}

export interface TrueGroup {
  id: string;
  directoryId: string;
  exists: boolean;
  name: string;
}

/** Everything that WorkOS would list at one moment. */
export interface Snapshot {
  atMs: number;
  users: { id: string; data: object; directoryId: string; groupIds: string[] }[];
  groups: { id: string; data: object; directoryId: string }[];
  directoryIds: string[];
}

export interface History {
  organizationId: string;
  directoryIds: string[];
  events: { atMs: number; event: EventEnvelope }[];
  snapshots: Snapshot[];
  /** The whole world at the end, as WorkOS lists it. */
  end: Snapshot;
  people: TruePerson[];
  groups: TrueGroup[];
  mappings: RoleMapping[][];
}

/** Plays a plan with ids of its own. */
export function playHistory(plan: HistoryPlan): History {
  const world = new World(plan);
  for (const one of plan.steps) world.play(one);
  return world.history();
}

interface RecordOf extends TruePerson {
  bornAt: string;
  mailbox: string;
}

class World {
  readonly organizationId = workosId('org');
  readonly directoryIds = Array.from(
    { length: directories },
    (_, nth) => `directory_${nth}_${this.organizationId}`,
  );
  readonly plan: HistoryPlan;
  readonly people: RecordOf[] = [];
  readonly groups: TrueGroup[];
  readonly events: History['events'] = [];
  readonly snapshots: Snapshot[] = [];
  clockMs = Date.UTC(2026, 0, 1);

  constructor(plan: HistoryPlan) {
    this.plan = plan;
    this.groups = this.directoryIds.flatMap((directoryId) =>
      Array.from({ length: groupsEach }, () => ({
        id: workosId('directory_group'),
        directoryId,
        exists: false,
        name: 'Group',
      })),
    );
  }

  play(one: Step): void {
    this.clockMs += one.after;
    const directoryId = this.directoryIds[one.directory] ?? '';
    const group = this.groups[one.directory * groupsEach + one.group];
    const record = this.people.find(
      (each) => each.person === one.person && each.directoryId === directoryId,
    );
    if (one.what === 'list') this.snapshots.push(this.list());
    else if (one.what === 'join') this.join(one.person, directoryId, record);
    else if (one.what.endsWith('Group')) this.changeGroup(one, group);
    else if (record !== undefined) this.changePerson(one, record, group);
  }

  history(): History {
    const { organizationId, directoryIds, snapshots, people: all, groups, plan } = this;
    // Events of one millisecond are in the order of their ids, which is that in which they were made.
    const { events } = this;
    const mappings = plan.mappings.map((one) => this.mappingsOf(one));
    const end = this.list();
    return {
      organizationId,
      directoryIds,
      events,
      snapshots,
      end,
      people: all,
      groups,
      mappings,
    };
  }

  private mappingsOf(plan: MappingPlan): RoleMapping[] {
    return plan.flatMap((one, nth) => {
      const group = this.groups[nth];
      if (one === null || group === undefined) return [];
      const role = `role-${one.role}`;
      const { grantsAccess } = one;
      return [mapped(group.id, { grantsAccess, roles: [role], permissions: [`may-${role}`] })];
    });
  }

  private join(person: number, directoryId: string, record: RecordOf | undefined): void {
    if (record !== undefined) return;
    const joined: RecordOf = {
      person,
      directoryId,
      ids: [],
      state: 'active',
      firstName: 'Ada',
      roles: [],
      groupIds: [],
      bornAt: '',
      mailbox: `person-${person}`,
    };
    this.people.push(joined);
    this.renew(joined);
  }

  /** The same person under a new WorkOS id, in no group. */
  private renew(record: RecordOf): void {
    record.ids.push(workosId('directory_user'));
    record.state = 'active';
    record.groupIds = [];
    record.bornAt = this.now();
    this.tell('created', record);
  }

  private changePerson(one: Step, record: RecordOf, group: TrueGroup | undefined): void {
    const { what, choice } = one;
    if (record.state === 'gone') {
      if (what === 'recreate') this.renew(record);
      return;
    }
    if (what === 'enter' || what === 'quit') {
      this.changeEdge(what, record, group);
    } else if (what === 'delete') {
      this.remove(record, choice);
    } else if (what === 'replace') {
      this.replace(record, choice);
    } else if (what === 'deactivate' || what === 'reactivate') {
      record.state = what === 'deactivate' ? 'inactive' : 'active';
      this.tell('updated', record);
    } else if (what === 'rename' || what === 'changeEmail' || what === 'changeRoles') {
      if (what === 'rename') record.firstName = `Ada ${this.events.length}`;
      // Sometimes back to an address that they had; never to somebody else's.
      else if (what === 'changeEmail')
        record.mailbox = `person-${record.person}${'x'.repeat(choice % 3)}`;
      else record.roles = ['admin', 'viewer'].filter((_, nth) => (choice >> nth) % 2 === 1);
      this.tell('updated', record);
    }
  }

  /** A new id takes the place of the old one, whose deletion is announced after it, or not at all. */
  private replace(record: RecordOf, choice: number): void {
    const old = { ...record, ids: [...record.ids] };
    // Nobody has two records that were created in the same millisecond.
    this.clockMs += 1;
    this.renew(record);
    this.clockMs += choice;
    if (choice % 2 === 1) this.tell('deleted', old);
  }

  /** WorkOS announces the ends of the edges before the deletion, after it, or not at all. */
  private remove(record: RecordOf, choice: number): void {
    const edges = record.groupIds.map((id) => this.groups.find((group) => group.id === id));
    const announce = (): void => {
      for (const group of edges)
        if (group !== undefined) this.tellEdge('user_removed', record, group);
    };
    if (choice % 3 === 1) announce();
    // The state before the deletion is repeated, and must not be believed.
    this.tell('deleted', record);
    if (choice % 3 === 2) announce();
    record.state = 'gone';
    record.groupIds = [];
  }

  private changeEdge(what: 'enter' | 'quit', record: RecordOf, group: TrueGroup | undefined): void {
    if (group === undefined || !group.exists) return;
    const inside = record.groupIds.includes(group.id);
    if (what === 'enter' && !inside) {
      record.groupIds.push(group.id);
      this.tellEdge('user_added', record, group);
    } else if (what === 'quit' && inside) {
      record.groupIds = record.groupIds.filter((id) => id !== group.id);
      this.tellEdge('user_removed', record, group);
    }
  }

  private changeGroup({ what }: Step, group: TrueGroup | undefined): void {
    if (group === undefined) return;
    if (what === 'createGroup' && !group.exists) {
      group.exists = true;
      this.tellGroup('created', group);
    } else if (what === 'renameGroup' && group.exists) {
      group.name = `Group ${this.events.length}`;
      this.tellGroup('updated', group);
    } else if (what === 'deleteGroup' && group.exists) {
      group.exists = false;
      this.tellGroup('deleted', group);
      for (const record of this.people) {
        record.groupIds = record.groupIds.filter((id) => id !== group.id);
      }
    }
  }

  private tell(type: 'created' | 'updated' | 'deleted', record: RecordOf): void {
    const { births } = this.plan;
    const sketch = { ...this.sketch(record), ...(births ? {} : { createdAt: '' }) };
    this.emit(userEvent(type, sketch, this.now()));
  }

  private tellEdge(type: 'user_added' | 'user_removed', record: RecordOf, group: TrueGroup): void {
    const of = { ...group, organizationId: this.organizationId };
    this.emit(edgeEvent(type, this.sketch(record), of, this.now()));
  }

  private tellGroup(type: 'created' | 'updated' | 'deleted', group: TrueGroup): void {
    this.emit(groupEvent(type, { ...group, organizationId: this.organizationId }, this.now()));
  }

  private emit(event: EventEnvelope): void {
    this.events.push({ atMs: this.clockMs, event });
  }

  private sketch(record: RecordOf) {
    const { person, directoryId, firstName, roles, mailbox } = record;
    return {
      id: record.ids.at(-1) ?? '',
      directoryId,
      organizationId: this.organizationId,
      idpId: `idp-${person}-${directoryId}`,
      email: `${mailbox}@${this.organizationId.toLowerCase()}.example.com`,
      firstName,
      roles: [...roles],
      state: record.state,
      createdAt: record.bornAt,
    };
  }

  /** Between two milliseconds, so that no event is of the same moment. */
  private list(): Snapshot {
    const at = this.now();
    this.clockMs += 1;
    const present = this.people.filter(({ state }) => state !== 'gone');
    return {
      atMs: this.clockMs - 0.5,
      directoryIds: this.directoryIds,
      users: present.map((record) => ({
        id: record.ids.at(-1) ?? '',
        directoryId: record.directoryId,
        groupIds: [...record.groupIds],
        data: userOnWire(this.sketch(record), at),
      })),
      groups: this.groups
        .filter(({ exists }) => exists)
        .map((group) => ({
          id: group.id,
          directoryId: group.directoryId,
          data: groupOnWire({ ...group, organizationId: this.organizationId }, at),
        })),
    };
  }

  private now(): string {
    return new Date(this.clockMs).toISOString();
  }
}
