import { setTimeout as sleep } from 'node:timers/promises';
import { findByEnvironment, isAlive, type ProcessIdentity } from './process-identity.ts';

/**
 * The variable that marks every process of a stack, its children's children included. Its value is
 * `<state directory>|<run id>`: the directory says whose it is, the run id which start of it.
 * Not named TENURE_...: API and worker warn of such variables where they do not know them.
 */
export const stackMarker = 'EMBEDDED_STACK_RUN';

/**
 * Ends processes with all that they started: their process groups get SIGTERM, and SIGKILL once `graceMs`
 * has passed (a function is asked again and again: its answer may change). A process whose start time differs from the recorded one is a stranger and left alone.
 *
 * @returns those that were alive and have been ended
 */
export async function endProcesses(
  processes: readonly ProcessIdentity[],
  graceMs: number | (() => number),
): Promise<ProcessIdentity[]> {
  const grace = typeof graceMs === 'number' ? (): number => graceMs : graceMs;
  const ended = await living(processes);
  for (const { pid } of ended) signalGroup(pid, 'SIGTERM');
  const start = performance.now();
  let left = await living(ended);
  while (left.length > 0 && performance.now() - start < grace()) {
    await sleep(50);
    left = await living(left);
  }
  while (left.length > 0) {
    for (const { pid } of left) signalGroup(pid, 'SIGKILL');
    await sleep(20);
    left = await living(left);
  }
  return ended;
}

/**
 * Ends what carries the marker of a stack and is in no record.
 *
 * @param ofRun tells by the marker's value; this process is never ended
 */
export async function endMarked(
  ofRun: (marker: string) => boolean,
  graceMs: number,
): Promise<ProcessIdentity[]> {
  const marked = await findByEnvironment(stackMarker, ofRun);
  return endProcesses(
    marked.filter(({ pid }) => pid !== process.pid),
    graceMs,
  );
}

async function living(processes: readonly ProcessIdentity[]): Promise<ProcessIdentity[]> {
  const alive = await Promise.all(processes.map(isAlive));
  return processes.filter((_, index) => alive[index]);
}

/**
 * Signals a process and its group. The group may be gone or never have been led by this process: both are
 * fine, and so is a process that ended meanwhile.
 */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {
      // No such group: try the process alone. No such process: there is nothing to end.
    }
  }
}
