import type { Db } from 'mongodb';

/** Thrown where the client has a direct connection to a server that is not the primary. */
export class GateNotPrimary extends Error {
  override readonly name = 'GateNotPrimary';
}

/**
 * Lets nothing but a primary be asked. A client that knows its replica set does so by itself; one with
 * `directConnection=true` reads from whatever server it is connected to, since the driver then asks for
 * `primaryPreferred` whatever the read says. A secondary may be behind, and would let in who is out already.
 *
 * Called before each read, and not once: a server is primary until the next election. In this order, since what
 * a majority had when the server was still the primary is seen by any later read there with majority.
 *
 * @throws GateNotPrimary, or what the driver throws where the server does not answer
 */
export async function requirePrimary(db: Db, signal: AbortSignal): Promise<void> {
  if (!isDirect(db)) return;
  const hello = await db.command({ hello: 1 }, { signal });
  if (hello['isWritablePrimary'] === true) return;
  throw new GateNotPrimary('The direct connection leads to a server that is not the primary.');
}

/** Drivers before 7 have `db.client` too, but not in their types. */
function isDirect(db: object): boolean {
  const client: unknown = 'client' in db ? db.client : null;
  if (typeof client !== 'object' || client === null || !('options' in client)) return false;
  const { options } = client;
  return (
    typeof options === 'object' &&
    options !== null &&
    'directConnection' in options &&
    options.directConnection === true
  );
}
