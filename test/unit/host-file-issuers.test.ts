import { describe, expect, it } from '@jest/globals';

import { ConfigError } from '../../platform/config.ts';
import { parseHostFile } from '../../platform/host-file/parse.ts';

const acme =
  'issuer: https://acme.okta.com, jwksUrl: https://acme.okta.com/oauth2/v1/keys, ' +
  'audience: https://tenure.example.com/v1/global-token-revocation, organizationId: org_a';
const fileOf = (...issuers: string[]): string =>
  [
    'version: 1',
    'tokenRevocation:',
    '  issuers:',
    ...issuers.map((one) => `    - { ${one} }`),
  ].join('\n');

function mistakesOf(text: string): string[] {
  try {
    parseHostFile(text, 'f');
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map(({ variable, problem }) => `${variable}: ${problem}`);
    }
    throw error;
  }
  return [];
}

describe('the issuers of the host file', () => {
  it('are nobody where none is named', () => {
    expect(parseHostFile('version: 1', 'f').file.tokenRevocation).toEqual({ issuers: [] });
  });

  it('are believed for one organization each', () => {
    const globex = acme.replaceAll('acme', 'globex').replace('org_a', 'org_g');
    const { file } = parseHostFile(fileOf(acme, `${globex}, subject: 0oa1app`), 'f');
    expect(file.tokenRevocation.issuers).toEqual([
      {
        issuer: 'https://acme.okta.com',
        jwksUrl: 'https://acme.okta.com/oauth2/v1/keys',
        audience: 'https://tenure.example.com/v1/global-token-revocation',
        subject: null,
        organizationId: 'org_a',
        allowPrivate: false,
      },
      expect.objectContaining({
        issuer: 'https://globex.okta.com',
        subject: '0oa1app',
        organizationId: 'org_g',
      }),
    ]);
  });

  it.each([
    [
      'an issuer for two organizations',
      fileOf(acme, acme.replace('org_a', 'org_b')),
      'f:4:5 tokenRevocation.issuers: names one issuer twice',
    ],
    [
      'no organization',
      fileOf(acme.replace(/, organizationId.*/, '')),
      'f:4:7 tokenRevocation.issuers[0].organizationId: is missing',
    ],
    [
      'no audience',
      fileOf(acme.replace(/audience: \S+ /, '')),
      'f:4:7 tokenRevocation.issuers[0].audience: is missing',
    ],
    [
      'an empty audience',
      fileOf(acme.replace(/audience: \S+ /, "audience: '', ")),
      'tokenRevocation.issuers[0].audience: expected string to have >=1 characters',
    ],
    [
      'keys that come in plain',
      fileOf(acme.replace('jwksUrl: https', 'jwksUrl: http')),
      'jwksUrl: is not https',
    ],
    [
      'a password in the address of the keys',
      fileOf(acme.replace('jwksUrl: https://', 'jwksUrl: https://u:p@')),
      'holds a user, a password or a fragment',
    ],
    [
      'a shared secret',
      fileOf(`${acme}, secret: x`),
      'tokenRevocation.issuers[0].secret: is not known.',
    ],
    [
      'a space in the issuer',
      fileOf(acme.replace('issuer: https://', 'issuer: Acme https://')),
      'expected 1 to 500 printable ASCII characters without spaces',
    ],
  ])('are refused with %s', (_what, text, mistake) => {
    expect(mistakesOf(text)).toEqual([expect.stringContaining(mistake)]);
  });
});
