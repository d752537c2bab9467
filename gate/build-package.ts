import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `npm run build:gate [-- directory]`: writes the package `tenure-gate` to `dist/gate`, as JavaScript with types,
 * for `npm pack` or a registry of one's own. Node strips types outside `node_modules` only, so a host application
 * cannot install the sources.
 */
const root = fileURLToPath(new URL('../', import.meta.url));
const directory = process.argv[2] ?? join(root, 'dist/gate');

rmSync(directory, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'gate'), '--outDir', directory],
  { stdio: 'inherit' },
);

const { version, license }: { version: string; license: string } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const entry = (name: string): object => ({
  types: `./gate/${name}.d.ts`,
  default: `./gate/${name}.js`,
});
const manifest = {
  name: 'tenure-gate',
  version,
  license,
  description: "Asks Tenure's gate from inside a host application: may this person act here, now?",
  type: 'module',
  exports: { '.': entry('create-gate'), './koa': entry('koa'), './express': entry('express') },
  peerDependencies: { mongodb: '>=6.13' },
  engines: { node: '>=20' },
};
writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(join(root, 'LICENSE'), join(directory, 'LICENSE'));
