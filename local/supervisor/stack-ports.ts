import { readJsonObject, writeJsonFile } from './json-file.ts';
import { choosePort, describePortOwner, isPortFree } from './ports.ts';

/** The ports of the embedded stack on 127.0.0.1. */
export interface StackPorts {
  readonly api: number;
  readonly mongod: number;
  readonly temporal: number;
  readonly temporalUi: number;
  readonly simulator: number;
  /** Health and metrics of the worker. */
  readonly worker: number;
}

/** Not MongoDB's own 27017: a developer's own mongod often has it. */
const defaults = {
  mongod: 27_117,
  temporal: 7_233,
  temporalUi: 8_233,
  simulator: 8_100,
  worker: 8_081,
} as const;

const defaultApiPort = 8_080;

/** The port that was promised to the user cannot be had. The message names who has it. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}

/**
 * Chooses the ports. The API's is promised (`PORT`, else 8080): taken means an error. The others are the
 * ones of the last start, else their defaults, else any free ones; they are remembered in `path`.
 *
 * @throws PortTakenError
 */
export async function choosePorts(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<StackPorts> {
  const api = apiPort(env['PORT']);
  if (!(await isPortFree(api))) {
    const owner = await describePortOwner(api);
    throw new PortTakenError(
      `Port ${api}, which the API needs, is taken by ${owner}. End that process, or choose another port: PORT=8081 npm start`,
    );
  }
  const remembered = readJsonObject(path);
  const taken = new Set([api]);
  const choose = async (name: keyof typeof defaults): Promise<number> => {
    const old = remembered[name];
    const port = await choosePort(
      [typeof old === 'number' ? old : undefined, defaults[name]],
      taken,
    );
    taken.add(port);
    return port;
  };
  const ports = {
    mongod: await choose('mongod'),
    temporal: await choose('temporal'),
    temporalUi: await choose('temporalUi'),
    simulator: await choose('simulator'),
    worker: await choose('worker'),
  };
  writeJsonFile(path, ports);
  return { api, ...ports };
}

function apiPort(text: string | undefined): number {
  if (!text) return defaultApiPort;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new PortTakenError(`PORT must be a port number between 1 and 65535, not "${text}".`);
}
