import { Refusal } from '../../domain/errors.ts';
import type { OrganizationDocument } from '../../platform/mongo/documents.ts';
import type { Store } from '../../platform/mongo/store.ts';
import { inTransaction } from '../../platform/mongo/transaction.ts';
import { undecidedEnds } from '../guards/directory-teardown.ts';
import { guardSwitchEnd } from './end-switches.ts';
import { ensureOrganization } from './organization.ts';
import { raiseOrganization } from './raise-organization.ts';
import { keepReason } from '../reasons.ts';
import { isSwitching, keptBySwitch } from '../membership/surroundings.ts';

/** Longer than any migration to another provider needs; a window that is forgotten must not stay open. */
export const longestSwitchDays = 30;

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Announces a switch of provider: until then a directory of the organization that is deleted or unlinked
 * ends nobody's backing, and its people are found again in the new directory by the ordinary link. One that
 * went before brings its people back only where nobody has decided on its end. `until` null ends the window
 * now.
 *
 * @throws Refusal `switchTooLong`, or `switchInThePast`.
 */
export async function announceSwitch(
  store: Store,
  organizationId: string,
  announced: { until: Date | null; by: string; reason: string | null },
): Promise<OrganizationDocument> {
  return inTransaction(store, async (tx) => {
    const { until } = announced;
    refuseUnreasonable(until, tx.at);
    const organization = await ensureOrganization(tx, organizationId);
    // Also one whose time has passed and that nobody ended yet: its end is guarded whoever comes first.
    const ends = isSwitching(organization) && until === null;
    const kept = keptBySwitch(organization);
    const changed = {
      switchUntil: until,
      switchSet: {
        by: announced.by,
        at: tx.at,
        reasonId: await keepReason(tx, announced.reason, null),
      },
      // Written down, not looked up later: the guard of those whom it brings back is withdrawn meanwhile.
      switchKeeps:
        until === null ? [] : [...new Set([...kept, ...(await undecidedEnds(tx, organizationId))])],
    };
    await tx.collections.organizations.updateOne(
      { _id: organizationId },
      { $set: changed },
      { session: tx.session },
    );
    // Whose leaving waits for a decision comes back for the time of the window, or goes at its end.
    await raiseOrganization(tx, organizationId, announced.by);
    if (ends) await guardSwitchEnd(tx, organizationId, kept);
    return { ...organization, ...changed };
  });
}

function refuseUnreasonable(until: Date | null, at: Date): void {
  if (until === null) return;
  if (until <= at) throw new Refusal('switchInThePast', '`until` must be in the future.');
  if (until.getTime() - at.getTime() > longestSwitchDays * dayMs) {
    throw new Refusal('switchTooLong', `A switch takes at most ${longestSwitchDays} days.`);
  }
}
