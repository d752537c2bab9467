import { denied, type AccessDecision, type DecisionReason } from '../domain/decide-access.ts';

/** Why the gate answers as it does; `unavailable`: the store could not be asked. */
export type GateReason = DecisionReason | 'unavailable';

/** The answer of the gate. Go by `allowed`; `reason` is for the page that somebody is shown, and for logs. */
export interface GateAnswer extends Omit<AccessDecision, 'reason'> {
  reason: GateReason;
}

/** The answer where the store could not be asked. Nothing is known, so nobody is named and nothing is granted. */
export function unavailable(allowed: boolean): GateAnswer {
  return { ...denied('unknown'), allowed, reason: 'unavailable' };
}
