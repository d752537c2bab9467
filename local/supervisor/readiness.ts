/** Which of a stack's parts are ready, with somebody waiting for it. */
export class Readiness {
  readonly #parts: Map<string, PromiseWithResolvers<void>>;
  readonly #ready = new Set<string>();

  constructor(names: readonly string[]) {
    this.#parts = new Map(names.map((name) => [name, Promise.withResolvers<void>()]));
  }

  /** Resolves as soon as a part is ready. @throws Error for a name that is none */
  of(name: string): Promise<void> {
    const part = this.#parts.get(name);
    if (part === undefined) throw new Error(`there is no part ${name}`);
    return part.promise;
  }

  set(name: string): void {
    this.#ready.add(name);
    this.#parts.get(name)?.resolve();
  }

  /** The part is no longer ready: whoever asks from now on waits for the next time. */
  unset(name: string): void {
    // Of a part that never was ready the promise stays: somebody waits for it already.
    if (this.#ready.delete(name)) this.#parts.set(name, Promise.withResolvers<void>());
  }
}
