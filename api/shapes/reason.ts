/** The text of a reason by its id; null where none was given, or it was erased with the person. */
export type ReasonText = (reasonId: string | null) => string | null;
