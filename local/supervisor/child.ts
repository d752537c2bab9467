import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openLog } from './log-file.ts';
import { atLowPriority } from './priority.ts';
import { identify, type ProcessIdentity } from './process-identity.ts';

/** What to run. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether it gives way to the other processes where there is too little processor time for all. */
  readonly yields?: boolean;
  /** Takes stdout and stderr. */
  readonly logFile: string;
  /** What is written in place of each line; where absent the process writes the file itself. */
  readonly filterLog?: (line: string) => string;
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
  const { filterLog } = command;
  const output = filterLog === undefined ? log : 'pipe';
  const { command: program, args } = command.yields
    ? atLowPriority(command, command.env['PATH'])
    : command;
  const child = spawn(program, [...args], {
    detached: true,
    stdio: ['ignore', output, output],
    env: { ...command.env },
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  if (filterLog === undefined || child.pid === undefined) closeSync(log);
  else writeFiltered(child, log, filterLog);
  if (child.pid === undefined) throw new Error(`${command.command} cannot be started`);
  return { pid: child.pid, identity: identify(child.pid), ended };
}

/** Line by line, so that what a log must not hold never reaches the disk. */
function writeFiltered(child: ChildProcess, log: number, filter: (line: string) => string): void {
  for (const input of [child.stdout, child.stderr]) {
    if (input === null) continue;
    createInterface({ input }).on('line', (line) => writeSync(log, `${filter(line)}\n`));
  }
  // After the end of both streams, also where a process of its own still held them open.
  child.once('close', () => closeSync(log));
}
