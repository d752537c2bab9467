import { z } from 'zod';

import { text } from './parts-schema.ts';

/** The section `tokenRevocation` of the host file: whose signed tokens may ask for global token revocations. */

/** Where keys are fetched that tokens are believed by: nothing of the address is silently left out. */
const jwksUrl = z
  .url({ protocol: /^https?$/, error: 'expected an https URL' })
  .max(2_000)
  .refine((address) => {
    const parsed = URL.parse(address);
    return parsed === null || [parsed.username, parsed.password, parsed.hash].join('') === '';
  }, 'holds a user, a password or a fragment; expected none of them');

/** It stands in the timeline as who asked. */
const issuerName = z
  .string()
  .regex(/^[\x21-\x7e]{1,500}$/, 'expected 1 to 500 printable ASCII characters without spaces');

const issuer = z
  .strictObject({
    issuer: issuerName,
    jwksUrl,
    audience: text,
    subject: text.nullable().default(null),
    organizationId: text,
    allowPrivate: z.boolean().default(false),
  })
  .refine(
    ({ jwksUrl: address, allowPrivate }) =>
      allowPrivate || URL.parse(address)?.protocol !== 'http:',
    {
      error:
        'is not https; somebody on the way could give keys of their own (http needs allowPrivate: true)',
      path: ['jwksUrl'],
    },
  );

/** An issuer is one customer's: with two organizations, it would not be said whose people a token is about. */
const issuers = z
  .array(issuer)
  .refine(
    (all) => new Set(all.map(({ issuer: name }) => name)).size === all.length,
    'names one issuer twice',
  );

export const tokenRevocation = z
  .strictObject({ issuers: issuers.default([]) })
  .default({ issuers: [] });
