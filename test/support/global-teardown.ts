/** Setup and teardown are separate modules that jest may load separately: the global object connects them. */
const key = Symbol.for('tenure.test.stop');

/** Keeps what ends the servers of this run until the teardown. */
export function keepForTeardown(stop: () => Promise<void>): void {
  Reflect.set(globalThis, key, stop);
}

/** Ends the servers that the global setup started. */
export default async function globalTeardown(): Promise<void> {
  const stop: unknown = Reflect.get(globalThis, key);
  if (typeof stop === 'function') await stop();
}
