import { Refusal, type RefusalCode } from '../domain/errors.ts';
import type { CommandAnswer, CommandMessage } from '../domain/messages.ts';
import type { CommandName } from '../domain/words.ts';
import { applyCommand } from '../transitions/commands/apply-command.ts';
import type { ActivityDeps } from './deps.ts';

export type CommandResult =
  | { applied: true; answer: CommandAnswer }
  | { applied: false; code: RefusalCode; explanation: string };

/**
 * Applies a command that came through Temporal: the same transition as the API's. Idempotent: a command is
 * a standing fact, giving it twice changes nothing more.
 */
export function createApplyCommand(deps: ActivityDeps) {
  return async (input: {
    membershipId: string;
    name: CommandName;
    message: CommandMessage;
  }): Promise<CommandResult> => {
    const { membershipId, name, message } = input;
    try {
      const membership = await applyCommand(
        deps.store,
        { membershipId, actor: `temporal:${operatorId(message.by)}`, reason: null },
        { name, message },
      );
      return {
        applied: true,
        answer: {
          revision: membership.revision,
          phase: membership.phase,
          accessReason: membership.access.reason,
        },
      };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { applied: false, code: error.code, explanation: error.message };
    }
  };
}

/** Whoever signals may write anything here: only a plain id goes into the timeline. */
function operatorId(by: string | undefined): string {
  return by !== undefined && /^[\w.-]{1,64}$/.test(by) ? by : 'unknown';
}
