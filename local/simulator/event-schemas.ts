import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

/**
 * Checks events against the official OpenAPI document of WorkOS (npm `@workos/openapi-spec`). A simulator that
 * drifts from the real shapes would let everything built on it drift too, so a violation throws at emission.
 */
export type EventValidator = (event: { event: string }) => void;

/** An event that the official schemas do not allow. The message names the paths and the rules, never the values. */
export class EventSchemaError extends Error {
  override readonly name = 'EventSchemaError';
}

/** @throws EventSchemaError from the returned function for an unknown event name or a payload of another shape */
export function createEventValidator(): EventValidator {
  shared ??= compileValidator();
  return shared;
}

/** One for the process: the document has a megabyte, and each schema is compiled once. */
let shared: EventValidator | undefined;

function compileValidator(): EventValidator {
  const document = readDocument();
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'workos', components: document['components'] });
  const variants = eventVariants(document);
  const compiled = new Map<string, ValidateFunction>();
  return (event) => {
    const index = variants.get(event.event);
    if (index === undefined) {
      throw new EventSchemaError(`WorkOS knows no event named ${event.event}`);
    }
    const validate = compiled.get(event.event) ?? ajv.compile({ $ref: `workos#${index}` });
    compiled.set(event.event, validate);
    if (validate(withOrganization(event))) return;
    const reasons = (validate.errors ?? []).map(
      (error) => `${error.instancePath || '/'} ${error.message ?? error.keyword}`,
    );
    throw new EventSchemaError(`${event.event} is not as WorkOS words it: ${reasons.join('; ')}`);
  };
}

/**
 * The document requires `organization_id`, the SDK's own types allow null (a directory without an organization):
 * such a null is judged as a string would be, everything else as it stands.
 */
function withOrganization(event: { event: string }): unknown {
  return JSON.parse(
    JSON.stringify(event, (key, value: unknown) =>
      key === 'organization_id' && value === null ? '' : value,
    ),
  );
}

function readDocument(): Record<string, unknown> {
  const file = createRequire(import.meta.url).resolve('@workos/openapi-spec');
  return asRecord(parse(readFileSync(file, 'utf8')));
}

/** JSON pointer of each event's schema, by event name. */
function eventVariants(document: Record<string, unknown>): Map<string, string> {
  const path = ['components', 'schemas', 'EventSchema', 'allOf'];
  const parts = path.reduce<unknown>((node, key) => asRecord(node)[key], document);
  const found = new Map<string, string>();
  if (!Array.isArray(parts)) return found;
  parts.forEach((part: unknown, outer) => {
    const choices = asRecord(part)['oneOf'];
    if (!Array.isArray(choices)) return;
    choices.forEach((choice: unknown, inner) => {
      const name = asRecord(asRecord(asRecord(choice)['properties'])['event'])['const'];
      if (typeof name === 'string') found.set(name, `/${path.join('/')}/${outer}/oneOf/${inner}`);
    });
  });
  return found;
}

function asRecord(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
