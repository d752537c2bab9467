/**
 * Turns jest's JSON report and the exit codes of the steps into the last line of the run.
 *
 * Usage: node .ci/summarize.mjs <jest report> <steps.tsv>
 *
 * Everything that is not a passed test counts as failed: a suite that failed without a failed test of its own
 * (it did not compile, or its afterAll threw), a report that is missing or cannot be read, a run in which no
 * test passed, a test step that failed although its report does not say why, every other step that failed.
 * Plain JavaScript without dependencies: it must run where `npm ci` did not succeed.
 */
import { readFileSync } from 'node:fs';

const [reportPath, stepsPath] = process.argv.slice(2);
const problems = [];
let passed = 0;
let failed = 0;
let skipped = 0;

const fail = (reason) => {
  failed += 1;
  problems.push(reason);
};

const read = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

const readReport = () => {
  const text = read(reportPath);
  if (text === undefined) return fail('the test report is missing');
  let report;
  try {
    report = JSON.parse(text);
  } catch {
    return fail('the test report is not JSON');
  }
  if (report === null || !Array.isArray(report.testResults)) {
    return fail('the test report is not one of jest');
  }
  for (const suite of report.testResults) {
    const tests = Array.isArray(suite.assertionResults) ? suite.assertionResults : [];
    const bad = tests.filter(({ status }) => status === 'failed');
    passed += tests.filter(({ status }) => status === 'passed').length;
    skipped += tests.filter(({ status }) => !['passed', 'failed'].includes(status)).length;
    for (const test of bad) fail(`${suite.name}: ${test.fullName}`);
    if (suite.status === 'failed' && bad.length === 0)
      fail(`${suite.name}: the suite itself failed`);
  }
  if (passed === 0 && failed === 0) fail('no test ran');
  if (report.wasInterrupted === true) fail('the test run was interrupted');
  if (report.success !== true && failed === 0) fail('jest says that the run failed');
};

readReport();

const steps = (read(stepsPath) ?? '')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.split('\t'));
if (steps.length === 0) fail('no step ran');
for (const [name, code] of steps) {
  // The failures of the test step are in its report; it counts by itself only where the report is silent.
  if (code !== '0' && (name !== 'test' || failed === 0)) fail(`step ${name}: exit code ${code}`);
}

console.log('');
for (const problem of problems) console.log(`FAILED: ${problem}`);
if (skipped > 0) console.log(`${skipped} skipped or todo, not counted`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
