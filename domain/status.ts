import { isEntitled, type Membership } from './membership.ts';
import type { Access, AccessReason, Status } from './words.ts';

type Facts = Pick<
  Membership,
  | 'erasure'
  | 'disabled'
  | 'suspended'
  | 'backed'
  | 'everBacked'
  | 'withoutDirectory'
  | 'generation'
  | 'readmitted'
  | 'invited'
  | 'access'
>;

/**
 * The status that people are shown, from the facts (table in section 4 of the design). An admin's disable
 * and a suspension by the directory are shown as `suspended`, a leaving as `disabled`.
 */
export function deriveStatus(facts: Facts): Status {
  if (facts.erasure !== null) return 'anonymized';
  if (facts.disabled !== null || facts.suspended) return 'suspended';
  if (!isEntitled(facts)) return 'disabled';
  return facts.invited ? 'invited' : 'active';
}

/**
 * The access that the facts allow at most. Closing follows at once; opening is never done here: what could
 * be open but is not answers `opening`, and only the lifecycle opens, after it looked at the whole state.
 */
export function deriveAccess(facts: Facts): Access {
  if (facts.erasure !== null) return closed('anonymized');
  if (facts.disabled !== null) return closed('disabled');
  if (facts.suspended) return closed('suspended');
  if (!isEntitled(facts)) return closed('notBacked');
  return facts.access.state === 'open' ? { state: 'open', reason: 'open' } : closed('opening');
}

function closed(reason: Exclude<AccessReason, 'open'>): Access {
  return { state: 'closed', reason };
}
