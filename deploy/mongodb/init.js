// Run by mongosh as root, at every start: forms the replica set and makes Tenure's own user. Calling it again
// changes nothing but the user's password and roles, so that a rotation is a restart of `mongodb-init`.

const member = 'mongodb:27017';

try {
  rs.status();
} catch (error) {
  if (error.codeName !== 'NotYetInitialized') throw error;
  rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: member }] });
}

const deadline = Date.now() + 60_000;
while (!db.hello().isWritablePrimary) {
  if (Date.now() > deadline) throw new Error('no primary within a minute');
  sleep(250);
}

// Tenure owns its database (indexes, validators, the gate's view) and writes rows in the host application's.
const user = {
  pwd: process.env.TENURE_MONGODB_PASSWORD,
  roles: [
    { role: 'readWrite', db: 'tenure' },
    { role: 'dbAdmin', db: 'tenure' },
    { role: 'readWrite', db: process.env.HOST_DATABASE },
  ],
};
const admin = db.getSiblingDB('admin');
if (admin.getUser('tenure') === null) admin.createUser({ user: 'tenure', ...user });
else admin.updateUser('tenure', user);

// For a host application that asks the gate itself (docs/gate.md): to read one view, nothing else. A user with
// this role is the operator's to make.
const gateRole = {
  privileges: [{ resource: { db: 'tenure', collection: 'gate_v1' }, actions: ['find'] }],
  roles: [],
};
const tenure = db.getSiblingDB('tenure');
if (tenure.getRole('tenureGate') === null) tenure.createRole({ role: 'tenureGate', ...gateRole });
else tenure.updateRole('tenureGate', gateRole);
