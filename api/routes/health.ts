import { z } from 'zod';

import { readinessParts } from '../readiness.ts';
import { defineRoute, noInput } from '../route.ts';

/** `GET /health/live`: the process answers. Asks nobody: a database that is down is no reason to restart it. */
export const liveRoute = defineRoute({
  method: 'get',
  path: '/health/live',
  summary: 'Whether the process is alive',
  auth: 'none',
  request: noInput,
  responses: { 200: z.strictObject({ status: z.literal('live') }) },
  handler: async () => ({ status: 200, body: { status: 'live' } }),
});

/** `GET /health/ready`: MongoDB answers, its migrations are done and a worker polls. */
export const readyRoute = defineRoute({
  method: 'get',
  path: '/health/ready',
  summary: 'Whether everything is there that a request may need; 503 names what is missing',
  auth: 'none',
  request: noInput,
  responses: {
    200: z.strictObject({
      status: z.literal('ready'),
      hostFindings: z.record(z.string(), z.int()).meta({
        description:
          "What of the host file is not found in the host application's database, by code. It refuses nothing; " +
          "the worker's log says where.",
      }),
    }),
    503: z.strictObject({
      status: z.literal('notReady'),
      missing: z.array(z.enum(readinessParts)),
    }),
  },
  async handler(_input, { readiness }) {
    const { missing, hostFindings } = await readiness.look();
    if (missing.length === 0) return { status: 200, body: { status: 'ready', hostFindings } };
    return { status: 503, body: { status: 'notReady', missing }, headers: { 'retry-after': '1' } };
  },
});

/** `GET /metrics` */
export const metricsRoute = defineRoute({
  method: 'get',
  path: '/metrics',
  summary: 'Metrics for Prometheus; no ids and no personal data',
  auth: 'none',
  request: noInput,
  responses: { 200: z.string() },
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  async handler(_input, { scrape }) {
    return { status: 200, body: await scrape() };
  },
});
