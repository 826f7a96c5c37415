/** Starts AVA for one board: its suites, one file after another, in a process of their own. */
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { execa } from 'execa'
import { dieWithParent } from '../../qemu/process.ts'
import { root } from './paths.ts'
import { killRestOfGroup } from './process-group.ts'
import type { Suite } from './suites.ts'

export type RunnerEnd = { board: string; exitCode: number | null; stderr: string }

const keptOutput = 16_384

/**
 * Runs the suites of one board and keeps AVA's TAP in the run's folder. Never rejects. Like QEMU it dies with
 * this process, and Ctrl-C reaches it only through `signal`.
 */
export async function runSuites(
  run: string,
  board: string,
  suites: Suite[],
  signal: AbortSignal,
): Promise<RunnerEnd> {
  mkdirSync(join(run, 'tap'), { recursive: true })
  const ava = [
    process.execPath,
    join(root, 'node_modules', 'ava', 'entrypoints', 'cli.js'),
    ...['--config', 'ava.suites.config.js', '--tap'],
    ...suites.map((suite) => `suites/${suite}.ts`),
    ...['--', '--run', run, '--board', board],
  ]
  const child = execa(...dieWithParent(ava), {
    cwd: root,
    stdin: 'ignore',
    buffer: false,
    reject: false,
    detached: true,
    cancelSignal: signal,
    forceKillAfterDelay: 3_000,
  })
  const tap = createWriteStream(join(run, 'tap', `${board}.tap`))
  // A full disk is told by the journal; here it must not end the harness.
  tap.on('error', () => child.stdout.resume())
  child.stdout.pipe(tap)
  const stdout = keepTail(child.stdout)
  const stderr = keepTail(child.stderr)
  const { exitCode, shortMessage } = await child
  killRestOfGroup(child.pid)
  // A suite that could not be loaded says why in AVA's TAP.
  const words = [stderr(), exitCode === 0 ? '' : stdout(), exitCode === undefined ? (shortMessage ?? '') : '']
  return { board, exitCode: exitCode ?? null, stderr: words.filter(Boolean).join('\n') }
}

function keepTail(stream: Readable): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-keptOutput)
  })
  return () => text.trim()
}
