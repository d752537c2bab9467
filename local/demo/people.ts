/** The demo's directories and the people in them. All of them are invented; `.example` belongs to nobody. */
export interface DemoPerson {
  name: string;
  /** Handle of the manager in the same directory. */
  manager?: string;
  department: string;
  jobTitle: string;
  groups: string[];
}

export interface DemoDirectory {
  handle: string;
  name: string;
  type: string;
  inactiveUsers: 'deleted' | 'updated';
  groups: string[];
  /** What being in a group gives in the product, by the group's name; a group that is not here gives nothing. */
  gives: Record<string, DemoGrants>;
  /** By handle. */
  people: Record<string, DemoPerson>;
}

/** Names of the demo product's roles, permissions and features. */
export interface DemoGrants {
  roles: string[];
  permissions?: string[];
  features?: string[];
}

export interface DemoOrganization {
  handle: string;
  name: string;
  domain: string;
  directories: DemoDirectory[];
}

function person(
  name: string,
  jobTitle: string,
  department: string,
  groups: string[],
  manager?: string,
): DemoPerson {
  return { name, jobTitle, department, groups, ...(manager === undefined ? {} : { manager }) };
}

const okta: DemoDirectory = {
  handle: 'okta',
  name: 'Acme Okta',
  type: 'okta scim v2.0',
  inactiveUsers: 'deleted',
  groups: ['Everyone', 'Engineering', 'Admins'],
  gives: {
    Everyone: { roles: ['member'], permissions: ['projects:read'] },
    Engineering: { roles: ['editor'], permissions: ['projects:write'], features: ['api-access'] },
    Admins: { roles: ['admin'], permissions: ['projects:write', 'members:manage'] },
  },
  people: {
    grace: person('Grace Okafor', 'VP Engineering', 'Engineering', ['Everyone', 'Admins']),
    ada: person(
      'Ada Lindqvist',
      'Staff Engineer',
      'Engineering',
      ['Everyone', 'Engineering'],
      'grace',
    ),
    linus: person('Linus Moreau', 'Engineer', 'Engineering', ['Everyone', 'Engineering'], 'ada'),
    mei: person('Mei Tanaka', 'Engineer', 'Engineering', ['Everyone', 'Engineering'], 'ada'),
    pavel: person('Pavel Novak', 'Engineer', 'Engineering', ['Everyone', 'Engineering'], 'ada'),
    ines: person('Inês Duarte', 'Designer', 'Design', ['Everyone'], 'grace'),
    tom: person('Tom Baker', 'Account Manager', 'Sales', ['Everyone'], 'grace'),
    yara: person('Yara Haddad', 'Support Lead', 'Support', ['Everyone', 'Admins'], 'grace'),
    bo: person('Bo Eriksen', 'Support Agent', 'Support', ['Everyone'], 'yara'),
    kofi: person('Kofi Mensah', 'Support Agent', 'Support', ['Everyone'], 'yara'),
  },
};

const bamboohr: DemoDirectory = {
  handle: 'bamboohr',
  name: 'Acme BambooHR',
  type: 'bamboohr',
  inactiveUsers: 'deleted',
  groups: ['Warehouse'],
  gives: { Warehouse: { roles: ['picker'], features: ['scanner'] } },
  people: {
    // Also in Okta: both records stand behind one person, who leaves only when both are gone.
    grace: person('Grace Okafor', 'VP Engineering', 'Engineering', []),
    rosa: person('Rosa Delgado', 'Warehouse Lead', 'Operations', ['Warehouse']),
    sven: person('Sven Hartmann', 'Picker', 'Operations', ['Warehouse'], 'rosa'),
    aiko: person('Aiko Mori', 'Picker', 'Operations', ['Warehouse'], 'rosa'),
    leo: person('Leo Ferrari', 'Driver', 'Operations', [], 'rosa'),
  },
};

const entra: DemoDirectory = {
  handle: 'entra',
  name: 'Sandbox Entra ID',
  type: 'azure scim v2.0',
  inactiveUsers: 'updated',
  groups: ['Testers'],
  gives: { Testers: { roles: ['tester'], permissions: ['projects:read'] } },
  people: {
    nadia: person('Nadia Rahman', 'Head of QA', 'Quality', ['Testers']),
    omar: person('Omar Castillo', 'Tester', 'Quality', ['Testers'], 'nadia'),
    vera: person('Vera Ilic', 'Tester', 'Quality', ['Testers'], 'nadia'),
    hugo: person('Hugo Lambert', 'Tester', 'Quality', ['Testers'], 'nadia'),
    suki: person('Suki Park', 'Tester', 'Quality', [], 'nadia'),
    finn: person('Finn Keane', 'Intern', 'Quality', [], 'vera'),
  },
};

/** The customers of the demo. The second one is a sandbox, where the cooling-off takes seconds. */
export const demoOrganizations: DemoOrganization[] = [
  { handle: 'acme', name: 'Acme', domain: 'acme.example', directories: [okta, bamboohr] },
  { handle: 'sandbox', name: 'Acme Sandbox', domain: 'sandbox.example', directories: [entra] },
];
