/** What an admin should know of. */
export type NoticeCode =
  | 'looksAlike'
  | 'unknownRemoval'
  | 'directoryDeleted'
  | 'returnAfterErasure'
  | 'unannouncedDirectory'
  | 'linkRequested'
  | 'eventQuarantined'
  | 'guardOpened'
  | 'directoryState'
  | 'organizationDeleted'
  | 'edgeAcrossDirectories'
  | 'reconciled'
  | 'hostRefused'
  | 'revocationOverdue'
  | 'reactivationRefused'
  | 'ssoIdentityDiffers'
  | 'hostUserIdDiffers';
