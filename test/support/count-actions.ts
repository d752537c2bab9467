import type { temporal } from '@temporalio/proto';

type Event = temporal.api.history.v1.IHistoryEvent;

/**
 * How many billable Actions the events of a history stand for, as Temporal Cloud defines them: a start
 * (with or without a signal, and every continue-as-new, whose cost is the start of the next run), each
 * further signal, each attempt of an activity, each timer, each write of search attributes, each Update.
 *
 * Local activities are counted apart, by {@link countLocalActivityTasks}.
 */
export function countActions(events: readonly Event[]): number {
  return events.reduce((sum, event) => sum + actionsOf(event), 0) - signalsOfStarts(events);
}

/**
 * Workflow tasks that recorded local activities: Temporal Cloud bills all of one task together as one
 * Action. A self-hosted server does not notice them.
 */
export function countLocalActivityTasks(events: readonly Event[]): number {
  const tasks = events.flatMap((event) => {
    const marker = event.markerRecordedEventAttributes;
    return marker?.markerName === 'core_local_activity'
      ? [String(marker.workflowTaskCompletedEventId)]
      : [];
  });
  return new Set(tasks).size;
}

function actionsOf(event: Event): number {
  if (event.activityTaskStartedEventAttributes != null) {
    return event.activityTaskStartedEventAttributes.attempt ?? 1;
  }
  const isAction =
    event.workflowExecutionStartedEventAttributes != null ||
    event.workflowExecutionSignaledEventAttributes != null ||
    event.timerStartedEventAttributes != null ||
    event.upsertWorkflowSearchAttributesEventAttributes != null ||
    event.workflowExecutionUpdateAcceptedEventAttributes != null;
  return isAction ? 1 : 0;
}

/** `signalWithStart` is one Action: its signal stands next to the start. */
function signalsOfStarts(events: readonly Event[]): number {
  return events.filter(
    (event, index) =>
      event.workflowExecutionSignaledEventAttributes != null &&
      events[index - 1]?.workflowExecutionStartedEventAttributes != null,
  ).length;
}
