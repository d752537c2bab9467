import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';

import { Router } from '@koa/router';
import Koa from 'koa';

import { createAccountRoutes } from './account-routes.ts';
import { applyApiFaults, errorAnswers, limitDirectoryUsers, requireKey } from './api-guards.ts';
import { createCredentialRoutes } from './credential-routes.ts';
import { createControlRoutes, requireLoopback } from './control-routes.ts';
import { createDeliverer } from './delivery.ts';
import type { Deliverer, DeliveryOptions } from './delivery.ts';
import { createDirectoryRoutes } from './directory-routes.ts';
import { createEventRoutes } from './event-routes.ts';
import { createEventValidator } from './event-schemas.ts';
import { defaultSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import { createSsoRoutes } from './sso-routes.ts';
import { createStateWriter, readState } from './state-file.ts';
import { emptyState } from './state.ts';
import type { InactiveUsers } from './state.ts';
import { createWorld, SimulatorError } from './world.ts';
import type { World } from './world.ts';

/** How a simulator is set up. */
export interface SimulatorOptions {
  /** 0 or absent: any free port. */
  port?: number;
  apiKey: string;
  /** The endpoint, its secret, and how stubbornly it is called. */
  delivery: DeliveryOptions;
  /** What the environment does with leavers, where a directory says nothing; only for a new world. */
  inactiveUsers?: InactiveUsers;
  /** A JSON file to go on from and to keep; absent: nothing outlives the process. */
  statePath?: string;
  /** Begin anew, whatever the file holds. */
  fresh?: boolean;
  settings?: Partial<Settings>;
  /** Epoch milliseconds, for tests with a clock of their own. */
  now?: () => number;
  /** Plays a scenario by name; it must say itself what went wrong. */
  playScenario?: (name: string, simulator: Simulator) => void;
}

/** A running simulator. */
export interface Simulator {
  readonly url: string;
  readonly port: number;
  readonly world: World;
  readonly settings: Settings;
  readonly deliverer: Deliverer;
  /** Stops listening and sending, and writes the state. */
  close(): Promise<void>;
}

/** Starts a simulator on 127.0.0.1. @throws Error where the port is taken or the state file is unreadable */
export async function startSimulatorServer(options: SimulatorOptions): Promise<Simulator> {
  const { statePath } = options;
  const former =
    statePath === undefined || options.fresh === true ? undefined : readState(statePath);
  const state = former ?? emptyState(options.inactiveUsers ?? 'deleted');
  const settings = { ...defaultSettings(), ...options.settings };
  const world = createWorld({
    state,
    validate: createEventValidator(),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  const writer = statePath === undefined ? undefined : createStateWriter(statePath, state);
  if (writer !== undefined) world.onChange(() => writer.changed());
  const deliverer = createDeliverer(world, settings, options.delivery);
  const startScenario = (name: string): void => {
    if (options.playScenario === undefined) {
      throw new SimulatorError(404, `There is no scenario ${name}.`);
    }
    options.playScenario(name, simulator);
  };
  const app = composeApp(options, { world, settings, deliverer, startScenario });
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  const port = await listen(server, options.port ?? 0);
  const simulator: Simulator = {
    url: `http://127.0.0.1:${port}`,
    port,
    world,
    settings,
    deliverer,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await Promise.all([closed, deliverer.stop()]);
      await writer?.flush();
    },
  };
  return simulator;
}

interface Parts {
  world: World;
  settings: Settings;
  deliverer: Deliverer;
  startScenario: (name: string) => void;
}

function composeApp(options: SimulatorOptions, parts: Parts): Koa {
  const { world, settings } = parts;
  const app = new Koa();
  app.silent = true;
  const open = new Router();
  open.get('/health', (context) => {
    context.body = { status: 'ok', events: world.state.events.length };
  });
  const control = new Router();
  control.use('/simulator', requireLoopback);
  control.use(createControlRoutes({ ...parts, secret: options.delivery.secret }).routes());
  const sso = new Router();
  sso.use(applyApiFaults(settings));
  sso.use(createSsoRoutes(world, settings, options.apiKey).routes());
  const workos = new Router();
  workos.use(applyApiFaults(settings), requireKey(options.apiKey));
  workos.use(limitDirectoryUsers(settings, world.now));
  workos.use(createDirectoryRoutes(world).routes());
  workos.use(createEventRoutes(world, settings).routes());
  workos.use(createAccountRoutes(world).routes());
  workos.use(createCredentialRoutes(world).routes());
  // An unknown path asks for the key too, and is not found as WorkOS words it.
  workos.all('/{*path}', (context) => {
    context.status = 404;
    context.body = { message: 'Not Found' };
  });
  app.use(errorAnswers);
  app.use(open.routes());
  app.use(control.routes());
  app.use(sso.routes());
  app.use(workos.routes());
  return app;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address: AddressInfo | string | null = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
