import { readdir, readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Runtime, Worker } from '@temporalio/worker';

import { quietTemporal } from '../support/quiet-temporal.ts';
import { testServers } from '../support/servers.ts';

const directory = new URL('histories/', import.meta.url);
const files = (await readdir(directory)).filter((file) => file.endsWith('.json'));

/** Every string of a history, and what its payloads say in plain. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value, Buffer.from(value, 'base64').toString('utf8')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

describe('the histories recorded from earlier runs', () => {
  const bundle = { codePath: testServers().workflowBundle ?? '' };

  beforeAll(() => {
    quietTemporal();
  });

  afterAll(async () => Runtime.instance().shutdown());

  it('cover the main shapes of a lifecycle, the poller and a comparison', () => {
    const shapes = new Set(files.map((file) => file.replace(/(-\d)?\.json$/, '')));
    for (const shape of [
      'join',
      'update',
      'leave-and-anonymize',
      'return',
      'blocked',
      'commands',
      'failing-step',
      'revoked-elsewhere',
      'revoked-beside-step',
      // Of a run that let a closing wait for its step; no code of today records it.
      'closed-during-step',
      'events-poller',
      'reconcile-directory',
      'deliver-notifications',
    ]) {
      expect(shapes).toContain(shape);
    }
  });

  it.each(files)('replay on the code of today: %s', async (file) => {
    const history: unknown = JSON.parse(await readFile(new URL(file, directory), 'utf8'));
    await expect(
      Worker.runReplayHistory({ workflowBundle: bundle }, history, `user-lifecycle/${file}`),
    ).resolves.toBeUndefined();
  });

  it('would not replay on code that decides differently', async () => {
    const text = await readFile(new URL('leave-and-anonymize-1.json', directory), 'utf8');
    const other = text.replaceAll('"revokeSessions"', '"projectUser"');
    expect(other).not.toBe(text);
    await expect(
      Worker.runReplayHistory({ workflowBundle: bundle }, JSON.parse(other)),
    ).rejects.toThrow(/[Nn]ondeterminism/);
  });

  it.each(files)('hold no personal data and nothing of the machine: %s', async (file) => {
    const texts = textsIn(JSON.parse(await readFile(new URL(file, directory), 'utf8'))).map(
      (text) => text.replace(/^@temporalio\/worker@/, ''),
    );
    expect(texts.length).toBeGreaterThan(100);
    const told = texts.filter((text) =>
      /canary|lovelace|example\.com|\/node_modules\/|@/i.test(text),
    );
    // A payload's bytes may happen to contain any character; what is decoded is only judged where it is text.
    expect(told.filter((text) => /^[\x20-\x7e\s]*$/.test(text))).toEqual([]);
  });
});
