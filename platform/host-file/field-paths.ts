/**
 * Two of the dotted paths that are the same or of which one lies inside the other, or null. An update that
 * names both is refused by MongoDB, at the worst time: in the middle of a revocation or an erasure.
 */
export function overlapping(paths: readonly string[]): [string, string] | null {
  const sorted = paths.map((path) => `${path}.`).toSorted();
  for (const [index, path] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next?.startsWith(path) === true) return [path.slice(0, -1), next.slice(0, -1)];
  }
  return null;
}

/** Whether one of `changed` is, holds or lies inside one of the fields that must stay as they are. */
export function touches(changed: readonly string[], kept: readonly string[]): boolean {
  return changed.some((path) => kept.some((other) => overlapping([path, other]) !== null));
}
