/** When resources of a leaver change hands. */
export type TransferTime = 'onDeprovision' | 'beforeAnonymization' | 'manual';

/** Who receives them, tried in order. `organization` is the organization's own account and always exists. */
export type Recipient = 'manager' | 'organization' | { userId: string };

/** Whether Directory Sync decides who is in. `syncing`: on its way, existing users keep their access. */
export const directorySyncStates = ['disabled', 'syncing', 'enabled'] as const;
export type DirectorySync = (typeof directorySyncStates)[number];

export interface OwnershipPolicy {
  when: TransferTime | { critical: TransferTime; other: TransferTime };
  recipients: Recipient[];
  returnOnReactivation: boolean;
}

/** The policy of one organization: what its contract says. Defaults are those of `defaultPolicy`. */
export interface Policy {
  /** 30 to 90 days between the closing of access and anonymization. */
  coolingOffDays: number;
  /** A sandbox replaces the days by `sandboxCoolingOffSeconds`; it is shown wherever a due time is shown. */
  sandbox: boolean;
  sandboxCoolingOffSeconds: number;
  /** Whether the contract allows erasure. `null`: nobody said, which blocks it (`contractUnknown`). */
  deletionAllowed: boolean | null;
  erasure: 'anonymize' | 'delete';
  /** Days after which people who stay retained are erased; `null`: never. */
  retentionDays: number | null;
  accessByGroup: boolean;
  /** Custom attributes whose values mean that the person left (HRIS terminations). */
  leavingAttributes: { attribute: string; values: string[] }[];
  /** The directories that back memberships: any, or these directory ids. */
  lifecycleAuthority: 'any' | string[];
  /** false: a suspended directory user closes access without a countdown. */
  suspendedCountsAsLeaving: boolean;
  initialStatus: 'active' | 'invited';
  jit: boolean;
  ownership: OwnershipPolicy;
  guard: { maxUsers: number; maxPercent: number; windowMinutes: number; graceDays: number };
  remindDays: number;
}

/** What of a policy decides who is in; the rest never ends anybody's access. */
export type AccessRules = Pick<
  Policy,
  'accessByGroup' | 'leavingAttributes' | 'lifecycleAuthority' | 'suspendedCountsAsLeaving'
>;

/** Field by field and always in one order, so that equal rules are equal documents. */
export function accessRulesOf(policy: AccessRules): AccessRules {
  return {
    accessByGroup: policy.accessByGroup,
    leavingAttributes: policy.leavingAttributes.map(({ attribute, values }) => ({
      attribute,
      values: [...values],
    })),
    lifecycleAuthority: policy.lifecycleAuthority,
    suspendedCountsAsLeaving: policy.suspendedCountsAsLeaving,
  };
}

export const defaultPolicy: Policy = {
  coolingOffDays: 30,
  sandbox: false,
  sandboxCoolingOffSeconds: 60,
  deletionAllowed: null,
  erasure: 'anonymize',
  retentionDays: null,
  accessByGroup: false,
  leavingAttributes: [],
  lifecycleAuthority: 'any',
  suspendedCountsAsLeaving: true,
  initialStatus: 'active',
  jit: false,
  ownership: {
    when: { critical: 'onDeprovision', other: 'beforeAnonymization' },
    recipients: ['manager', 'organization'],
    returnOnReactivation: true,
  },
  guard: { maxUsers: 20, maxPercent: 10, windowMinutes: 60, graceDays: 7 },
  remindDays: 7,
};

const dayMs = 24 * 60 * 60 * 1000;
/** Spread over an hour, so that a thousand people who left together do not fall due in the same second. */
const jitterMs = 60 * 60 * 1000;

/**
 * When the cooling-off of somebody whose access closed at `closedAtMs` ends, in milliseconds.
 * The jitter (`share`, 0 to 1) is part of the shown due time and only ever makes it later. A sandbox has none.
 */
export function coolingOffEnds(policy: Policy, closedAtMs: number, share: number): number {
  if (policy.sandbox) return closedAtMs + policy.sandboxCoolingOffSeconds * 1000;
  return closedAtMs + policy.coolingOffDays * dayMs + Math.floor(share * jitterMs);
}

/** When resources that are critical, or not, change hands under this policy. */
export function transferTime(ownership: OwnershipPolicy, critical: boolean): TransferTime {
  if (typeof ownership.when === 'string') return ownership.when;
  return critical ? ownership.when.critical : ownership.when.other;
}
