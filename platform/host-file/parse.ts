import { LineCounter, parseDocument, type YAMLError } from 'yaml';

import type { HostFile } from '../../domain/host-file.ts';
import { ConfigError } from '../config-error.ts';
import { complete } from './complete.ts';
import { knownKeys } from './known-keys.ts';
import { mistakesOf, written, type Mistake } from './mistakes.ts';
import { at, positionOf, type LocatedDocument } from './position.ts';
import { hostFileSchema, type ParsedHostFile } from './schema.ts';

/** A valid host file. `warnings` are for the log at start; they hold names of the file, never values of people. */
export interface HostFileResult {
  file: HostFile;
  warnings: string[];
}

/**
 * Reads the text of a host file.
 *
 * @param fileName how messages call it
 * @throws ConfigError listing every mistake with its line, column and path. Where the text is not even YAML,
 * only that is listed, since the rest would be guessed.
 */
export function parseHostFile(text: string, fileName: string): HostFileResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const located: LocatedDocument = { document, lines };
  const mistakes = document.errors.map((error) => syntaxMistake(error, located));
  // A key that is there twice leaves a tree that can be judged; other errors of syntax do not.
  const isTreeUsable = document.errors.every(({ code }) => code === 'DUPLICATE_KEY');
  const parsed = isTreeUsable ? judge(located, mistakes) : null;
  if (parsed === null || mistakes.length > 0) throw configError(mistakes, fileName);
  return { file: complete(parsed), warnings: warningsOf(parsed) };
}

/** The file of a deployment without `TENURE_CONFIG`: nothing of the host application is touched. */
export function minimalHostFile(): HostFileResult {
  return parseHostFile('version: 1\n', 'the minimal host file');
}

function judge(located: LocatedDocument, mistakes: Mistake[]): ParsedHostFile | null {
  const value = plainValue(located, mistakes);
  if (value === undefined) return null;
  const result = hostFileSchema.safeParse(value);
  if (!result.success) {
    const known = knownKeys();
    mistakes.push(...result.error.issues.flatMap((issue) => mistakesOf(issue, located, known)));
  }
  checkAcross(value, located, mistakes);
  return result.data ?? null;
}

/** An empty file counts as an empty map, so that it is told what is missing. */
function plainValue(located: LocatedDocument, mistakes: Mistake[]): object | undefined {
  const add = (problem: string): undefined => {
    mistakes.push({ position: { line: 1, column: 1 }, path: '', problem });
  };
  try {
    const value: unknown = located.document.toJS({ maxAliasCount: 100 }) ?? {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    return add('expected a map of settings, beginning with version: 1');
  } catch {
    return add('holds an alias without an anchor, or aliases that multiply beyond measure');
  }
}

/** The lists whose entries are told apart by a name. */
const named = [
  ['sessions', 'kind'],
  ['resources', 'kind'],
  ['notifications', 'id'],
] as const;

/** What no single part of the file can be blamed for. It looks at raw values, so it also runs on a broken file. */
function checkAcross(value: object, located: LocatedDocument, mistakes: Mistake[]): void {
  const add = (path: PropertyKey[], problem: string): void => {
    mistakes.push({ position: positionOf(located, path), path: written(path), problem });
  };
  for (const [section, name] of named) {
    for (const { index, value: twice } of repeats(listOf(value, section), name)) {
      add([section, index, name], `the ${name} ${JSON.stringify(twice)} is there twice`);
    }
  }
  const organizations = Object.entries(mapOf(value, 'organizations'));
  for (const [index, [workosId, hostId]] of organizations.entries()) {
    if (organizations.slice(0, index).some(([, earlier]) => earlier === hostId)) {
      add(['organizations', workosId], 'maps two organizations to one; their people would mix');
    }
  }
  const section = firstMongodbSection(value);
  if (section !== null && !Object.hasOwn(value, 'database')) {
    add(['database'], `is missing; ${section} needs the host application's database`);
  }
}

function firstMongodbSection(value: object): string | null {
  if (Object.hasOwn(value, 'users')) return 'users';
  const needs = (section: string): boolean =>
    listOf(value, section).some(
      (entry) => fieldOf(entry, 'connector') === 'mongodb' || section !== 'sessions',
    );
  return ['sessions', 'resources', 'personalData'].find(needs) ?? null;
}

function repeats(entries: unknown[], name: string): { index: number; value: string }[] {
  const values = entries.map((entry) => fieldOf(entry, name));
  return values.flatMap((value, index) =>
    typeof value === 'string' && values.indexOf(value) < index ? [{ index, value }] : [],
  );
}

function fieldOf(entry: unknown, name: string): unknown {
  if (typeof entry !== 'object' || entry === null) return undefined;
  return Object.entries(entry).find(([key]) => key === name)?.[1];
}

function listOf(value: object, section: string): unknown[] {
  const list = fieldOf(value, section);
  return Array.isArray(list) ? list : [];
}

function mapOf(value: object, section: string): object {
  const map = fieldOf(value, section);
  return typeof map === 'object' && map !== null && !Array.isArray(map) ? map : {};
}

/** How long somebody who left may still be let in is nothing to find out from an incident. */
const longLifeMs = 3_600_000;

function warningsOf(parsed: ParsedHostFile): string[] {
  return parsed.sessions.flatMap((source) =>
    source.connector === 'jwt' && source.maxAge > longLifeMs
      ? [
          `tokens of kind ${source.kind} (connector jwt) live for ${source.maxAge / 60_000} minutes: ` +
            'nothing ends them, so whoever leaves can use them for as long, unless an access check is asked.',
        ]
      : [],
  );
}

function syntaxMistake(error: YAMLError, { lines }: LocatedDocument): Mistake {
  const problem =
    error.code === 'DUPLICATE_KEY' ? 'the key is there twice' : `is not YAML: ${error.message}`;
  return { position: at(lines, error.pos[0]), path: '', problem };
}

function configError(mistakes: Mistake[], fileName: string): ConfigError {
  const sorted = mistakes.toSorted(
    (left, right) =>
      left.position.line - right.position.line || left.position.column - right.position.column,
  );
  return new ConfigError(
    sorted.map(({ position, path, problem }) => ({
      variable: `${fileName}:${position.line}:${position.column}${path === '' ? '' : ` ${path}`}`,
      problem,
      consequence: 'Tenure would act on the host application otherwise than was meant.',
    })),
  );
}
