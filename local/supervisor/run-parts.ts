import { isError } from './errors.ts';
import type { Part } from './part.ts';
import type { StateDirectory } from './state-directory.ts';
import { supervise, type Supervisor } from './supervisor.ts';
import { watchLauncher } from './launcher.ts';

/** How a stack is run by a main file. */
export interface RunOptions {
  readonly parts: readonly Part[];
  readonly state: StateDirectory;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly report: (line: string) => void;
  /** See `SupervisorOptions.onPids`. */
  readonly onPids: (pids: ReadonlyMap<string, number>) => void;
  /** Called once, when every part is ready. */
  readonly onReady: () => void;
  readonly maxDeaths?: number;
}

/** A second Ctrl-C counts once the first is this old: npm passes on the one that the terminal sent already. */
const secondSignalMs = 1_500;

/**
 * Runs the parts until somebody stops them (Ctrl-C, SIGTERM, SIGHUP, the end of npm) or they cannot go on.
 *
 * @returns the exit code: 0 where it was stopped, 1 where it failed
 */
export async function runParts(options: RunOptions): Promise<number> {
  const { parts, state, report } = options;
  const stop = Promise.withResolvers<null>();
  const supervisor = supervise({
    parts,
    marker: state.marker,
    report,
    onPids: options.onPids,
    onProcesses: (processes) => state.recordProcesses(processes),
    ...(options.maxDeaths === undefined ? {} : { maxDeaths: options.maxDeaths }),
  });
  listenForSignals(supervisor, () => stop.resolve(null), report);
  const unwatch = await watchLauncher(options.env, () => stop.resolve(null));
  const notReady = supervisor.started.then(
    () => new Promise<never>(() => undefined),
    (error: unknown) => (isError(error) ? error.message : String(error)),
  );
  void supervisor.started.then(options.onReady, () => undefined);
  const problem = await Promise.race([stop.promise, supervisor.failed, notReady]);
  unwatch();
  report(problem === null ? 'Stopping ...' : `${problem}\nStopping everything ...`);
  state.noteStopping();
  await supervisor.stop();
  report('Stopped.');
  return problem === null ? 0 : 1;
}

function listenForSignals(
  supervisor: Supervisor,
  onStop: () => void,
  report: (line: string) => void,
): void {
  let first: number | null = null;
  const handle = (): void => {
    const now = performance.now();
    first ??= now;
    if (now - first > secondSignalMs) {
      report('Stopping at once.');
      supervisor.hurry();
    }
    onStop();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
}
