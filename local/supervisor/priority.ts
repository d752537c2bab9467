import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What a process is started as. */
export interface Invocation {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * The same command at a lower priority, so that it gives way where there is too little processor time for
 * all; the command as it is where this machine has no `nice`.
 *
 * By the command, and not once the process runs: on Linux a priority is each thread's own, and threads that
 * run already would keep theirs. `nice` becomes the command itself, so the process id stays the same.
 *
 * @param path the PATH on which the command is looked for as well
 */
export function atLowPriority(invocation: Invocation, path: string | undefined): Invocation {
  const nice = findNice(path);
  if (nice === null) return invocation;
  return { command: nice, args: ['-n', '10', invocation.command, ...invocation.args] };
}

function findNice(path: string | undefined): string | null {
  const directories = (path || '/usr/bin:/bin').split(delimiter).filter((each) => each !== '');
  return directories.map((directory) => join(directory, 'nice')).find(isExecutable) ?? null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
