import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { worldStateSchema } from './state.ts';
import type { WorldState } from './state.ts';

/**
 * Reads the state of an earlier run.
 * @returns undefined where there is no file
 * @throws Error where the file is not a state of this version
 */
export function readState(path: string): WorldState | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const parsed = worldStateSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new Error(
    `The simulator's state file is damaged or of another version: delete it, or start with --fresh. (${path})`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface StateWriter {
  /** Says that something changed; written soon after. */
  changed(): void;
  /** Writes at once what was not written yet. */
  flush(): Promise<void>;
}

const shortestPause = 200;

/**
 * Writes a state after changes, whole and atomically (a temporary file, then a rename): a kill leaves the former
 * state, never half a file. A large world is written less often, so that writing never takes more than a tenth of
 * the time.
 */
export function createStateWriter(path: string, state: WorldState): StateWriter {
  let timer: NodeJS.Timeout | undefined;
  let pause = shortestPause;
  let writing = Promise.resolve();
  async function write(): Promise<void> {
    const started = performance.now();
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, JSON.stringify(state));
    await rename(`${path}.new`, path);
    pause = Math.max(shortestPause, (performance.now() - started) * 10);
  }
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(write);
    return writing;
  }
  return {
    changed() {
      timer ??= setTimeout(() => {
        flush().catch((error: unknown) => {
          process.stderr.write(`simulator: the state could not be written: ${String(error)}\n`);
          writing = Promise.resolve();
        });
      }, pause);
    },
    async flush() {
      if (timer !== undefined) await flush();
      else await writing;
    },
  };
}
