import { z } from 'zod';

import {
  defaultPolicy,
  directorySyncStates,
  type OwnershipPolicy,
  type Policy,
} from '../domain/policy.ts';
import type { PolicyDefaults } from '../domain/host-file.ts';

/** The policy of an organization as an admin or the host file may write it: design section 7. */

const transferTime = z.enum(['onDeprovision', 'beforeAnonymization', 'manual']);
const id = z.string().min(1).max(255);

const recipient = z.union([z.enum(['manager', 'organization']), z.strictObject({ userId: id })], {
  error: 'expected "manager", "organization" or {userId}',
});

const when = z.union(
  [transferTime, z.strictObject({ critical: transferTime, other: transferTime })],
  {
    error: 'expected onDeprovision, beforeAnonymization or manual, or {critical, other} of these',
  },
);

const ownership = z
  .strictObject({
    when,
    recipients: z.array(recipient).min(1).max(20),
    returnOnReactivation: z.boolean(),
  })
  .partial();

const guard = z
  .strictObject({
    maxUsers: z.int().min(0).max(1_000_000),
    maxPercent: z.number().min(0).max(100),
    windowMinutes: z.int().min(1).max(10_080),
    graceDays: z.int().min(0).max(90),
  })
  .partial();

const leavingAttribute = z.strictObject({
  attribute: id,
  values: z.array(z.string().max(1_000)).min(1).max(100),
});

const fields = {
  coolingOffDays: z.int().min(30).max(90),
  sandbox: z.boolean(),
  sandboxCoolingOffSeconds: z.int().min(1).max(7_776_000),
  deletionAllowed: z.boolean().nullable(),
  erasure: z.enum(['anonymize', 'delete']),
  retentionDays: z.int().min(1).max(36_500).nullable(),
  accessByGroup: z.boolean(),
  leavingAttributes: z.array(leavingAttribute).max(50),
  lifecycleAuthority: z.union([z.literal('any'), z.array(id).min(1).max(100)], {
    error: 'expected "any" or a list of at least one directory id',
  }),
  suspendedCountsAsLeaving: z.boolean(),
  initialStatus: z.enum(['active', 'invited']),
  jit: z.boolean(),
  ownership,
  guard,
  remindDays: z.int().min(0).max(90),
};

/**
 * The policy values of the host file's `defaults.policy`: any part of them, nothing unknown.
 * `directorySync` is a state of one organization, not a default for all, so it is not among them.
 */
export const policyDefaultsSchema = z.strictObject(fields).partial();

/** The body of `PUT /v1/organizations/{id}/policy`. An absent `directorySync` means unchanged. */
export const policySchema = z
  .strictObject({ ...fields, directorySync: z.enum(directorySyncStates) })
  .partial();

/** A policy as it is written: parts of it, also of `ownership` and `guard`. */
export type PolicyInput = PolicyDefaults;

/**
 * A whole policy: what was set for the organization, then the file's defaults, then `defaultPolicy`, each
 * filling what the one before left open, also inside `ownership` and `guard`. `directorySync` is left out.
 */
export function resolvePolicy(stored: PolicyInput | null, fileDefaults: PolicyInput): Policy {
  const layers = [fileDefaults, stored ?? {}];
  let policy = structuredClone(defaultPolicy);
  for (const layer of layers) policy = laidOver(policy, layer);
  return policy;
}

function laidOver(base: Policy, layer: PolicyInput): Policy {
  return {
    coolingOffDays: layer.coolingOffDays ?? base.coolingOffDays,
    sandbox: layer.sandbox ?? base.sandbox,
    sandboxCoolingOffSeconds: layer.sandboxCoolingOffSeconds ?? base.sandboxCoolingOffSeconds,
    // null is a value of these two ("nobody said", "never"): only an absent one falls through.
    deletionAllowed: orBase(layer.deletionAllowed, base.deletionAllowed),
    retentionDays: orBase(layer.retentionDays, base.retentionDays),
    erasure: layer.erasure ?? base.erasure,
    accessByGroup: layer.accessByGroup ?? base.accessByGroup,
    leavingAttributes: layer.leavingAttributes ?? base.leavingAttributes,
    lifecycleAuthority: layer.lifecycleAuthority ?? base.lifecycleAuthority,
    suspendedCountsAsLeaving: layer.suspendedCountsAsLeaving ?? base.suspendedCountsAsLeaving,
    initialStatus: layer.initialStatus ?? base.initialStatus,
    jit: layer.jit ?? base.jit,
    ownership: ownershipOver(base.ownership, layer.ownership ?? {}),
    guard: {
      maxUsers: layer.guard?.maxUsers ?? base.guard.maxUsers,
      maxPercent: layer.guard?.maxPercent ?? base.guard.maxPercent,
      windowMinutes: layer.guard?.windowMinutes ?? base.guard.windowMinutes,
      graceDays: layer.guard?.graceDays ?? base.guard.graceDays,
    },
    remindDays: layer.remindDays ?? base.remindDays,
  };
}

function orBase<T>(value: T | undefined, base: T): T {
  return value === undefined ? base : value;
}

function ownershipOver(
  base: OwnershipPolicy,
  layer: NonNullable<PolicyInput['ownership']>,
): OwnershipPolicy {
  return {
    when: layer.when ?? base.when,
    recipients: layer.recipients ?? base.recipients,
    returnOnReactivation: layer.returnOnReactivation ?? base.returnOnReactivation,
  };
}
