import { setTimeout as sleep } from 'node:timers/promises';
import { startChild, type Child } from './child.ts';
import { lastLines } from './log-file.ts';

/** One process of a stack. Nothing in here knows what the process does. */
export interface Part {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /**
   * Whether it gives way to the other parts where the machine has too little processor time for all of them:
   * what answers somebody goes before work in the background.
   */
  readonly yields?: boolean;
  /** The whole environment, asked for anew at each start of the process. */
  readonly env: () => Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  /** What is written in place of each line of its output. */
  readonly filterLog?: (line: string) => string;
  /** Names of the parts that must be ready before this one is started. */
  readonly after: readonly string[];
  /** Whether the process does its work. Asked until it says yes; must not throw for "not yet". */
  readonly ready: () => Promise<boolean>;
  readonly readyTimeoutMs: number;
  /** How long the process may take to stop by itself. */
  readonly stopGraceMs: number;
}

/** A part did not become ready. The message holds the last lines of its log. */
export class PartNotReadyError extends Error {
  override readonly name = 'PartNotReadyError';
  /** Whether its process has ended, which a new start may cure; else its time was over. */
  readonly hasEnded: boolean;

  constructor(message: string, hasEnded: boolean) {
    super(message);
    this.hasEnded = hasEnded;
  }
}

/** Starts the process of a part; `marker` is added to its environment. */
export function launch(part: Part, marker: Readonly<Record<string, string>> = {}): Child {
  const { command, args, logFile, filterLog, yields = false } = part;
  const env = { ...part.env(), ...marker };
  const child = { command, args, logFile, env, yields };
  return startChild(filterLog === undefined ? child : { ...child, filterLog });
}

/**
 * Waits until a part is ready.
 *
 * @throws PartNotReadyError once its time is over or the process has ended
 */
export async function waitUntilReady(part: Part, child: Child): Promise<void> {
  const deadline = Date.now() + part.readyTimeoutMs;
  while (Date.now() < deadline) {
    const isReady = await part.ready();
    // Looked at even where it is ready: a stranger may have taken the port and answer in its place.
    const end = await Promise.race([child.ended, sleep(isReady ? 0 : 50, null)]);
    if (end !== null) {
      throw new PartNotReadyError(`${part.name} ended (${end})${logTail(part)}`, true);
    }
    if (isReady) return;
  }
  const seconds = Math.round(part.readyTimeoutMs / 1000);
  const problem = `${part.name} was not ready after ${seconds} s${logTail(part)}`;
  throw new PartNotReadyError(problem, false);
}

/** What a message about a part's trouble ends with. */
export function logTail(part: Part): string {
  const lines = lastLines(part.logFile, 15).map((line) => `    ${line.slice(0, 400)}`);
  const text = lines.length === 0 ? '    (nothing)' : lines.join('\n');
  return `. The last lines of ${part.logFile}:\n${text}`;
}
