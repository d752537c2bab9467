import { isAlias, isMap, isScalar, isSeq, type Document, type LineCounter, type Node } from 'yaml';

/** A place in a file, counted from 1. */
export interface Position {
  line: number;
  column: number;
}

/** A YAML document with the means to say where something stands in it. */
export interface LocatedDocument {
  document: Document.Parsed;
  lines: LineCounter;
}

type Path = readonly PropertyKey[];

/**
 * Where the value at `path` stands. Something that is missing is found at the place where it should have
 * been: the nearest thing around it.
 */
export function positionOf(located: LocatedDocument, path: Path): Position {
  let node: Node | null = located.document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    const next = child(located, node, step);
    if (next === null) break;
    offset = next.value?.range?.[0] ?? next.key?.range?.[0] ?? offset;
    node = next.value;
  }
  return at(located.lines, offset);
}

/** Where the key `name` of the map at `path` stands. */
export function positionOfKey(located: LocatedDocument, path: Path, name: string): Position {
  let node: Node | null = located.document.contents;
  for (const step of path) node = child(located, node, step)?.value ?? null;
  const offset = child(located, node, name)?.key?.range?.[0];
  return offset === undefined ? positionOf(located, path) : at(located.lines, offset);
}

/** Whether anything at all is written at `path`. */
export function isWritten(located: LocatedDocument, path: Path): boolean {
  let node: Node | null = located.document.contents;
  for (const step of path) {
    const next = child(located, node, step);
    if (next === null) return false;
    node = next.value;
  }
  return true;
}

function child(
  located: LocatedDocument,
  parent: Node | null,
  step: PropertyKey,
): { key: Node | null; value: Node | null } | null {
  const node = isAlias(parent) ? (parent.resolve(located.document) ?? null) : parent;
  if (isSeq<Node>(node)) {
    const item = node.items[Number(step)];
    return item === undefined ? null : { key: null, value: item };
  }
  if (!isMap<Node, Node | null>(node)) return null;
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  return pair === undefined ? null : { key: pair.key, value: pair.value };
}

/** The position of a character offset of the text. */
export function at(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
