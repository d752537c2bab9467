export { anchor } from './anchor.ts';
export { userLifecycle } from './user-lifecycle.ts';
