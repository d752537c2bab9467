import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, it } from '@jest/globals';

import { minimumNode, nodeProblem } from '../../platform/check-node.js';

const root = new URL('../../', import.meta.url);
const check = 'platform/check-node.js';

interface Manifest {
  scripts: Record<string, string>;
  engines: { node: string };
}
const manifest: Manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));

/** Runs the check as npm does, in a Node that says it is of another version. */
async function runAs(version: string): Promise<{ code: number; stderr: string }> {
  const pretend = `Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
  const args = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, check];
  try {
    const { stderr } = await promisify(execFile)(process.execPath, args, {
      cwd: fileURLToPath(root),
    });
    return { code: 0, stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, stderr };
  }
}

describe('the Node check', () => {
  it.each(['22.18.0', '22.20.1', '24.0.0', '26.1.0'])('accepts %s', (version) => {
    expect(nodeProblem(version)).toBeNull();
  });

  it.each(['20.20.2', '22.17.9', '18.0.0'])('refuses %s and says what to do', (version) => {
    expect(nodeProblem(version)).toContain(`this is Node ${version}`);
  });

  it('ends the process with 78 and one sentence, or lets it go on in silence', async () => {
    expect(await runAs('20.20.2')).toEqual({ code: 78, stderr: `${nodeProblem('20.20.2')}\n` });
    expect(await runAs('24.0.0')).toEqual({ code: 0, stderr: '' });
  });

  it('asks for what package.json asks for', () => {
    expect(manifest.engines.node).toBe(`>=${minimumNode.join('.')}`);
  });

  it('comes before every npm script in which Node runs a file of ours or the tests', () => {
    const scripts = Object.entries(manifest.scripts).filter(
      ([name, line]) => !name.startsWith('pre') && /\bnode .*\.(ts|js)\b/.test(line),
    );
    expect(scripts.length).toBeGreaterThan(8);
    const without = scripts.filter(([name]) => manifest.scripts[`pre${name}`] !== `node ${check}`);
    expect(without).toEqual([]);
  });

  it('is a file that a Node without TypeScript can run: plain, and it imports nothing', () => {
    expect(readFileSync(new URL(check, root), 'utf8')).not.toMatch(/\bimport\s*[('"{]/);
  });
});
