import '../platform/check-node.js';

import { writeFile } from 'node:fs/promises';

import { createOpenApiDocument } from './openapi.ts';
import { routes } from './routes/index.ts';

/** Writes `openapi.json`. A test fails when the file is older than the routes. */
const file = new URL('../openapi.json', import.meta.url);
await writeFile(file, `${JSON.stringify(createOpenApiDocument(routes), null, 2)}\n`);
