/** The task queue of the smallest possible lifecycle. */
export const floorQueue = 'floor-lifecycle';
