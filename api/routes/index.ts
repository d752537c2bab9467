import type { Route } from '../route.ts';
import { receiveWebhook } from '../webhooks/receive-webhook.ts';
import { checkAccessRoute } from './access-checks.ts';
import { cancelDeletionsRoute } from './cancel-deletions.ts';
import { commandRoutes } from './commands.ts';
import { listDirectoriesRoute, reconcileDirectoryRoute } from './directories.ts';
import { listDirectoryGroupsRoute } from './directory-groups.ts';
import { dryRunRoute } from './dry-run.ts';
import {
  approveGuardRoute,
  getGuardRoute,
  listGuardedRoute,
  listGuardsRoute,
  rejectGuardRoute,
} from './guards.ts';
import { globalTokenRevocationRoute } from './global-token-revocation.ts';
import { liveRoute, metricsRoute, readyRoute } from './health.ts';
import { listHoldsRoute, placeHoldRoute, releaseHoldRoute } from './holds.ts';
import { importUsersRoute } from './import-users.ts';
import { listLinkRequestsRoute, resolveLinkRequestRoute, unlinkRoute } from './link-requests.ts';
import { logInRoute } from './logins.ts';
import { getMembershipRoute, getTimelineRoute } from './memberships.ts';
import { listNoticesRoute } from './notices.ts';
import { listNotificationsRoute, replayNotificationRoute } from './notifications.ts';
import { observationsRoute } from './observations.ts';
import { openApiRoute } from './openapi.ts';
import { getPolicyRoute, putPolicyRoute } from './policy.ts';
import { getProviderSwitchRoute, putProviderSwitchRoute } from './provider-switch.ts';
import {
  discardQuarantinedRoute,
  listQuarantineRoute,
  retryQuarantinedRoute,
} from './quarantine.ts';
import { getRoleMappingsRoute, putRoleMappingsRoute } from './role-mappings.ts';
import { searchUsersRoute } from './search-users.ts';
import { getUserRoute, listUsersRoute } from './users.ts';

/** Every call of the API. */
export const routes: readonly Route[] = [
  receiveWebhook,
  checkAccessRoute,
  logInRoute,
  listUsersRoute,
  importUsersRoute,
  searchUsersRoute,
  getUserRoute,
  getMembershipRoute,
  getTimelineRoute,
  ...commandRoutes,
  globalTokenRevocationRoute,
  listHoldsRoute,
  placeHoldRoute,
  releaseHoldRoute,
  getPolicyRoute,
  putPolicyRoute,
  dryRunRoute,
  observationsRoute,
  cancelDeletionsRoute,
  getProviderSwitchRoute,
  putProviderSwitchRoute,
  getRoleMappingsRoute,
  putRoleMappingsRoute,
  listDirectoriesRoute,
  listDirectoryGroupsRoute,
  reconcileDirectoryRoute,
  listGuardsRoute,
  getGuardRoute,
  listGuardedRoute,
  approveGuardRoute,
  rejectGuardRoute,
  listLinkRequestsRoute,
  resolveLinkRequestRoute,
  unlinkRoute,
  listQuarantineRoute,
  retryQuarantinedRoute,
  discardQuarantinedRoute,
  listNoticesRoute,
  listNotificationsRoute,
  replayNotificationRoute,
  liveRoute,
  readyRoute,
  metricsRoute,
  openApiRoute(() => routes),
];
