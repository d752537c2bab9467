import type { Membership } from '../../domain/membership.ts';
import type { Policy } from '../../domain/policy.ts';
import type { GuardDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { resolvePolicy } from '../../platform/policy-schema.ts';
import { putPolicy } from '../../transitions/organization/put-policy.ts';
import type { Look } from '../../transitions/lifecycle/record-look.ts';
import { spreadGuards } from '../../transitions/guards/spread-guards.ts';
import { countAtGuard } from '../../transitions/guards/trip-guard.ts';
import { drive, membershipById, membershipOf } from './by-hand.ts';
import { directoryEvent, userEvent, workosId } from './events.ts';
import type { TestTenure } from './tenure.ts';

/** One directory user of a guarded directory, and the membership behind them. */
export interface Guarded {
  id: string;
  organizationId: string;
  directoryId: string;
  membershipId: string;
}

/** A directory whose guard trips soon, and what a test does with its people. */
export class GuardedDirectory {
  readonly tenure: TestTenure;
  readonly organizationId = workosId('org');
  readonly directoryId = workosId('directory');

  private constructor(tenure: TestTenure) {
    this.tenure = tenure;
  }

  /** More than `maxUsers` (3) of a window trip it; no percentage unless the test says so. */
  static async open(
    tenure: TestTenure,
    guard: Partial<Policy['guard']> = {},
    policy: Partial<Policy> = {},
  ): Promise<GuardedDirectory> {
    const made = new GuardedDirectory(tenure);
    await made.putPolicy({
      ...policy,
      guard: { maxUsers: 3, maxPercent: 0, windowMinutes: 60, graceDays: 7, ...guard },
    });
    await tenure.take(
      directoryEvent('activated', { id: made.directoryId, organizationId: made.organizationId }),
    );
    return made;
  }

  /** Puts a policy; what is not said is the default, except that deletion is allowed. */
  async putPolicy(policy: Partial<Policy>): Promise<void> {
    const whole = { ...resolvePolicy(null, { deletionAllowed: true }), ...policy };
    await putPolicy(this.tenure.store, this.organizationId, { policy: whole, by: 'admin:ada' });
  }

  /** People who are in, open and settled. */
  async people(count: number): Promise<Guarded[]> {
    const people: Guarded[] = [];
    for (let nth = 0; nth < count; nth += 1) {
      const { organizationId, directoryId } = this;
      const person = { id: workosId('directory_user'), organizationId, directoryId };
      await this.tenure.take(userEvent('created', person));
      const { _id } = await membershipOf(this.tenure, person.id);
      await drive(this.tenure, _id);
      people.push({ ...person, membershipId: _id });
    }
    return people;
  }

  /** They leave, and their lifecycles go as far as the count at the guard. */
  async leave(people: Guarded[], at?: Date): Promise<void> {
    for (const person of people) {
      await this.tenure.take(userEvent('deleted', person));
      await drive(this.tenure, person.membershipId, { stopAt: 'checkGuard' });
      if (at !== undefined) await this.leftAt(person, at);
    }
  }

  /** As if the person had left at another time. */
  async leftAt({ membershipId }: Guarded, at: Date): Promise<void> {
    await this.tenure.store.collections.memberships.updateOne(
      { _id: membershipId },
      { $set: { disabledAt: at } },
    );
  }

  async count(people: Guarded[], store: Store = this.tenure.store): Promise<void> {
    for (const { membershipId } of people) {
      const { generation } = await membershipById(this.tenure, membershipId);
      await countAtGuard(store, this.tenure.file, { membershipId, generation });
    }
  }

  /** Everybody leaves, then everybody is counted, the guard gathers its people, and they look. */
  async leaveAndCount(people: Guarded[]): Promise<void> {
    await this.leave(people);
    await this.count(people);
    await this.spread();
    for (const one of people) await this.look(one);
  }

  async return(person: Guarded): Promise<void> {
    await this.tenure.take(userEvent('updated', person));
  }

  async spread(store: Store = this.tenure.store): Promise<void> {
    while (await spreadGuards(store, this.tenure));
  }

  /** As if the spreading of everything had begun long ago, and every transaction had ended. */
  async letTimePass(): Promise<void> {
    const { guards, organizations } = this.tenure.store.collections;
    const { organizationId } = this;
    const longAgo = new Date(Date.now() - 60_000);
    await guards.updateMany({ organizationId }, { $set: { spreadSince: longAgo } });
    await organizations.updateOne({ _id: organizationId }, { $set: { revisedAt: longAgo } });
  }

  async look({ membershipId }: Guarded, nowMs = Date.now()): Promise<Look> {
    return drive(this.tenure, membershipId, { nowMs });
  }

  async membership({ membershipId }: Guarded): Promise<Membership> {
    return membershipById(this.tenure, membershipId);
  }

  /** Where each of them stands with the guard. */
  async states(people: Guarded[]): Promise<(string | null)[]> {
    const found = await Promise.all(people.map(async (person) => this.membership(person)));
    return found.map(({ guard }) => guard?.state ?? null);
  }

  async guards(): Promise<GuardDocument[]> {
    const { organizationId } = this;
    return this.tenure.store.collections.guards
      .find({ organizationId })
      .sort({ openedAt: 1 })
      .toArray();
  }

  /** The one guard there is. */
  async guard(): Promise<GuardDocument> {
    const [guard, ...more] = await this.guards();
    if (guard === undefined || more.length > 0) throw new Error('There is not one guard.');
    return guard;
  }

  async timeline({ membershipId }: Guarded, type: string) {
    return this.tenure.store.collections.timeline.find({ membershipId, type }).toArray();
  }
}
