import { randomUUID, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Context, Middleware } from 'koa';

import { queryValue } from './paging.ts';
import { RestError } from './rest-errors.ts';
import { useFault } from './settings.ts';
import type { ApiFault, Settings } from './settings.ts';
import { SimulatorError } from './world.ts';

/** Turns errors into the answers of the API they belong to: `{message}` as JSON, never a stack. */
export const errorAnswers: Middleware = async (context, next) => {
  // The SDK puts it on its exceptions.
  context.set('X-Request-ID', randomUUID());
  try {
    await next();
  } catch (error) {
    if (error instanceof RestError) {
      context.status = error.status;
      context.body = error.body;
      if (error.retryAfter !== undefined) context.set('Retry-After', String(error.retryAfter));
    } else if (error instanceof SimulatorError) {
      context.status = error.status;
      context.body = { message: error.message };
    } else {
      context.status = 500;
      context.body = { message: error instanceof Error ? error.message : 'Unknown error.' };
    }
  }
};

/** Checks the bearer key on everything that belongs to WorkOS. */
export function requireKey(apiKey: string): Middleware {
  const expected = Buffer.from(`Bearer ${apiKey}`);
  return async (context, next) => {
    const given = Buffer.from(context.get('authorization'));
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new RestError(401, 'Unauthorized');
    }
    await next();
  };
}

/** Applies the first fault that matches a request. */
export function applyApiFaults(settings: Settings): Middleware {
  return async (context, next) => {
    const fault = settings.apiFaults.find((candidate) => matches(candidate, context));
    if (fault === undefined) {
      await next();
      return;
    }
    const { delayMs, hang, malformed, retryAfter, status, statusAfter } = fault;
    useFault(settings.apiFaults, fault);
    if (delayMs !== undefined) await sleep(delayMs);
    if (hang === true) {
      await hangUp(context);
      return;
    }
    if (malformed === true) {
      context.type = 'application/json';
      context.body = '{"object":"list","data":[{"id":';
      return;
    }
    if (status !== undefined) throw new RestError(status, `Fault: ${status}`, {}, retryAfter);
    await next();
    if (statusAfter !== undefined) throw new RestError(statusAfter, `Fault: ${statusAfter}`);
  };
}

/** Answers nothing until the other side gives up. */
async function hangUp(context: Context): Promise<void> {
  context.respond = false;
  await new Promise((resolve) => context.res.once('close', resolve));
}

function matches(fault: ApiFault, context: Context): boolean {
  if (fault.method !== undefined && fault.method.toUpperCase() !== context.method) return false;
  if (fault.path.endsWith('*')) return context.path.startsWith(fault.path.slice(0, -1));
  return context.path === fault.path;
}

/** The limit of 4 requests per second and directory on `/directory_users`, where it is switched on. */
export function limitDirectoryUsers(settings: Settings, now: () => number): Middleware {
  const recent = new Map<string, number[]>();
  return async (context, next) => {
    const limit = settings.directoryUsersPerSecond;
    if (limit !== null && context.path.startsWith('/directory_users')) {
      const key = queryValue(context.query, 'directory') ?? '';
      const at = now();
      const within = (recent.get(key) ?? []).filter((time) => time > at - 1000);
      if (within.length >= limit) throw new RestError(429, 'Ratelimited', {}, 1);
      recent.set(key, [...within, at]);
    }
    await next();
  };
}
