/**
 * Characters that Unicode itself folds into another, plain one when it normalizes or lower-cases: the Kelvin
 * sign into `k`, the Greek question mark into `;`, the Greek varia into a backtick. They look alike and are
 * not what the other person typed, so they stay what they are.
 */
const foldingIntoAscii = /[\u037E\u1FEF\u212A]/;
const runsBetween = /[^\u037E\u1FEF\u212A]+/g;

/**
 * The form in which two e-mail addresses or usernames are compared when a directory user is seen for the
 * first time: outer blanks removed, Unicode NFC, lower case by Unicode's rules (never a language's). Nothing
 * else is folded: no plus tags, no dots, no look-alike letters (a Cyrillic "a" is another letter, a full
 * width "a" too), no `ss` for `ß`, no domain in Punycode for the same in Unicode, because folding merges
 * strangers. Invisible characters inside an address make it another one.
 *
 * The whole address is compared without case, also the part before the `@`: by RFC 5321 it belongs to the
 * receiving host, but directories change its case at will, and no company gives `Ada@` and `ada@` to two people.
 *
 * Returns null for what is empty.
 */
export function linkKey(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  const trimmed = text.trim();
  const key = foldingIntoAscii.test(trimmed)
    ? trimmed.replace(runsBetween, folded)
    : folded(trimmed);
  return key === '' ? null : key;
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** The keys by which a person may be found, without repetitions and nothing empty. */
export function linkKeys(person: { email: string | null; username: string | null }): string[] {
  const keys = [linkKey(person.email), linkKey(person.username)];
  return [...new Set(keys.filter((key) => key !== null))];
}
