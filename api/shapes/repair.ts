/** What an admin does about an event in quarantine, by the code of what was wrong with it. */
const repairs: Record<string, string> = {
  edgeAcrossDirectories:
    'The person and the group are of two directories. Put the person into the group in their own ' +
    'directory, or map the group of their directory: WorkOS sends a new event, which takes the place of this one.',
  invalid_time:
    'The event has no time, so its order is not known. Compare the directory with WorkOS: ' +
    'POST /v1/directories/{id}/reconcile reads what the event would have said.',
};

const usualRepair =
  'Correct the record in the directory: WorkOS sends a new event, which takes the place of this one.';

/** The repair of an event with these problems: that of the first one that has its own. */
export function repairOf(problems: readonly { code: string }[]): string {
  for (const { code } of problems) {
    const repair = repairs[code];
    if (repair !== undefined) return repair;
  }
  return usualRepair;
}
