/** Daemons that tests switch power through: the real programs, on loopback, each ended by its test. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { execa } from 'execa'
import { ensureProgram, type HostProgram } from '../../images/host-packages.ts'
import { dieWithParent } from '../../qemu/process.ts'
import { LabError } from '../errors.ts'

/** Generous, because the machine may be busy. */
const patienceMs = 60_000

/** A signal for what should take a moment. */
export function inTime(): AbortSignal {
  return AbortSignal.timeout(patienceMs)
}

/** A folder that goes when the test ends. */
export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kexec-power-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function writeScript(folder: string, name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, text)
  await chmod(file, 0o755)
  return file
}

/** Path of a program, or undefined, told to the test, where this machine can't have it. */
export async function programOrSkip(t: ExecutionContext, wanted: HostProgram): Promise<string | undefined> {
  try {
    return (await ensureProgram(wanted)).path
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    t.log(`not run: ${error.message}`)
    return undefined
  }
}

/** Asks until it holds. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  const signal = inTime()
  while (!(await holds())) await sleep(20, undefined, { signal })
}

export type DaemonStart = {
  command: readonly string[]
  env?: Record<string, string>
  /** What it has written to standard output or error when it is ready, or a probe for one that says nothing. */
  ready: RegExp | (() => Promise<boolean>)
}

/** Starts a daemon that ends with the test, and waits until it is ready; gives what it wrote until then. */
export async function startDaemon(
  t: ExecutionContext,
  { command, env, ready }: DaemonStart,
): Promise<string> {
  const child = execa(...dieWithParent(command), {
    env,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
  })
  t.teardown(async () => {
    child.kill('SIGTERM')
    await child
  })
  let output = ''
  const isReady = Promise.withResolvers<void>()
  child.all.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (ready instanceof RegExp && ready.test(output)) isReady.resolve()
  })
  if (!(ready instanceof RegExp)) void until(ready).then(isReady.resolve, () => {})
  const ended = await Promise.race([isReady.promise, child, sleep(patienceMs, 'late', { ref: false })])
  if (ended !== undefined) throw new Error(`${command[0]} did not become ready: ${output.slice(-2000)}`)
  return output
}
