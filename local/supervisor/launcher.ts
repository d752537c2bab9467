import { readFile } from 'node:fs/promises';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

const checkMs = 250;

/**
 * Notices when the `npm` that started this process is gone, for example after a kill -9: nobody could then
 * stop the stack with Ctrl-C any more. Does nothing where npm did not start it (a service manager, a shell
 * that has been left on purpose).
 *
 * @returns what ends the watching
 */
export async function watchLauncher(
  env: Readonly<Record<string, string | undefined>>,
  onGone: () => void,
): Promise<() => void> {
  if (env['npm_lifecycle_event'] === undefined) return () => undefined;
  const launchers = await findLaunchers(process.ppid);
  const timer = setInterval(() => {
    void Promise.all(launchers.map(isAlive)).then((alive) => {
      if (alive.includes(false)) onGone();
      return undefined;
    });
  }, checkMs);
  return () => clearInterval(timer);
}

/** npm itself, or the shell that npm uses to run a script together with npm. */
async function findLaunchers(pid: number): Promise<ProcessIdentity[]> {
  const parent = await identify(pid);
  if (parent === null) return [];
  const grandparent = await parentOfShell(pid);
  const shellStarter = grandparent === null ? null : await identify(grandparent);
  return shellStarter === null ? [parent] : [parent, shellStarter];
}

/** The parent of a process that is a shell; null for any other process and where it cannot be told. */
async function parentOfShell(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const [, command, rest] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
  if (command === undefined || !/^(sh|dash|bash|ash|zsh)$/.test(command)) return null;
  return Number(rest?.split(' ')[1]) || null;
}
