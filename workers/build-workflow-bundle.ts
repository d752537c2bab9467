import { mkdir, writeFile } from 'node:fs/promises';

import { bundleWorkflows } from './workflow-bundle.ts';

/** `npm run bundle`: writes `dist/workflow-bundle.js`, without which a production worker refuses to start. */
await mkdir(new URL('../dist/', import.meta.url), { recursive: true });
await writeFile(new URL('../dist/workflow-bundle.js', import.meta.url), await bundleWorkflows());
