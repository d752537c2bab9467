import { z } from 'zod';

import type { KnownKeys } from './mistakes.ts';
import { hostFileSchema } from './schema.ts';

/** The keys that the grammar knows at each path, read from the schema itself so that they cannot drift. */
export function knownKeys(): KnownKeys {
  const root = z.toJSONSchema(hostFileSchema, { io: 'input', unrepresentable: 'any' });
  return (path) => {
    let nodes = branches(root);
    for (const step of path) nodes = nodes.flatMap((node) => descend(node, step)).flatMap(branches);
    return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
  };
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

function branches(node: unknown): JsonSchema[] {
  if (!isSchema(node)) return [];
  return [
    node,
    ...[node.anyOf, node.oneOf, node.allOf].flatMap((some) => (some ?? []).flatMap(branches)),
  ];
}

function descend(node: JsonSchema, step: PropertyKey): unknown[] {
  if (typeof step === 'number') return [node.items];
  const properties = node.properties ?? {};
  return [Object.hasOwn(properties, step) ? properties[String(step)] : node.additionalProperties];
}

function isSchema(node: unknown): node is JsonSchema {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}
