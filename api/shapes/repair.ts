/** What an admin does about an event in quarantine, by the code of what was wrong with it. */
const byCode: Record<string, string> = {
  edgeAcrossDirectories:
    'The person and the group are of two directories. Put the person into the group in their own ' +
    'directory, or map the group of their directory: WorkOS sends a new event, which takes the place of this one.',
  invalid_time:
    'The event has no time, so its order is not known. Compare the directory with WorkOS: ' +
    'POST /v1/directories/{id}/reconcile reads what the event would have said; then discard this one.',
};

const ids =
  'WorkOS sent no usable id here, which no change in the directory corrects. Compare the directory ' +
  '(POST /v1/directories/{id}/reconcile), which reads what the event would have said, tell the support ' +
  'of WorkOS the id of the event, and discard it.';

const attributes =
  'Correct the attribute mapping in the WorkOS dashboard: `custom_attributes` must be names with plain ' +
  'values. WorkOS sends every person of the directory anew; then discard this event.';

const usual =
  'Correct the record in the directory: WorkOS sends a new event, which takes the place of this one; ' +
  'then discard this one. After an upgrade of Tenure that understands it, retry it.';

/** The repair of one problem: by its code, else by the place where it is. */
export function repairOfProblem({ path, code }: { path: string; code: string }): string {
  const repair = byCode[code];
  if (repair !== undefined) return repair;
  if (/(^|\.)(id|directory_id|organization_id|idp_id)$/.test(path)) return ids;
  if (/(^|\.)custom_attributes(\.|$)/.test(path)) return attributes;
  return usual;
}

/** The repair of an event with these problems: that of the first one whose repair is not the usual one. */
export function repairOf(problems: readonly { path: string; code: string }[]): string {
  return problems.map(repairOfProblem).find((repair) => repair !== usual) ?? usual;
}
