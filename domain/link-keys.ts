/**
 * The form in which two e-mail addresses or usernames are compared when a directory user is seen for the
 * first time: trimmed, Unicode NFC, lower case. Nothing else is folded: no plus tags, no dots, no
 * look-alike letters (a Cyrillic "a" is another letter), because folding merges strangers.
 * Returns null for what is empty.
 */
export function linkKey(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const key = text.trim().normalize('NFC').toLowerCase();
  return key === '' ? null : key;
}

/** The keys by which a person may be found, without repetitions and nothing empty. */
export function linkKeys(person: { email: string | null; username: string | null }): string[] {
  const keys = [linkKey(person.email), linkKey(person.username)];
  return [...new Set(keys.filter((key) => key !== null))];
}
