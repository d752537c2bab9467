import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { freshStore } from './api-fixture.ts';
import { testServers } from '../support/servers.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
let host: string;
let database: Awaited<ReturnType<typeof freshStore>>;

/** A host application with nothing but the built package and the driver. */
beforeAll(async () => {
  database = await freshStore();
  host = await mkdtemp(join(tmpdir(), 'tenure-gate-package-'));
  const modules = join(host, 'node_modules');
  await run(process.execPath, [join(root, 'gate/build-package.ts'), join(modules, 'tenure-gate')]);
  for (const name of ['mongodb', 'koa', 'express', '@types']) {
    await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  await writeFile(join(host, 'package.json'), '{ "type": "module" }');
}, 120_000);

afterAll(async () => {
  await rm(host, { recursive: true, force: true });
  await database.drop();
});

describe('the package of the gate', () => {
  it('carries the gate and the rule that it decides by, and nothing else of Tenure', async () => {
    const { stdout } = await run('find', [join(host, 'node_modules/tenure-gate'), '-name', '*.js']);
    const files = stdout
      .trim()
      .split('\n')
      .map((path) => path.split('tenure-gate/')[1] ?? '');
    expect(files.toSorted()).toEqual([
      'domain/access-question.js',
      'domain/decide-access.js',
      'domain/link-keys.js',
      'domain/words.js',
      'gate/answer.js',
      'gate/create-gate.js',
      'gate/deadline.js',
      'gate/decide.js',
      'gate/express.js',
      'gate/guarding.js',
      'gate/koa.js',
      'gate/outage.js',
      'gate/primary.js',
      'gate/questions.js',
      'gate/read-cache.js',
    ]);
    const manifest = JSON.parse(
      await readFile(join(host, 'node_modules/tenure-gate/package.json'), 'utf8'),
    );
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest.peerDependencies).toEqual({ mongodb: expect.any(String) });
  });

  it('runs in a host application in JavaScript, and lets nobody in whom Tenure does not know', async () => {
    const program = `
      import { MongoClient } from 'mongodb';
      import { createGate, InvalidQuestion } from 'tenure-gate';
      import { koaGate } from 'tenure-gate/koa';
      import { expressGate } from 'tenure-gate/express';
      const client = new MongoClient(process.argv[2]);
      const gate = createGate({ db: client.db(process.argv[3]) });
      const question = { organizationId: 'org', action: 'write' };
      const error = await gate.check(question).catch((caught) => caught);
      console.log(JSON.stringify({
        reasons: [
          (await gate.check({ ...question, userId: 'open' })).reason,
          (await gate.check({ ...question, email: 'NOBODY@example.com' })).reason,
        ],
        isInvalid: error instanceof InvalidQuestion,
        kinds: [typeof koaGate({ gate }), typeof expressGate({ gate })],
      }));
      await client.close();`;
    await database.store.collections.gate.insertOne({
      _id: 'm',
      membershipId: 'm',
      userId: 'open',
      userIds: ['open'],
      organizationId: 'org',
      directoryUserIds: [],
      idpIds: [],
      emails: [],
      access: { state: 'open', reason: 'open' },
      roles: [],
      permissions: [],
      features: [],
    });
    const file = join(host, 'main.js');
    await writeFile(file, program);
    const { databaseName } = database.store.db;
    const { stdout } = await run(process.execPath, [file, testServers().mongodbUrl, databaseName]);
    expect(JSON.parse(stdout)).toEqual({
      reasons: ['open', 'unknown'],
      isInvalid: true,
      kinds: ['function', 'function'],
    });
  });

  it('has the types that a host application in TypeScript needs', async () => {
    const program = (reason: string): string => `
      import Koa from 'koa';
      import express from 'express';
      import type { Db } from 'mongodb';
      import { createGate, type GateAnswer } from 'tenure-gate';
      import { koaGate } from 'tenure-gate/koa';
      import { expressGate } from 'tenure-gate/express';
      export function guard(db: Db): void {
        const gate = createGate({ db, readCacheMs: 500 });
        const who = (userId: string) => ({ organizationId: 'org', userId });
        new Koa().use(koaGate<Koa.Context>({ gate, question: (ctx) => who(ctx.get('x')) }));
        express().use(expressGate({ gate, question: (req: express.Request) => who(req.get('x') ?? '') }));
      }
      export const isOut = ({ reason }: GateAnswer): boolean => reason === ${reason};`;
    await writeFile(
      join(host, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          module: 'nodenext',
          noEmit: true,
          types: ['node'],
          skipLibCheck: true,
        },
      }),
    );
    const compile = async (text: string): Promise<string> => {
      await writeFile(join(host, 'guard.ts'), text);
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      return run(process.execPath, [tsc, '-p', host]).then(
        () => '',
        (failed: { stdout: string }) => failed.stdout,
      );
    };
    expect(await compile(program(`'unavailable'`))).toBe('');
    expect(await compile(program(`'unreachable'`))).toContain('TS2367');
  }, 120_000);
});
