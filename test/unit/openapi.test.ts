import { readFile } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';

import { createOpenApiDocument } from '../../api/openapi.ts';
import { routes } from '../../api/routes/index.ts';

describe('openapi.json', () => {
  it('is what the routes say; `npm run openapi` writes it anew', async () => {
    const file = await readFile(new URL('../../openapi.json', import.meta.url), 'utf8');
    expect(JSON.parse(file)).toEqual(JSON.parse(JSON.stringify(createOpenApiDocument(routes))));
  });

  it('names each operation once', () => {
    const document = JSON.stringify(createOpenApiDocument(routes));
    const ids = [...document.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(routes.length);
    expect(new Set(ids).size).toBe(routes.length);
  });
});
