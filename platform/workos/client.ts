import { WorkOS, type WorkOSOptions } from '@workos-inc/node';

/** How WorkOS is reached. */
export interface WorkosAccess {
  apiKey: string;
  /** A counterpart other than the real WorkOS; null: the real one. */
  apiUrl: string | null;
  /** After how long one request counts as unanswered, milliseconds. */
  timeoutMs: number;
}

/**
 * The official client. It never repeats by itself: whoever asks repeats with pauses of their own, and the
 * client's would only hide how often.
 */
export function createWorkos(
  { apiKey, apiUrl, timeoutMs }: WorkosAccess,
  options: Pick<WorkOSOptions, 'fetchFn'> = {},
): WorkOS {
  return new WorkOS(apiKey, {
    ...endpoint(apiUrl),
    ...options,
    timeout: timeoutMs,
    maxRetries: 0,
    appInfo: { name: 'tenure', version: '0.1.0' },
  });
}

function endpoint(apiUrl: string | null): Pick<WorkOSOptions, 'apiHostname' | 'port' | 'https'> {
  if (apiUrl === null) return {};
  const url = new URL(apiUrl);
  return {
    apiHostname: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    https: url.protocol === 'https:',
  };
}
