import {
  ApplicationFailure,
  defineSignal,
  defineUpdate,
  log,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import { commandNames, type CommandName } from '../domain/words.ts';
import type { CommandAnswer, CommandMessage } from '../domain/messages.ts';
import { answeredCommand, storedCommand } from './activity-options.ts';

// No local activities: several of them at once, or beside a look, would be replayed in another order than
// they came back in, and the run would be stuck.
const { applyCommandActivity: applyUntilStored } = proxyActivities<Activities>(storedCommand);
const { applyCommandActivity: applyOrFail } = proxyActivities<Activities>(answeredCommand);

/** Admin signals, one for each command: `cancelDeletion`, `disable`, ... The same transition as the API's. */
export const commandSignals = Object.fromEntries(
  commandNames.map((name) => [name, defineSignal<[CommandMessage?]>(name)]),
);

/** Updates of the same names, for callers that want an answer. */
export const commandUpdates = Object.fromEntries(
  commandNames.map((name) => [name, defineUpdate<CommandAnswer, [CommandMessage?]>(name)]),
);

/**
 * Registers the handlers of all commands, which are applied one after another, as they came. A signal
 * handler never throws, since that would fail the run: a refusal is logged, and what could not be stored is
 * tried until it can.
 */
export function handleCommands(membershipId: string, onApplied: () => void): void {
  const inTurn = takeTurns();
  for (const name of commandNames) {
    const signal = commandSignals[name];
    const update = commandUpdates[name];
    if (signal === undefined || update === undefined) continue;
    setHandler(signal, async (message?: CommandMessage) => {
      const mistake = mistakeIn(name, message ?? {});
      if (mistake !== null) {
        log.warn('A command was malformed.', { name, mistake });
        return;
      }
      const command = { membershipId, name, message: message ?? {} };
      const result = await inTurn(async () => applyUntilStored(command));
      onApplied();
      if (!result.applied) log.warn('A command was refused.', { name, code: result.code });
    });
    setHandler(
      update,
      async (message?: CommandMessage): Promise<CommandAnswer> => {
        const command = { membershipId, name, message: message ?? {} };
        const result = await inTurn(async () => applyOrFail(command));
        onApplied();
        if (result.applied) return result.answer;
        throw ApplicationFailure.nonRetryable(result.explanation, result.code);
      },
      {
        validator: (message?: CommandMessage) => refuseMalformed(name, message ?? {}),
      },
    );
  }
}

/** Makes asynchronous work wait for the work before it. */
function takeTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return async (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** Rejects an Update before anything is written to the history. Synchronous: the SDK ignores a promise here. */
function refuseMalformed(name: CommandName, message: unknown): void {
  const mistake = mistakeIn(name, message);
  if (mistake !== null) throw ApplicationFailure.nonRetryable(mistake, 'invalid');
}

/**
 * What is wrong with a message, or null. Whoever may signal a workflow may send anything, and an operator
 * object in the place of an id would reach the database as a query.
 */
function mistakeIn(name: CommandName, message: unknown): string | null {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    return 'The message must be an object.';
  }
  const { until, toUserId, kinds }: Record<string, unknown> = { ...message };
  if (name === 'extendCoolingOff' && !isTime(until)) return '`until` must be an ISO 8601 time.';
  if (name !== 'reassignOwnership') return null;
  if (typeof toUserId !== 'string' || toUserId === '')
    return '`toUserId` must be the id of a user.';
  const areNames = Array.isArray(kinds) && kinds.every((kind) => typeof kind === 'string');
  return kinds === undefined || areNames ? null : '`kinds` must be a list of resource kinds.';
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
