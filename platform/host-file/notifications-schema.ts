import { z } from 'zod';

import { notificationTypes } from '../../domain/notifications.ts';
import { secretEnv } from './parts-schema.ts';

/** The section `notifications` of the host file: who is told what happens to people. */

const events = z
  .array(
    z.union([z.literal('*'), z.enum(notificationTypes)], {
      error: `expected "*" or some of ${notificationTypes.join(', ')}`,
    }),
    { error: 'expected a list of event names, or ["*"]' },
  )
  .min(1, 'expected at least one event, or "*"')
  .refine((names) => new Set(names).size === names.length, 'names one event twice')
  .refine((names) => !names.includes('*') || names.length === 1, 'says "*" and more; "*" is all')
  .transform((names) =>
    notificationTypes.filter((type) => names.includes('*') || names.includes(type)),
  );

/** An address whose parts all mean something: nothing of it is silently left out when it is called. */
const url = z
  .url({ protocol: /^https?$/, error: 'expected an https URL' })
  .max(2_000)
  .refine((text) => {
    const parsed = URL.parse(text);
    return parsed === null || [parsed.username, parsed.password, parsed.hash].join('') === '';
  }, 'holds a user, a password or a fragment; expected none of them');

const endpoint = z
  .strictObject({
    id: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected 1 to 64 letters, digits, and _ . -'),
    url,
    events: events.default([...notificationTypes]),
    secretEnv,
    allowPrivate: z.boolean().default(false),
  })
  .refine(({ url: text, allowPrivate }) => allowPrivate || URL.parse(text)?.protocol !== 'http:', {
    error: 'is not https; what is told would travel in plain (http needs allowPrivate: true)',
    path: ['url'],
  });

export const notificationEndpoints = z.array(endpoint).default([]);
