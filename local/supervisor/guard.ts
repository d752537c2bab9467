import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProcessIdentity } from './process-identity.ts';

const script = fileURLToPath(new URL('./watchdog.ts', import.meta.url));

/** The supervisor's side of the watchdog. */
export interface Guard {
  /** The watchdog's process id, once it runs. */
  pid(): number | undefined;
  /** Says which processes are to be ended should this process die. Replaces what was said before. */
  watch(processes: readonly ProcessIdentity[]): void;
  /** Ends the watchdog, which first ends what is still watched. */
  close(): Promise<void>;
}

/**
 * Starts a watchdog and keeps one running: one that dies is started again and told the same.
 *
 * @param marker value of the stack's marker variable: what carries it is ended too
 */
export function startGuard(marker: string): Guard {
  let watched: readonly ProcessIdentity[] = [];
  let closing = false;
  let child = launch();

  function launch(): ChildProcess {
    const started = spawn(process.execPath, [script, marker], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    // Writing to a watchdog that has just died fails; its successor is told by `once('exit')`.
    started.stdin?.on('error', () => undefined);
    started.on('error', () => undefined);
    started.once('exit', () => {
      if (closing) return;
      setTimeout(() => {
        if (closing) return;
        child = launch();
        tell();
      }, 100);
    });
    return started;
  }

  function tell(): void {
    child.stdin?.write(`${JSON.stringify(watched)}\n`);
  }

  return {
    pid: () => child.pid,
    watch(processes) {
      watched = processes;
      tell();
    },
    close() {
      closing = true;
      return new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.stdin?.end();
      });
    },
  };
}
