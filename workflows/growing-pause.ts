/** Growing pauses between tries, for ever: from one second to the configured longest one. Milliseconds. */
export function growingPauseMs(failures: number, maxPauseMs: number): number {
  return Math.min(1000 * 2 ** Math.min(failures, 20), maxPauseMs);
}
