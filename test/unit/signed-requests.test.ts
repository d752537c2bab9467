import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';

import { ConfigError } from '../../platform/config-error.ts';
import { OutgoingFailed } from '../../platform/outgoing/outgoing-failed.ts';
import { jsonOf } from '../../platform/outgoing/post-signed.ts';
import { problemOfSecret, readSecrets, signedHeaders } from '../../platform/outgoing/secrets.ts';

const secretOf = (bytes: number, fill = 7): string =>
  `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`;

describe('a secret of Standard Webhooks', () => {
  it.each([24, 32, 64])('of %s bytes is taken', (bytes) => {
    expect(problemOfSecret(secretOf(bytes))).toBeNull();
  });

  it.each([
    ['without its prefix', Buffer.alloc(32).toString('base64')],
    ['that is no base64', 'whsec_not base64 at all, is it?'],
    ['that is cut off', 'whsec_abc'],
    ['that is empty', 'whsec_'],
    ['that is too short', secretOf(23)],
    ['that is too long', secretOf(65)],
  ])('%s is refused, and not quoted', (_, secret) => {
    expect(problemOfSecret(secret)).toBe('expected whsec_ and base64 of 24 to 64 bytes');
  });
});

describe('reading the secrets that a host file names', () => {
  const wanted = (variable: string) => ({
    variable,
    where: 'the sessions of kind app',
    consequence: 'c',
  });

  it('gives each variable its secrets, several while they are rotated', () => {
    const environment = { ONE: secretOf(24), TWO: `${secretOf(24)}, ${secretOf(32, 9)}` };
    expect(readSecrets(environment, [wanted('ONE'), wanted('TWO'), wanted('ONE')])).toEqual(
      new Map([
        ['ONE', [secretOf(24)]],
        ['TWO', [secretOf(24), secretOf(32, 9)]],
      ]),
    );
  });

  it('lists everything that is missing or wrong, without a secret in it', () => {
    const environment = { WRONG: `${secretOf(24)},canary`, EMPTY: ' , ' };
    let thrown: unknown;
    try {
      readSecrets(environment, [wanted('WRONG'), wanted('EMPTY'), wanted('UNSET')]);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigError);
    const { problems } = thrown as ConfigError;
    expect(problems.map(({ variable, problem }) => `${variable}: ${problem}`)).toEqual([
      'WRONG: entry 2: expected whsec_ and base64 of 24 to 64 bytes',
      'EMPTY: is not set; the host file names it for the sessions of kind app',
      'UNSET: is not set; the host file names it for the sessions of kind app',
    ]);
  });
});

describe('a signed request', () => {
  const body = '{"userId":"u1"}';

  it('is accepted by the library of the other side, by each of the secrets', () => {
    const [old, young] = [secretOf(24), secretOf(32, 9)];
    const headers = signedHeaders([old, young], 'm1/1/app', body, new Date());
    expect(new Webhook(old).verify(body, headers)).toEqual({ userId: 'u1' });
    expect(new Webhook(young).verify(body, headers)).toEqual({ userId: 'u1' });
    expect(() => new Webhook(secretOf(24, 1)).verify(body, headers)).toThrow('No matching');
    expect(() => new Webhook(old).verify(`${body} `, headers)).toThrow('No matching');
  });

  it('grows old', () => {
    const headers = signedHeaders([secretOf(24)], 'id', body, new Date(Date.now() - 301_000));
    expect(() => new Webhook(secretOf(24)).verify(body, headers)).toThrow('too old');
  });
});

describe('the JSON of an answer', () => {
  const answer = {
    status: 200,
    contentType: 'application/json',
    text: '{"a":1}',
    retryAfterMs: null,
  };

  it.each(['application/json', 'application/json; charset=utf-8', 'application/problem+json'])(
    'is read as %s',
    (contentType) => {
      expect(jsonOf({ ...answer, contentType })).toEqual({ a: 1 });
    },
  );

  it.each([
    ['another type', { contentType: 'text/html' }, 'notJson'],
    ['a type that only looks like it', { contentType: 'application/jsonp' }, 'notJson'],
    ['broken text', { text: '{' }, 'notJson'],
    ['a redirect', { status: 302 }, 'refused'],
    ['an error', { status: 500 }, 'refused'],
  ])('is not there in %s', (_, change, code) => {
    let thrown: unknown;
    try {
      jsonOf({ ...answer, ...change });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OutgoingFailed);
    expect(thrown).toMatchObject({ code });
  });
});
