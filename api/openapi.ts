import { STATUS_CODES } from 'node:http';

import { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';

import { noBody, type Route } from './route.ts';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Stable; what programs decide by.' }),
    detail: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. Never holds a value of the request.' });

/** The document, as JSON. */
export type OpenApiDocument = Record<string, unknown> & { openapi: string };

/** The OpenAPI 3.1 description of the routes. */
export function createOpenApiDocument(routes: readonly Route[]): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Tenure',
      version: '0.1.0',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'The tenure of a person in a B2B product. Times are ISO 8601, UTC, milliseconds. Lists are paged. ' +
        'Errors are application/problem+json with a stable code.',
    },
    paths,
    components: {
      securitySchemes: {
        adminKey: { type: 'http', scheme: 'bearer', description: 'A key of TENURE_ADMIN_KEY(S).' },
        gateKey: { type: 'http', scheme: 'bearer', description: 'TENURE_GATE_KEY.' },
        revocationKey: { type: 'http', scheme: 'bearer', description: 'TENURE_REVOCATION_KEY.' },
        issuerToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'A signed token of an issuer that the host file names (tokenRevocation.issuers).',
        },
      },
    },
  });
  return { ...document };
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { schemas, auth, summary, description, method, path } = route;
  return {
    operationId: operationId(method, path),
    summary,
    ...(description === undefined ? {} : { description }),
    security: security[auth],
    requestParams: { path: schemas.params, query: schemas.query },
    ...(schemas.body === noBody
      ? {}
      : { requestBody: { content: { 'application/json': { schema: schemas.body } } } }),
    responses: responsesOf(route),
  };
}

const security = {
  admin: [{ adminKey: [] }],
  gate: [{ gateKey: [] }, { adminKey: [] }],
  revocation: [{ revocationKey: [] }, { issuerToken: [] }, { adminKey: [] }],
  none: [],
};

function operationId(method: string, path: string): string {
  const words = path.split(/[^a-zA-Z0-9]+/).filter((word) => word !== '' && word !== 'v1');
  return [method, ...words].map((word, at) => (at === 0 ? word : capital(word))).join('');
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** The type of the document's keys knows only three digits. */
function statusKey(status: string): '200' | '201' | '202' | '204' | '503' {
  switch (status) {
    case '200':
    case '201':
    case '202':
    case '204':
    case '503':
      return status;
    default:
      throw new TypeError(`Status ${status} is new: add it here.`);
  }
}

function responsesOf({ schemas, contentType, auth }: Route): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  for (const [status, schema] of Object.entries(schemas.responses)) {
    responses[statusKey(status)] = {
      description: STATUS_CODES[status] ?? 'Answer',
      ...(schema === noBody
        ? {}
        : { content: { [contentType ?? 'application/json']: { schema } } }),
    };
  }
  responses['default'] = {
    description:
      auth === 'none'
        ? 'Refused'
        : 'Refused: 400 no JSON, 401 without a key, 403 with too small a key, 404, 409, 413, 415, 422, 503',
    content: { 'application/problem+json': { schema: problem } },
  };
  return responses;
}
