import type { IncomingHttpHeaders } from 'node:http';

import { z } from 'zod';

import { didYouMean } from '../platform/did-you-mean.ts';
import type { Auth, Caller } from './authenticate.ts';
import type { ApiDeps } from './deps.ts';
import { id, reason } from './fields.ts';
import { ApiProblem, type InputError } from './problem.ts';

/** A request as HTTP brought it, after authentication. */
export interface RawRequest {
  params: unknown;
  query: unknown;
  headers: IncomingHttpHeaders;
  caller: Caller;
  /** The body as bytes, at most `limit` of them. */
  readBytes(limit: number): Promise<Buffer>;
  /** The body as JSON. */
  readJson(): Promise<unknown>;
}

export interface RawReply {
  status: number;
  body: unknown;
  /** Default `application/json`. */
  contentType?: string;
  headers?: Record<string, string>;
}

export type Method = 'get' | 'post' | 'put';
type Responses = Record<number, z.ZodType>;

export interface RouteSchemas {
  params: z.ZodObject;
  query: z.ZodObject;
  /** `noBody` where none is read. */
  body: z.ZodType;
  responses: Responses;
}

/** One call of the API, for the router and for the OpenAPI document alike. */
export interface Route {
  method: Method;
  /** With parameters in braces, as OpenAPI writes them. */
  path: string;
  summary: string;
  description?: string;
  auth: Auth;
  schemas: RouteSchemas;
  /** The content type of successful answers, where it is not JSON. */
  contentType?: string;
  run(request: RawRequest, deps: ApiDeps): Promise<RawReply>;
}

/** What a route takes in: strict objects, so that an unknown field is told and never passed on. */
export interface RequestSchemas<P, Q, B> {
  params: P;
  query: Q;
  body: B;
}

/** Of a route about one thing, which its path names. */
export const oneId = z.strictObject({ id });
/** Of a command that needs nothing but a reason, if that. */
export const onlyReason = z.strictObject({ reason });
/** Of a route that takes nothing. */
export const nothing = z.strictObject({});
export const noBody = z.null();
export const noInput = { params: nothing, query: nothing, body: noBody };

type Input<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodType> = {
  params: z.output<P>;
  query: z.output<Q>;
  body: z.output<B>;
  caller: Caller;
};

/** One of the documented answers: a status and the body that belongs to it. */
type Reply<R extends Responses> = {
  [Status in keyof R & number]: {
    status: Status;
    body: z.input<R[Status]>;
    headers?: Record<string, string>;
  };
}[keyof R & number];

export interface RouteSpec<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
  R extends Responses,
  H extends Reply<R>,
> {
  method: Method;
  path: string;
  summary: string;
  description?: string;
  auth: Auth;
  request: RequestSchemas<P, Q, B>;
  responses: R;
  contentType?: string;
  /** What a standard says of a request that is not valid, where it is not the 422 of every other call. */
  invalidStatus?: 400;
  handler: (input: Input<P, Q, B>, deps: ApiDeps) => Promise<H>;
}

/**
 * Defines a route: its schemas validate the input, type the handler, check the answer (outside production)
 * and make the documentation, so that none of the four can drift from the others.
 */
export function defineRoute<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
  R extends Responses,
  const H extends Reply<R>,
>(spec: RouteSpec<P, Q, B, R, H>): Route {
  const { request, handler, responses, invalidStatus = 422, ...facts } = spec;
  return {
    ...facts,
    schemas: { ...request, responses },
    async run(raw, deps) {
      const params = validated(request.params, raw.params, 'path', invalidStatus);
      const query = validated(request.query, raw.query, 'query', invalidStatus);
      const takesBody = !(request.body instanceof z.ZodNull);
      const given = takesBody ? await raw.readJson() : null;
      const body = validated(request.body, given, '', invalidStatus);
      const reply: RawReply = await handler({ params, query, body, caller: raw.caller }, deps);
      if (deps.settings.checkResponses) checkReply(responses, reply);
      return spec.contentType === undefined ? reply : { ...reply, contentType: spec.contentType };
    },
  };
}

/** Validates one part of a request. `place` begins the paths of what is wrong in it; the body has none. */
function validated<T extends z.ZodType>(
  schema: T,
  value: unknown,
  place: string,
  status: number,
): z.output<T> {
  const parsed = schema.safeParse(value, { error: unknownField });
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.slice(0, 50).map((issue) => inputError(issue, place));
  throw new ApiProblem(status, 'invalid', 'The request is not valid.', { errors });
}

/** Where and what, never the value: it may be a person's. */
function inputError(issue: z.core.$ZodIssue, place: string): InputError {
  const path = [place, ...issue.path.map(String)].filter((part) => part !== '').join('.');
  return { path, message: issue.message };
}

/** The name of an unknown field comes from outside like its value, so only known ones are told. */
const unknownField: z.core.$ZodErrorMap = (issue) => {
  if (issue.code !== 'unrecognized_keys') return undefined;
  const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [];
  const meant = issue.keys.map((key) => didYouMean(key, known)).find((hint) => hint !== '');
  const all = known.length === 0 ? ' None is known here.' : ` Known are: ${known.join(', ')}.`;
  return `There is an unknown field.${meant ?? all}`;
};

function checkReply(responses: Responses, reply: RawReply): void {
  const schema = responses[reply.status];
  if (schema === undefined) throw new TypeError(`Status ${reply.status} is not documented.`);
  const parsed = schema.safeParse(reply.body);
  if (parsed.success) return;
  const wrong = parsed.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`);
  throw new TypeError(`The answer does not fit its schema: ${wrong.join(', ')}`);
}
