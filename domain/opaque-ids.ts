/**
 * Whether a text from outside may be the id of a user or of an organization. What holds an `@` or a space is an address
 * or a name: ids are written into Temporal, where they name workflows and stand in search attributes, and into logs,
 * and nothing there is ever erased. One rule for every way in which an id comes to Tenure.
 */
export function isOpaqueId(text: string): boolean {
  return text !== '' && text.length <= 255 && text.isWellFormed() && !/[\p{Cc}\s@]/u.test(text);
}
