/**
 * Why the host application's database refuses a write for good: trying again changes nothing until somebody
 * changes the data or the host file.
 *
 * - `duplicate`: a unique index of the host holds the value for another document (an e-mail in use).
 * - `path`: a dotted field leads through something that is no document (`profile.email` where `profile` is null).
 * - `id`: the host file says that ids are ObjectIds and this id is none, so no document may be created with it.
 */
export type HostConflictCode = 'duplicate' | 'path' | 'id';

/**
 * Thrown when the host application's database refuses a write. Holds the collection and the names of the
 * fields, never a value: the driver's own error quotes the e-mail, so it is not kept as the cause either.
 */
export class HostConflict extends Error {
  override readonly name = 'HostConflict';
  readonly code: HostConflictCode;
  readonly collection: string;
  /** The fields of the unique index, for `duplicate`; else empty. */
  readonly fields: string[];

  constructor(code: HostConflictCode, collection: string, fields: string[] = []) {
    const where = fields.length === 0 ? '' : ` (${fields.join(', ')})`;
    super(`The host application's collection ${collection} refuses the write: ${code}${where}`);
    this.code = code;
    this.collection = collection;
    this.fields = fields;
  }
}
