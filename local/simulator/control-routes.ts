import { Router } from '@koa/router';
import type { Middleware } from 'koa';
import { z } from 'zod';

import { commands } from './commands.ts';
import type { Deliverer } from './delivery.ts';
import { queryValue } from './paging.ts';
import { readBytes, readJson } from './read-body.ts';
import { deliveryFaultKinds } from './settings.ts';
import type { Settings } from './settings.ts';
import { signatureHeader } from './sign.ts';
import { inactiveUsersSchema } from './state.ts';
import { SimulatorError } from './world.ts';
import type { World } from './world.ts';

/** What the control API works on. */
export interface ControlOptions {
  world: World;
  settings: Settings;
  deliverer: Deliverer;
  secret: string;
  /** Starts a scenario; it plays on after the answer. @throws SimulatorError 404 for an unknown name */
  startScenario: (name: string) => void;
}

/**
 * Refuses whoever is not on this machine, and web pages that a browser on this machine has open: the control API
 * has no key, and a page may post to 127.0.0.1.
 */
export const requireLoopback: Middleware = async (context, next) => {
  const address = context.req.socket.remoteAddress ?? '';
  const isLocal = /^(::ffff:)?127\.|^::1$/.test(address);
  if (!isLocal || context.get('origin') !== '') {
    throw new SimulatorError(403, 'The control API answers to this machine only.');
  }
  await next();
};

/** `/simulator/*`: commands, faults, settings and a look inside. */
export function createControlRoutes(options: ControlOptions): Router {
  const router = new Router({ prefix: '/simulator' });
  addInspection(router, options);
  addFaults(router, options);
  addSending(router, options);
  router.post('/scenario', async (context) => {
    const { name } = parse(z.strictObject({ name: z.string() }), await readJson(context.req));
    options.startScenario(name);
    context.status = 202;
    context.body = { name };
  });
  router.post('/:command', async (context) => {
    const name = context.params['command'] ?? '';
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new SimulatorError(404, `There is no command ${name}.`);
    const body = await readJson(context.req);
    const before = options.world.state.events.length;
    const result = command.run(options.world, body);
    const emitted = options.world.state.events.slice(before);
    context.body = { result, events: emitted.map(({ wire }) => wire) };
  });
  return router;
}

function addInspection(router: Router, { world, settings, deliverer }: ControlOptions): void {
  router.get('/world', (context) => {
    const { events, undelivered, lastId: _lastId, ...rest } = world.state;
    context.body = {
      ...rest,
      settings,
      eventCount: events.length,
      undelivered: undelivered.length,
    };
  });
  router.get('/events', (context) => {
    context.body = { data: world.state.events.map(({ wire }) => wire) };
  });
  router.get('/deliveries', (context) => {
    const eventId = queryValue(context.query, 'eventId');
    context.body = {
      data: deliverer.records.filter((item) => eventId === undefined || item.eventId === eventId),
    };
  });
  router.post('/idle', async (context) => {
    await deliverer.idle();
    context.body = { undelivered: world.state.undelivered.length };
  });
}

const settingsSchema = z.strictObject({
  visibilityDelayMs: z.int().min(0).optional(),
  directoryUsersPerSecond: z.int().min(1).nullable().optional(),
  inactiveUsers: inactiveUsersSchema.optional(),
  ssoIdpIds: z.enum(['directory', 'own']).optional(),
});
const deliveryFaultSchema = z.strictObject({
  kind: z.enum(deliveryFaultKinds),
  on: z.boolean().default(true),
  ms: z.int().min(0).optional(),
  events: z.array(z.string()).optional(),
  times: z.int().min(1).optional(),
});
const apiFaultSchema = z.strictObject({
  method: z.string().optional(),
  path: z.string(),
  status: z.int().min(400).max(599).optional(),
  retryAfter: z.int().min(0).optional(),
  delayMs: z.int().min(0).optional(),
  malformed: z.boolean().optional(),
  hang: z.boolean().optional(),
  statusAfter: z.int().min(400).max(599).optional(),
  times: z.int().min(1).optional(),
});

function addFaults(router: Router, { world, settings }: ControlOptions): void {
  router.put('/settings', async (context) => {
    const input = parse(settingsSchema, await readJson(context.req));
    const { inactiveUsers, visibilityDelayMs, directoryUsersPerSecond, ssoIdpIds } = input;
    if (inactiveUsers !== undefined) world.state.inactiveUsers = inactiveUsers;
    if (visibilityDelayMs !== undefined) settings.visibilityDelayMs = visibilityDelayMs;
    if (ssoIdpIds !== undefined) settings.ssoIdpIds = ssoIdpIds;
    if (directoryUsersPerSecond !== undefined) {
      settings.directoryUsersPerSecond = directoryUsersPerSecond;
    }
    world.touch();
    context.body = { ...settings, inactiveUsers: world.state.inactiveUsers };
  });
  router.post('/faults/delivery', async (context) => {
    const { on, ...fault } = parse(deliveryFaultSchema, await readJson(context.req));
    settings.deliveryFaults = settings.deliveryFaults.filter(({ kind }) => kind !== fault.kind);
    if (on) settings.deliveryFaults.push(fault);
    context.body = { data: settings.deliveryFaults };
  });
  router.delete('/faults/delivery', (context) => {
    settings.deliveryFaults = [];
    context.body = { data: [] };
  });
  router.post('/faults/api', async (context) => {
    const fault = parse(apiFaultSchema, await readJson(context.req));
    settings.apiFaults.push({ id: world.id('fault'), ...fault });
    context.body = { data: settings.apiFaults };
  });
  router.delete('/faults/api', (context) => {
    settings.apiFaults = [];
    context.body = { data: [] };
  });
}

const replaySchema = z.strictObject({
  eventId: z.string().optional(),
  /** The newest event of this type, where no id is given; the newest of all without either. */
  event: z.string().optional(),
});

function addSending(router: Router, { world, deliverer, secret }: ControlOptions): void {
  router.post('/replay', async (context) => {
    const input = parse(replaySchema, await readJson(context.req));
    const found = world.state.events.findLast(
      ({ wire }) =>
        (input.eventId === undefined || wire.id === input.eventId) &&
        (input.event === undefined || wire.event === input.event),
    );
    if (found === undefined) throw new SimulatorError(404, 'There is no such event.');
    deliverer.replay(found.wire);
    context.body = { eventId: found.wire.id };
  });
  // The body goes out byte for byte; `signature` is `valid` (default), `wrong` or `none`, `ageMs` makes it older.
  router.post('/deliver', async (context) => {
    const body = (await readBytes(context.req)).toString('utf8');
    const kind = queryValue(context.query, 'signature') ?? 'valid';
    const age = Number(queryValue(context.query, 'ageMs') ?? '0');
    const key = kind === 'wrong' ? `${secret}-wrong` : secret;
    const header = kind === 'none' ? null : await signatureHeader(body, key, world.now() - age);
    context.body = await deliverer.deliverRaw(body, header);
  });
}

function parse<T extends z.ZodType>(schema: T, body: Record<string, unknown>): z.infer<T> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new SimulatorError(422, z.prettifyError(parsed.error));
  return parsed.data;
}
