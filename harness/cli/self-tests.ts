/** The harness's own tests: AVA's TAP is kept, and tap-junit makes JUnit of it. */
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { execa } from 'execa'
import { dieWithParent } from '../../qemu/process.ts'
import { LabError } from '../errors.ts'
import { root } from './paths.ts'
import { killRestOfGroup } from './process-group.ts'
import { makeResultsFolder } from './run-folder.ts'

export type Counts = { passed: number; failed: number; skipped: number }

const bin = (...parts: string[]) => join(root, 'node_modules', ...parts)

/** Runs AVA over the tests that lie beside the code and tells `print` of each. Throws LabError when it ran none. */
export async function runSelfTests(
  results: string,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<Counts> {
  const folder = join(results, 'self-tests')
  makeResultsFolder(folder)
  const ava = [process.execPath, bin('ava', 'entrypoints', 'cli.js'), '--tap']
  const child = execa(...dieWithParent(ava), {
    cwd: root,
    stdin: 'ignore',
    stderr: 'inherit',
    buffer: false,
    reject: false,
    detached: true,
    cancelSignal: signal,
  })
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const file = createWriteStream(join(folder, 'self-tests.tap'))
  let lost: Error | undefined
  file.on('error', (error) => {
    lost ??= error
  })
  for await (const line of createInterface({ input: child.stdout })) {
    // Escape sequences and other control characters make XML that no reader takes.
    const clean = line.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '?')
    file.write(`${clean}\n`)
    countLine(clean, counts, print)
  }
  file.end()
  await finished(file).catch(() => {})
  const { exitCode } = await child
  killRestOfGroup(child.pid)
  signal.throwIfAborted()
  if (lost)
    throw new LabError(`cannot keep the output of the self-tests in ${folder}: ${lost.message}`, {
      hint: 'Free some space or choose another folder with --results DIR.',
      cause: lost,
    })
  await convert(folder)
  print(
    `self-tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${join(folder, 'junit.xml')})`,
  )
  if (counts.passed + counts.failed === 0)
    throw new LabError(`AVA ran no test and ended with status ${exitCode}`, {
      hint: 'Run `npm run unit` to see why.',
    })
  // An uncaught exception drops the rest of a file from the TAP, but not from AVA's exit status.
  if (exitCode !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

function countLine(line: string, counts: Counts, print: (line: string) => void): void {
  if (/^ok \d+ .*# SKIP/.test(line)) counts.skipped++
  else if (/^ok \d+/.test(line)) {
    counts.passed++
    print(line)
  } else if (/^not ok \d+ .*# TODO/.test(line)) counts.skipped++
  else if (/^not ok \d+/.test(line)) {
    counts.failed++
    print(line)
  } else if (/^ {2,}/.test(line) && counts.failed > 0) print(line)
}

async function convert(folder: string): Promise<void> {
  await execa(
    process.execPath,
    [
      bin('tap-junit', 'bin', 'tap-junit'),
      '--input',
      join(folder, 'self-tests.tap'),
      '--output',
      folder,
      '--name',
      'junit',
    ],
    {
      cwd: root,
      reject: false,
      timeout: 60_000,
    },
  )
}
