import { Router } from '@koa/router';
import type { ParsedUrlQuery } from 'node:querystring';

import { queryLimit, queryList, queryValue } from './paging.ts';
import { RestError } from './rest-errors.ts';
import type { Settings } from './settings.ts';
import type { StoredEvent } from './state.ts';
import type { World } from './world.ts';

const longestRange = 30 * 24 * 3600 * 1000;

/**
 * `GET /events`: always oldest first, whatever `order` says; `after` is exclusive; a new event is held back for the
 * visibility delay, so that a cursor taken from here never jumps over an older one.
 */
export function createEventRoutes(world: World, settings: Settings): Router {
  const router = new Router();
  router.get('/events', (context) => {
    const limit = queryLimit(context.query);
    const found = select(world, settings, context.query);
    const page = found.slice(0, limit);
    context.body = {
      object: 'list',
      data: page.map(({ wire }) => wire),
      list_metadata: { after: found.length > limit ? (page.at(-1)?.wire.id ?? null) : null },
    };
  });
  return router;
}

function select(world: World, settings: Settings, query: ParsedUrlQuery): StoredEvent[] {
  const names = queryList(query, 'events');
  if (names.length === 0) {
    throw new RestError(422, 'Validation failed.', {
      errors: [{ code: 'required', field: 'events' }],
    });
  }
  const wanted = new Set(names);
  const organization = queryValue(query, 'organization_id');
  const visibleUntil = world.now() - settings.visibilityDelayMs;
  const range = rangeOf(query, world.now());
  return afterCursor(world.state.events, queryValue(query, 'after')).filter(
    ({ organizationId, wire }) => {
      const at = Date.parse(wire.created_at);
      return (
        wanted.has(wire.event) &&
        (organization === undefined || organization === organizationId) &&
        at <= visibleUntil &&
        at >= range.start &&
        at <= range.end
      );
    },
  );
}

/** @throws RestError 400 for a cursor that is unknown, or older than what is kept */
function afterCursor(events: StoredEvent[], cursor: string | undefined): StoredEvent[] {
  if (cursor === undefined) return events;
  const index = events.findLastIndex(({ wire }) => wire.id === cursor);
  if (index === -1) throw new RestError(400, `Event not found: '${cursor}'.`);
  return events.slice(index + 1);
}

/** @throws RestError 400 for `after` beside `range_start`, for more than 30 days, and for what is no date */
function rangeOf(query: ParsedUrlQuery, now: number): { start: number; end: number } {
  const [from, to] = [queryValue(query, 'range_start'), queryValue(query, 'range_end')];
  if (from !== undefined && queryValue(query, 'after') !== undefined) {
    throw new RestError(400, 'after and range_start are mutually exclusive.');
  }
  const start = from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from);
  const end = to === undefined ? Math.min(now, start + longestRange) : Date.parse(to);
  if (Number.isNaN(start) || Number.isNaN(end)) {
    throw new RestError(400, 'range_start and range_end must be ISO 8601 dates.');
  }
  if (from === undefined) return { start, end: to === undefined ? Number.POSITIVE_INFINITY : end };
  if (end - start > longestRange) throw new RestError(400, 'The range may span at most 30 days.');
  return { start, end };
}
