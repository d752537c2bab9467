import { z } from 'zod';

import { createOpenApiDocument, type OpenApiDocument } from '../openapi.ts';
import { defineRoute, noInput, type Route } from '../route.ts';

/** `GET /openapi.json`, made of the same table as the router; once, when it is first asked for. */
export function openApiRoute(table: () => readonly Route[]): Route {
  let document: OpenApiDocument | null = null;
  return defineRoute({
    method: 'get',
    path: '/openapi.json',
    summary: 'This description',
    auth: 'none',
    request: noInput,
    responses: { 200: z.looseObject({ openapi: z.string() }) },
    async handler() {
      document ??= createOpenApiDocument(table());
      return { status: 200, body: document };
    },
  });
}
