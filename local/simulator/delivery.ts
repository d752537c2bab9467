import { setTimeout as sleep } from 'node:timers/promises';

import { createLanes } from './lanes.ts';
import { defaultFaultMs, useFault } from './settings.ts';
import type { DeliveryFault, DeliveryFaultKind, Settings } from './settings.ts';
import { signatureHeader } from './sign.ts';
import type { WireEvent } from './state.ts';
import type { World } from './world.ts';

/** Where webhooks go and how stubbornly. */
export interface DeliveryOptions {
  /** Null: there is no endpoint, nothing is sent. */
  url: string | null;
  secret: string;
  /** Tries of one event, the first included. WorkOS: 6. */
  tries?: number;
  /** Wait before the second try; doubles each time. */
  backoffMs?: number;
  /** How long an answer may take. */
  timeoutMs?: number;
  /** Requests in flight at once. */
  concurrency?: number;
}

/** One request that carried an event. */
export interface DeliveryTry {
  at: string;
  /** Null: no answer (network error or timeout). */
  status: number | null;
  ms: number;
}

/** What became of an event on its way to the endpoint. */
export interface DeliveryRecord {
  eventId: string;
  event: string;
  outcome: 'pending' | 'delivered' | 'failed' | 'dropped';
  tries: DeliveryTry[];
}

/** The answer of the endpoint to a body that was sent on its own. */
export interface EndpointAnswer {
  status: number;
  body: string;
}

export interface Deliverer {
  /** Newest last; the 10,000 newest. */
  readonly records: DeliveryRecord[];
  /** Sends an event that was announced before once more, under its own id. */
  replay(event: WireEvent): void;
  /** Sends a body as it is. @param signature the header, or null for none; by default a valid one */
  deliverRaw(body: string, signature?: string | null): Promise<EndpointAnswer>;
  /** Resolves once nothing is queued, in flight, or waiting for another try. */
  idle(): Promise<void>;
  /** Gives up what is in flight; it stays in the state as undelivered. */
  stop(): Promise<void>;
}

const keptRecords = 10_000;

/**
 * Posts every event of a world to the endpoint. First tries go out in the order of the events of a directory, each
 * after the answer to the one before; a repeated try holds nobody up, so a failure is what lets events overtake.
 * Each try is signed afresh: with the first timestamp, the SDK's three-minute window would refuse every late one.
 */
export function createDeliverer(
  world: World,
  settings: Settings,
  options: DeliveryOptions,
): Deliverer {
  const sender = new Sender(world, settings, options);
  world.onEvent(({ wire }) => sender.accept(wire));
  sender.resume();
  return {
    records: sender.records,
    replay: (event) => sender.send(event),
    deliverRaw: (body, signature) => sender.deliverRaw(body, signature),
    idle: () => sender.idle(),
    stop: () => sender.stop(),
  };
}

class Sender {
  readonly records: DeliveryRecord[] = [];
  readonly #world: World;
  readonly #settings: Settings;
  readonly #options: Required<DeliveryOptions>;
  readonly #stopped = new AbortController();
  readonly #work = new Set<Promise<void>>();
  readonly #lanes: ReturnType<typeof createLanes>;
  #gathered: WireEvent[] = [];

  constructor(world: World, settings: Settings, options: DeliveryOptions) {
    this.#world = world;
    this.#settings = settings;
    this.#options = { tries: 6, backoffMs: 1000, timeoutMs: 10_000, concurrency: 8, ...options };
    this.#lanes = createLanes(this.#options.concurrency);
  }

  /** A new event, past the faults that are switched on. */
  accept(event: WireEvent): void {
    if (this.#options.url === null) return;
    this.#world.state.undelivered.push(event.id);
    if (this.#takeFault('drop', event) !== undefined) {
      this.#settle(this.#record(event), 'dropped');
      return;
    }
    const delay = this.#takeFault('delay', event);
    const reorder = this.#takeFault('reorder', event);
    if (delay !== undefined) {
      this.#track(this.#later(delay.ms ?? defaultFaultMs.delay, () => this.send(event)));
    } else if (reorder !== undefined) this.#gather(event, reorder.ms ?? defaultFaultMs.reorder);
    else this.send(event);
    if (this.#takeFault('duplicate', event) !== undefined) this.send(event);
  }

  /** Puts an event into its lane. */
  send(event: WireEvent): void {
    const record = this.#record(event);
    const body = JSON.stringify(event);
    this.#track(
      this.#lanes.run(laneOf(event), async () => {
        if (await this.#tryOnce(record, body)) this.#settle(record, 'delivered');
        else this.#track(this.#repeat(record, body));
      }),
    );
  }

  /** What had not arrived when the process ended goes out again. */
  resume(): void {
    if (this.#options.url === null) return;
    const missing = new Set(this.#world.state.undelivered);
    for (const { wire } of this.#world.state.events) if (missing.has(wire.id)) this.send(wire);
  }

  async deliverRaw(body: string, signature?: string | null): Promise<EndpointAnswer> {
    const header =
      signature === undefined
        ? await signatureHeader(body, this.#options.secret, this.#world.now())
        : signature;
    const response = await this.#post(body, header);
    return { status: response.status, body: await response.text() };
  }

  async idle(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.idle();
  }

  async #repeat(record: DeliveryRecord, body: string): Promise<void> {
    for (let tries = 1; tries < this.#options.tries; tries += 1) {
      if (!(await this.#pause(this.#options.backoffMs * 2 ** (tries - 1)))) return;
      if (await this.#tryOnce(record, body)) {
        this.#settle(record, 'delivered');
        return;
      }
    }
    if (!this.#stopped.signal.aborted) this.#settle(record, 'failed');
  }

  async #tryOnce(record: DeliveryRecord, body: string): Promise<boolean> {
    if (this.#stopped.signal.aborted) return false;
    const at = this.#world.timestamp();
    const started = performance.now();
    const status = await this.#statusOf(body);
    record.tries.push({ at, status, ms: Math.round(performance.now() - started) });
    return status !== null && status >= 200 && status < 300;
  }

  async #statusOf(body: string): Promise<number | null> {
    try {
      const header = await signatureHeader(body, this.#options.secret, this.#world.now());
      const response = await this.#post(body, header);
      await response.arrayBuffer();
      return response.status;
    } catch {
      return null;
    }
  }

  async #post(body: string, signature: string | null): Promise<Response> {
    const { url, timeoutMs } = this.#options;
    if (url === null) throw new Error('The simulator was started without a webhook address.');
    return fetch(url, {
      method: 'POST',
      body,
      redirect: 'manual',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'tenure-simulator',
        ...(signature === null ? {} : { 'workos-signature': signature }),
      },
      signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#stopped.signal]),
    });
  }

  /** Gathers events for a moment and sends them backwards, which is the worst order there is. */
  #gather(event: WireEvent, ms: number): void {
    this.#gathered.push(event);
    if (this.#gathered.length > 1) return;
    const flush = (): void => {
      const events = this.#gathered.toReversed();
      this.#gathered = [];
      for (const item of events) this.send(item);
    };
    this.#track(this.#later(ms, flush));
  }

  async #later(ms: number, action: () => void): Promise<void> {
    if (await this.#pause(ms)) action();
  }

  /** False where the simulator was stopped meanwhile. */
  async #pause(ms: number): Promise<boolean> {
    try {
      await sleep(ms, undefined, { signal: this.#stopped.signal });
      return true;
    } catch {
      return false;
    }
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }

  #takeFault(kind: DeliveryFaultKind, event: WireEvent): DeliveryFault | undefined {
    const faults = this.#settings.deliveryFaults;
    const fault = faults.find(
      (item) => item.kind === kind && (item.events ?? [event.event]).includes(event.event),
    );
    if (fault !== undefined) useFault(faults, fault);
    return fault;
  }

  #record(event: WireEvent): DeliveryRecord {
    const record: DeliveryRecord = {
      eventId: event.id,
      event: event.event,
      outcome: 'pending',
      tries: [],
    };
    this.records.push(record);
    if (this.records.length > keptRecords) this.records.shift();
    return record;
  }

  #settle(record: DeliveryRecord, outcome: DeliveryRecord['outcome']): void {
    record.outcome = outcome;
    const { undelivered } = this.#world.state;
    const index = undelivered.indexOf(record.eventId);
    if (index !== -1) undelivered.splice(index, 1);
    this.#world.touch();
  }
}

/** Events of one directory keep their order; everything else shares a lane. */
function laneOf(event: WireEvent): string {
  const { directory_id: directory, id, object } = event.data;
  const key = object === 'directory' ? id : directory;
  return typeof key === 'string' ? key : '';
}
