import type { Filter } from 'mongodb';

import type { Membership } from '../domain/membership.ts';
import type { DispatchDocument } from '../platform/mongo/documents.ts';
import type { Store } from '../platform/mongo/store.ts';
import type { LifecycleSignals } from '../platform/temporal/lifecycle-signals.ts';
import { createJoinAdmission } from './join-admission.ts';

export interface DispatcherOptions {
  store: Store;
  signals: LifecycleSignals;
  /** The most joins and updates that may wait in Temporal for their first look; fewer while looks are late. */
  joinAdmission: number;
  onSignalled: (kind: 'urgent' | 'join' | 'update', sent: boolean) => void;
}

type Candidate = Pick<
  Membership,
  '_id' | 'organizationId' | 'phase' | 'urgent' | 'revision' | 'pendingSince'
>;

const shown = { organizationId: 1, phase: 1, urgent: 1, revision: 1, pendingSince: 1 } as const;
/** A membership is signalled at most once a second; repeats of one revision back off to five minutes. */
const firstPauseMs = 1000;
const longestPauseMs = 300_000;
/** A join that nobody looked at for so long makes room: a few that nobody can look at must not hold up the rest. */
const lostMs = 5000;
const batchSize = 200;
const parallel = 20;

/**
 * The dispatcher: any membership with `revision > lookedRevision` is signalled until its lifecycle has
 * looked. Leavers first; joins and updates round robin by organization up to a bound, so that a first sync
 * of five thousand people never stands between a leaver and their lifecycle.
 */
export function createDispatcher(options: DispatcherOptions): { tick: () => Promise<boolean> } {
  const { store } = options;
  const inFlight: InFlight = new Map();
  const admission = createJoinAdmission(options.joinAdmission);
  /** The organization that was served last: the next round begins after it. */
  let served = '';

  const tick = async (): Promise<boolean> => {
    const urgent = await urgentCandidates(store);
    // Joins go on also where this failed: one leaver whom Temporal does not take must not hold up everybody.
    const urgentSent = await signalAll(options, urgent);
    const full = inFlight.size >= admission.limit;
    const waitedMs = await dropLooked(store, inFlight);
    admission.learn({ waitedMs, full, nowMs: Date.now() });
    const room = admission.limit - inFlight.size;
    const joins = room > 0 ? await fairCandidates(store, [...inFlight.keys()], room, served) : [];
    served = joins.at(-1)?.organizationId ?? served;
    const sent = await signalAll(options, joins, ({ _id, revision }) =>
      inFlight.set(_id, { revision, since: Date.now() }),
    );
    // Only what was due counts: what waits for its next turn is no reason to ask again at once.
    return urgentSent && sent && urgent.length + joins.length > 0;
  };
  return { tick };
}

/** What closes, narrows or was commanded. The API signals it at once: it is given a second before it is repeated. */
async function urgentCandidates(store: Store): Promise<Candidate[]> {
  return firstDue(
    store,
    { urgent: true, pendingSince: { $lte: new Date(Date.now() - firstPauseMs) } },
    batchSize,
  );
}

/** Round robin by organization: the same share of the room for each that waits, beginning after the one served last. */
async function fairCandidates(
  store: Store,
  inFlight: string[],
  room: number,
  served: string,
): Promise<Candidate[]> {
  const waiting = { urgent: false, pendingSince: { $exists: true } };
  const organizations = await store.collections.memberships.distinct('organizationId', waiting);
  const share = Math.max(1, Math.floor(room / Math.max(1, organizations.length)));
  const next = organizations.filter((id) => id > served);
  const found: Candidate[] = [];
  for (const organizationId of [...next, ...organizations.filter((id) => id <= served)]) {
    if (found.length >= room) break;
    const most = Math.min(share, room - found.length);
    const filter = { ...waiting, organizationId, _id: { $nin: inFlight } };
    found.push(...(await firstDue(store, filter, most)));
  }
  return found;
}

/**
 * The first `most` of the waiting ones whose turn it is. Those that were signalled and wait for their next
 * turn are passed over: a few hundred that nobody can look at must not stand before everybody else.
 */
async function firstDue(
  store: Store,
  filter: Filter<Membership>,
  most: number,
): Promise<Candidate[]> {
  const due: Candidate[] = [];
  for (let skip = 0; due.length < most; skip += batchSize) {
    const page = await store.collections.memberships
      .find(filter)
      .sort({ pendingSince: 1, _id: 1 })
      .skip(skip)
      .limit(batchSize)
      .project<Candidate>(shown)
      .toArray();
    due.push(...(await dueOnes(store, page)));
    if (page.length < batchSize) break;
  }
  return due.slice(0, most);
}

/** The joins whose look is awaited: from which revision on, and since when. */
type InFlight = Map<string, { revision: number; since: number }>;

/**
 * A join that was looked at makes room, also where it waits for another look already: a change that follows
 * at once must not wait until the first one is given up. So does one that Temporal seems to have lost.
 * Returns how long each of them has waited.
 */
async function dropLooked(store: Store, inFlight: InFlight): Promise<number[]> {
  if (inFlight.size === 0) return [];
  const found = await store.collections.memberships
    .find({ _id: { $in: [...inFlight.keys()] } })
    .project<{ _id: string; lookedRevision: number }>({ lookedRevision: 1 })
    .toArray();
  const looked = new Map(found.map(({ _id, lookedRevision }) => [_id, lookedRevision]));
  const waitedMs: number[] = [];
  for (const [id, { revision, since }] of inFlight) {
    const waited = Date.now() - since;
    waitedMs.push(waited);
    const isLooked = (looked.get(id) ?? Number.POSITIVE_INFINITY) >= revision;
    if (isLooked || waited > lostMs) inFlight.delete(id);
  }
  return waitedMs;
}

/**
 * Returns false once Temporal takes no signal of a batch: the rest would only wait for the same deadline.
 * What fails beside others that do not fails for a reason of its own (too many signals, an id that Temporal
 * refuses): it gets its turn later, as what was signalled does, and never stands before everybody else.
 */
async function signalAll(
  options: DispatcherOptions,
  candidates: Candidate[],
  onSent?: (candidate: Candidate) => void,
): Promise<boolean> {
  for (let at = 0; at < candidates.length; at += parallel) {
    const batch = candidates.slice(at, at + parallel);
    const results = await Promise.all(batch.map(async (one) => signalOne(options, one)));
    const sent = batch.filter((_one, index) => results[index]);
    for (const candidate of sent) onSent?.(candidate);
    if (sent.length === 0) return false;
    await noteTurns(options.store, batch);
  }
  return true;
}

async function signalOne(
  { signals, onSignalled }: DispatcherOptions,
  candidate: Candidate,
): Promise<boolean> {
  const sent = await signals.signal({ ...candidate, membershipId: candidate._id }).then(
    () => true,
    () => false,
  );
  onSignalled(kindOf(candidate), sent);
  return sent;
}

/** Written down after it was sent: a crash in between signals twice, which is harmless; never not at all. */
async function noteTurns({ collections }: Store, sent: Candidate[]): Promise<void> {
  const { dispatches } = collections;
  const before = await dispatches.find({ _id: { $in: sent.map(({ _id }) => _id) } }).toArray();
  const byId = new Map(before.map((dispatch) => [dispatch._id, dispatch]));
  await dispatches.bulkWrite(
    sent.map(({ _id, revision }) => {
      const last = byId.get(_id);
      const attempts = last?.revision === revision ? last.attempts + 1 : 1;
      return {
        replaceOne: { filter: { _id }, replacement: dispatched(revision, attempts), upsert: true },
      };
    }),
    { ordered: false },
  );
}

function dispatched(revision: number, attempts: number): Omit<DispatchDocument, '_id'> {
  const pauseMs = Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs);
  const now = Date.now();
  return {
    revision,
    attempts,
    signalledAt: new Date(now),
    nextAt: new Date(now + pauseMs),
  };
}

async function dueOnes(store: Store, candidates: Candidate[]): Promise<Candidate[]> {
  if (candidates.length === 0) return [];
  const sent = await store.collections.dispatches
    .find({ _id: { $in: candidates.map(({ _id }) => _id) } })
    .toArray();
  const byId = new Map(sent.map((dispatch) => [dispatch._id, dispatch]));
  return candidates.filter((candidate) => isDue(candidate, byId.get(candidate._id)));
}

function isDue(candidate: Candidate, sent: DispatchDocument | undefined): boolean {
  if (sent === undefined) return true;
  if (sent.revision === candidate.revision) return sent.nextAt.getTime() <= Date.now();
  return sent.signalledAt.getTime() + firstPauseMs <= Date.now();
}

function kindOf({ urgent, phase }: Candidate): 'urgent' | 'join' | 'update' {
  if (urgent) return 'urgent';
  return phase === 'joining' ? 'join' : 'update';
}
