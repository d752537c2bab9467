import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { identify, type ProcessIdentity } from './process-identity.ts';
import { openLog } from './log-file.ts';

/** What to run. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes stdout and stderr. */
  readonly logFile: string;
  /** The working directory; this process's own where absent. */
  readonly cwd?: string;
}

/** A running process that leads a process group of its own. */
export interface Child {
  readonly pid: number;
  /** Null where it ended before it could be looked at. */
  readonly identity: Promise<ProcessIdentity | null>;
  /** How it ended, for people: `exit code 1`, `signal SIGKILL`. Never rejects. */
  readonly ended: Promise<string>;
}

/**
 * Starts a process in its own session: Ctrl-C in the terminal reaches the supervisor only, which then stops
 * its parts in order, and the whole group of a part can be ended at once.
 *
 * @throws where the command cannot be started at all
 */
export function startChild(command: ChildCommand): Child {
  const log = openLog(command.logFile);
  try {
    const child = spawn(command.command, [...command.args], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...command.env },
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    });
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
      );
    });
    if (child.pid === undefined) throw new Error(`${command.command} cannot be started`);
    return { pid: child.pid, identity: identify(child.pid), ended };
  } finally {
    closeSync(log);
  }
}
