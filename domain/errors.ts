/** Why a change is refused. The codes are stable: they are the `code` of the API's problem documents. */
export const refusalCodes = [
  'notFound',
  'erasureStarted',
  'notLeaving',
  'notRetained',
  'directoryInactive',
  'directoryDeleted',
  'untilNotLater',
  'switchInThePast',
  'switchTooLong',
  'recipientNotActive',
  'holdReleased',
  'alreadyResolved',
  'requestWithdrawn',
  'notEligible',
  'emailInUse',
  'notLinked',
  'notQuarantined',
  'bodyGone',
  'stillQuarantined',
  'unknownType',
  'dryRunNeeded',
  'listingNotFinished',
  'directoryConnected',
  'guardDecided',
  'secondAdminNeeded',
  'changedSince',
  'stillPending',
  'ambiguousSubject',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

/**
 * Thrown when a rule of the domain refuses a change. Nothing was written. The message is for people and
 * holds ids at most, never a person's data, so it may be shown, logged and sent through Temporal.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Closes a switch over a union: a new member without a case is a compile error. */
export function assertNever(value: never): never {
  throw new TypeError(`Unhandled case: ${JSON.stringify(value)}`);
}
