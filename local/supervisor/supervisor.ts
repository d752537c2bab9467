import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child.ts';
import { DeathCounter } from './death-counter.ts';
import { endMarked, endProcesses, signalGroup, stackMarker } from './end-processes.ts';
import { startGuard } from './guard.ts';
import { rotateLargeLog, rotateLog } from './log-file.ts';
import { launch, logTail, PartNotReadyError, waitUntilReady, type Part } from './part.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { Readiness } from './readiness.ts';

/** What a supervisor runs, and whom it tells. */
export interface SupervisorOptions {
  /** In the order of starting; they are stopped in the reverse order. */
  readonly parts: readonly Part[];
  /** Marks all processes of this run, see {@link stackMarker}. */
  readonly marker: string;
  /** Takes one line for people: a death, a new start. */
  readonly report: (line: string) => void;
  /**
   * Called in the same tick in which a process was started, so that what it writes is there before the
   * process can do anything. `pids` holds the parts that run.
   */
  readonly onPids: (pids: ReadonlyMap<string, number>) => void;
  /** Called with all processes that run, once their start times are known. */
  readonly onProcesses: (processes: readonly ProcessIdentity[]) => void;
  /** More deaths than this within the window stop everything. */
  readonly maxDeaths?: number;
  readonly deathWindowMs?: number;
}

/** A running stack. */
export interface Supervisor {
  /**
   * Resolves once every part is ready.
   *
   * @throws PartNotReadyError where one is not in its time
   */
  readonly started: Promise<void>;
  /** Resolves with the reason once the stack cannot go on. It is for the caller to stop it then. */
  readonly failed: Promise<string>;
  /** Ends all parts in reverse order: SIGTERM, SIGKILL after the part's grace. May be called twice. */
  stop(): Promise<void>;
  /** Makes a running `stop` end what is left at once. */
  hurry(): void;
}

interface Running {
  readonly child: Child;
  identity: ProcessIdentity | null;
}

/** EX_CONFIG: a process says that starting it again is of no use. */
const badConfiguration = 'exit code 78';

/** How often logs are looked at for their size. */
const logCheckMs = 30_000;

/** Starts all parts under a watchdog and keeps them running. */
export function supervise(options: SupervisorOptions): Supervisor {
  const { parts, marker, report } = options;
  const guard = startGuard(marker);
  const readiness = new Readiness(parts.map(({ name }) => name));
  const deaths = new DeathCounter(options.maxDeaths ?? 5, options.deathWindowMs ?? 60_000);
  const running = new Map<string, Running>();
  const failure = Promise.withResolvers<string>();
  const start = Promise.withResolvers<void>();
  let stopping: Promise<void> | null = null;
  let hurried = false;
  const logTimer = setInterval(() => {
    for (const part of parts) void rotateLargeLog(part.logFile).catch(() => undefined);
  }, logCheckMs);

  function tellPids(): void {
    options.onPids(new Map([...running].map(([name, { child }]) => [name, child.pid])));
  }

  function tellProcesses(): void {
    const known = [...running.values()].flatMap(({ identity }) => identity ?? []);
    guard.watch(known);
    options.onProcesses(known);
  }

  async function keepRunning(part: Part): Promise<void> {
    await rotateLog(part.logFile);
    for (;;) {
      await Promise.all(part.after.map((name) => readiness.of(name)));
      if (stopping !== null) return;
      const child = launch(part, { [stackMarker]: marker });
      await live(part, child);
      if (stopping !== null || !(await mayStartAgain(part, await child.ended))) return;
    }
  }

  /** From the start of a process to its end. */
  async function live(part: Part, child: Child): Promise<void> {
    const entry: Running = { child, identity: null };
    running.set(part.name, entry);
    tellPids();
    entry.identity = await child.identity;
    tellProcesses();
    void becomeReady(part, entry);
    await child.ended;
    if (stopping !== null) return;
    // Whatever the dead process had started would keep its port or write to its data.
    signalGroup(child.pid, 'SIGKILL');
    readiness.unset(part.name);
    running.delete(part.name);
    tellPids();
    tellProcesses();
  }

  async function becomeReady(part: Part, entry: Running): Promise<void> {
    try {
      await waitUntilReady(part, entry.child);
      if (running.get(part.name) === entry) readiness.set(part.name);
    } catch (error) {
      const hasEnded = error instanceof PartNotReadyError && error.hasEnded;
      // One that has ended is started again; one that hangs at the first start will not get better.
      if (!hasEnded) start.reject(error);
    }
  }

  async function mayStartAgain(part: Part, how: string): Promise<boolean> {
    const count = deaths.add(part.name);
    if (how === badConfiguration) {
      failure.resolve(`${part.name} refuses its configuration${logTail(part)}`);
      return false;
    }
    if (deaths.tooMany()) {
      const seconds = Math.round((options.deathWindowMs ?? 60_000) / 1000);
      const summary = `${deaths.inWindow()} deaths within ${seconds} s, the last of ${part.name} (${how})`;
      failure.resolve(`Too many parts died: ${summary}${logTail(part)}`);
      return false;
    }
    report(`${part.name} died (${how}), starting it again. Its log: ${part.logFile}`);
    await sleep(Math.min(100 * 2 ** (count - 1), 2_000));
    return stopping === null;
  }

  async function stopAll(): Promise<void> {
    clearInterval(logTimer);
    for (const part of parts.toReversed()) {
      const entry = running.get(part.name);
      if (entry === undefined) continue;
      const identity = entry.identity ?? (await entry.child.identity);
      if (identity !== null) await endProcesses([identity], () => (hurried ? 0 : part.stopGraceMs));
      running.delete(part.name);
      tellProcesses();
    }
    await endMarked((value) => value === marker, 0);
    await guard.close();
  }

  start.promise.catch(() => undefined);
  void Promise.all(parts.map((part) => readiness.of(part.name))).then(() => start.resolve());
  for (const part of parts) {
    keepRunning(part).catch((error: unknown) => failure.resolve(`${part.name}: ${String(error)}`));
  }
  return {
    started: start.promise,
    failed: failure.promise,
    stop: () => (stopping ??= stopAll()),
    hurry() {
      hurried = true;
    },
  };
}
