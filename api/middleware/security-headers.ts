import type Koa from 'koa';

/** Answers hold people's data and are for programs: nothing is cached, sniffed, framed or executed. */
export async function securityHeaders(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  ctx.set({
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  await next();
}
