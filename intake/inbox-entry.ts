import type { InboxDocument } from '../platform/mongo/documents.ts';
import type { EventEnvelope } from '../platform/workos/wire.ts';
import type { ParsedEvent } from './parse-event.ts';
import { eventTime, type Problem } from './telling.ts';

/** How an event reached Tenure. */
export interface Delivery {
  transport: InboxDocument['transport'];
  receivedAt: Date;
}

export interface BodyOptions {
  /** How long bodies are kept that still wait for something, days. */
  bodyDays: number;
}

/**
 * The inbox's entry of an event, written before it is applied, as it will nearly always stay: applied, to
 * the organization that the directory is known to belong to.
 */
export function inboxEntry(
  envelope: EventEnvelope,
  parsed: ParsedEvent,
  delivery: Delivery,
  options: BodyOptions & { organizationId: string | null },
): InboxDocument {
  const eventAtMs = eventTime(envelope);
  return {
    _id: envelope.id,
    event: envelope.event,
    eventAt: eventAtMs === null ? null : new Date(eventAtMs),
    receivedAt: delivery.receivedAt,
    transport: delivery.transport,
    outcome: 'applied',
    organizationId: options.organizationId,
    subjects: subjectsOf(envelope.data, parsed),
    ...(parsed.kind === 'stored' ? keptBody(envelope, [], delivery, options) : {}),
  };
}

/** What is kept of an event with which something is still to be done. */
export function keptBody(
  envelope: EventEnvelope,
  problems: Problem[],
  { receivedAt }: Delivery,
  { bodyDays }: BodyOptions,
): Pick<InboxDocument, 'body' | 'bodyExpiresAt' | 'problems'> {
  return {
    // As text: field names such as `$where` or `a.b` must not become part of a document's shape.
    body: JSON.stringify(envelope.data ?? null),
    bodyExpiresAt: new Date(receivedAt.getTime() + bodyDays * 86_400_000),
    ...(problems.length > 0 ? { problems } : {}),
  };
}

/**
 * The ids in an event's data by which its body is found when a person is forgotten. Of an edge the person
 * only: the line outlives them, and must not say which groups they were in.
 */
function subjectsOf(data: unknown, parsed: ParsedEvent): string[] {
  if (parsed.kind === 'edge') return [parsed.telling.directoryUserId];
  const ids = [idIn(data), idIn(fieldOf(data, 'user')), idIn(fieldOf(data, 'group'))];
  return ids.filter((id) => id !== null);
}

function idIn(value: unknown): string | null {
  const id = fieldOf(value, 'id');
  return typeof id === 'string' && id.length <= 255 ? id : null;
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}
