import { closeSync, openSync, readSync, fstatSync, mkdirSync } from 'node:fs';
import { copyFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A log grows to this size before it is rotated. */
export const maxLogBytes = 10 * 1024 * 1024;

/** The log itself and this many older ones are kept. */
const keptLogs = 4;

/**
 * Opens a log for a child process to write to. The child owns the descriptor, so that it can go on writing
 * whatever becomes of the supervisor; `a` makes a truncated log begin at its start again.
 */
export function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  return openSync(path, 'a', 0o600);
}

/** Moves the log of an earlier start aside: `x.log` becomes `x.log.1`, the oldest goes. */
export async function rotateLog(path: string): Promise<void> {
  await shiftLogs(path);
  await rename(path, `${path}.1`).catch(() => undefined);
}

/**
 * Rotates a log that is being written to, once it is too large: copied aside and truncated, because its
 * writer holds it open. A line that is written in between may be lost.
 */
export async function rotateLargeLog(path: string, maxBytes = maxLogBytes): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size <= maxBytes) return;
  await shiftLogs(path);
  await copyFile(path, `${path}.1`);
  await truncate(path);
}

async function shiftLogs(path: string): Promise<void> {
  await rm(`${path}.${keptLogs}`, { force: true });
  for (let number = keptLogs - 1; number >= 1; number -= 1) {
    await rename(`${path}.${number}`, `${path}.${number + 1}`).catch(() => undefined);
  }
}

/** The last lines of a log; empty where there is none. */
export function lastLines(path: string, count: number): string[] {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, 16_384));
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-count);
  } finally {
    closeSync(descriptor);
  }
}
