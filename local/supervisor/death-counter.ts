/** Counts deaths within a sliding window, over all parts and for each. */
export class DeathCounter {
  readonly #max: number;
  readonly #windowMs: number;
  #deaths: { readonly name: string; readonly at: number }[] = [];

  /** @param max this many within the window are tolerated, one more is not */
  constructor(max: number, windowMs: number) {
    this.#max = max;
    this.#windowMs = windowMs;
  }

  /** Notes a death. @returns how often this part died within the window, this death included */
  add(name: string, now = performance.now()): number {
    this.#deaths = this.#deaths.filter(({ at }) => now - at < this.#windowMs);
    this.#deaths.push({ name, at: now });
    return this.#deaths.filter((death) => death.name === name).length;
  }

  /** Deaths within the window, as of the last one. */
  inWindow(): number {
    return this.#deaths.length;
  }

  tooMany(): boolean {
    return this.#deaths.length > this.#max;
  }
}
