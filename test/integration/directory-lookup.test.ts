import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import {
  createDirectoryLookup,
  type DirectoryLookup,
} from '../../platform/workos/directory-lookup.ts';
import { startForTest } from '../support/simulator-in-test.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function lookupAt(apiUrl: string, apiKey: string, timeoutMs = 5_000): DirectoryLookup {
  return createDirectoryLookup({ apiKey, apiUrl, timeoutMs });
}

async function acme() {
  const simulator = await startForTest();
  const { directory } = simulator.tenant();
  const { user } = simulator.join(directory.id, { firstName: 'Ada' });
  const apiUrl = `http://127.0.0.1:${simulator.port}`;
  return { simulator, directory, user, apiUrl, lookup: lookupAt(apiUrl, simulator.apiKey) };
}

/** A WorkOS that gives one answer to everything; null: none at all. */
async function answering(
  answer: { status: number; body: string } | null,
): Promise<DirectoryLookup> {
  const server = createServer((_request, response) => {
    if (answer === null) return;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closing.push(
    async () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const { port } = server.address() as AddressInfo;
  return lookupAt(`http://127.0.0.1:${port}`, 'sk_test', answer === null ? 300 : undefined);
}

describe('asking WorkOS about single people', () => {
  it('finds a person by id and by the id of the identity provider, in the wire shape', async () => {
    const { lookup, directory, user } = await acme();
    expect(await lookup.directory(directory.id)).toMatchObject({ answer: 'found' });
    const found = { id: user.id, idp_id: user.idpId, state: 'active' };
    expect(await lookup.directoryUser(user.id)).toMatchObject({ answer: 'found', data: found });
    expect(await lookup.directoryUsersByIdpId(directory.id, user.idpId ?? '')).toMatchObject({
      answer: 'found',
      data: { data: [found] },
    });
  });

  it('calls missing who is gone, and finds an empty list', async () => {
    const { lookup, simulator, directory, user } = await acme();
    simulator.leave(user.id);
    expect(await lookup.directoryUser(user.id)).toEqual({ answer: 'missing' });
    expect(await lookup.directoryUsersByIdpId(directory.id, user.idpId ?? '')).toMatchObject({
      answer: 'found',
      data: { data: [] },
    });
    simulator.deleteDirectory(directory.id);
    expect(await lookup.directory(directory.id)).toEqual({ answer: 'missing' });
  });

  it.each([
    ['linked', 'found'],
    ['unlinked', 'missing'],
    ['validating', 'uncertain'],
    ['invalid_credentials', 'uncertain'],
  ] as const)('takes a directory that is %s for %s', async (state, answer) => {
    const { lookup, simulator, directory } = await acme();
    simulator.directoryState(directory.id, state);
    expect(await lookup.directory(directory.id)).toMatchObject({ answer });
  });

  it.each([
    ['a refused key', { status: 401, body: '{}' }],
    ['a forbidden call', { status: 403, body: '{}' }],
    ['a rate limit', { status: 429, body: '{}' }],
    ['an error', { status: 500, body: '{}' }],
    ['another shape', { status: 200, body: '{"object":"directory_user"}' }],
    ['no JSON', { status: 200, body: '<html>' }],
    ['no answer in time', null],
  ])('is uncertain after %s', async (_what, answer) => {
    const lookup = await answering(answer);
    expect(await lookup.directory('directory_1')).toEqual({ answer: 'uncertain' });
    expect(await lookup.directoryUser('directory_user_1')).toEqual({ answer: 'uncertain' });
    expect(await lookup.directoryUsersByIdpId('directory_1', 'idp')).toEqual({
      answer: 'uncertain',
    });
  });
});
