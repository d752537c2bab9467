import { Counter, Gauge, type Registry } from 'prom-client';

/** How the notifications of the host application fare. */
export interface NotificationMetrics {
  /** An endpoint was told, or not. `dead`: it is not tried any more. */
  notified(outcome: 'delivered' | 'failed' | 'dead'): void;
  /** NaN where MongoDB does not answer. */
  setNotifications(counted: { dead: number; oldestSeconds: number }): void;
}

export function notificationMetrics(registers: Registry[]): NotificationMetrics {
  const notified = new Counter({
    name: 'tenure_notifications_total',
    help: 'Tries to notify an endpoint of the host application by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const dead = new Gauge({
    name: 'tenure_notifications_dead',
    help: 'Notifications that no endpoint took within three days.',
    registers,
  });
  const oldest = new Gauge({
    name: 'tenure_notifications_pending_oldest_seconds',
    help: 'For how long the oldest notification has been waiting to be delivered.',
    registers,
  });
  return {
    notified: (outcome) => notified.inc({ outcome }),
    setNotifications(counted) {
      dead.set(counted.dead);
      oldest.set(counted.oldestSeconds);
    },
  };
}
