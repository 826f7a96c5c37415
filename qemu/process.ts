/** The QEMU process: started so that it dies with the harness, its last words kept. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { type HarnessError, LabError, UsageError } from '../harness/errors.ts'
import { firstInheritedFd, type QemuProgram } from './arguments.ts'

/** How QEMU ended; `output` is the end of what it wrote to standard output and error. */
export type QemuExit = { exitCode: number | null; signal: string | null; output: string }

export type QemuProcess = {
  pid: number
  /** Monotonic clock right before the process was started. */
  startedAtNs: bigint
  /** Resolves when the process is gone; never rejects. */
  exited: Promise<QemuExit>
  kill: (signal: 'SIGKILL' | 'SIGTERM') => void
  /** What QEMU wrote so far (its end, if it was much). */
  output: () => string
  /** The harness's ends of the sockets that QEMU inherited as further file descriptors; they have to be read. */
  inherited: Socket[]
}

const keptOutput = 16 * 1024

/**
 * Runs after setpriv asked the kernel for a SIGKILL when the parent dies. A parent that died before that
 * is noticed here: this process then has another parent already.
 */
export const onlyWithParent = 'test "$PPID" = "$0" && exec "$@"'

/** A command as program and arguments, such that the kernel kills it when this process dies, however that ends. */
export function dieWithParent(command: readonly string[]): [program: string, args: string[]] {
  return [
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'sh', '-c', onlyWithParent, String(process.pid), ...command],
  ]
}

/**
 * Starts QEMU through `setpriv --pdeathsig KILL`, so that it dies with the harness however that ends.
 * The kernel sends that signal when the thread that started QEMU ends (prctl(2), PR_SET_PDEATHSIG): start
 * machines from the main thread. QEMU gets its own session, so that Ctrl-C reaches only the harness.
 * `inherited` is the number of sockets that QEMU gets as further file descriptors; `file`, an open file, comes after them.
 * Throws LabError when QEMU or setpriv is missing.
 */
export async function startQemu(
  program: QemuProgram,
  args: string[],
  { inherited = 0, file }: { inherited?: number; file?: number | undefined } = {},
): Promise<QemuProcess> {
  await Promise.all([mustBeExecutable(program.path, program.env), mustBeExecutable('setpriv')])
  const startedAtNs = process.hrtime.bigint()
  const child = execa(...dieWithParent([program.path, ...args]), {
    env: program.env,
    stdio: [
      ...(['ignore', 'pipe', 'pipe'] as const),
      ...Array<'pipe'>(inherited).fill('pipe'),
      // execa's types know the numbers 3 to 9 only.
      ...(file === undefined ? [] : [file as 9]),
    ],
    all: true,
    buffer: false,
    detached: true,
    reject: false,
  })
  let output = Buffer.alloc(0)
  child.all.on('data', (chunk: Buffer) => {
    output = Buffer.concat([output, chunk]).subarray(-keptOutput)
  })
  const text = () => output.toString('utf8').trim()
  const exited = child.then((result) => ({
    exitCode: result.exitCode ?? null,
    signal: result.signal ?? null,
    output:
      text() ||
      (result.exitCode === undefined && result.signal === undefined ? (result.shortMessage ?? '') : ''),
  }))
  if (child.pid === undefined) throw startFailure(program.path, await exited)
  return {
    ...{ pid: child.pid, startedAtNs, exited, output: text },
    kill: (signal) => child.kill(signal),
    // A `pipe` of Node is a pair of Unix stream sockets (uv_spawn in libuv's process.c).
    inherited: child.stdio.slice(firstInheritedFd, firstInheritedFd + inherited) as unknown as Socket[],
  }
}

/** Words with which QEMU says that the command line, and so the descriptor behind it, is wrong. */
const wrongArguments = [
  /unsupported machine type/,
  /unable to find CPU model/,
  /is not a valid device model name/,
  /[Pp]roperty '[^']*' not found/,
  /[Pp]roperty '[^']*' (doesn't take|of )/,
  /Property .* (doesn't take|is not|cannot be set)/,
  /Invalid parameter/,
  /[Pp]arameter '[^']*' (expects|is missing|is unexpected|does not accept)/,
  /invalid option/,
  /requires an argument/,
  /Invalid (SMP CPUs|CPU topology|ram size|accelerator|argument)/i,
  /Expected (a|key=value|'=')/,
  /should be specified|must be (specified|provided)/,
  /Unsupported NIC model|No '[^']+' bus found|Bus '[^']+' not found/,
  /Duplicate ID|Device '[^']*' (not found|could not be initialized)/,
  /maximum CPUs|maxcpus|Too many CPUs|ram size too large|exceeds the maximum/i,
  /only supports? (up to )?[\d.]+ /i,
]

/** The error for a QEMU that ended before its machine ran, in QEMU's own words. */
export function startFailure(path: string, { exitCode, signal, output }: QemuExit): HarnessError {
  const name = path.split('/').at(-1)
  const words = ownWords(output)
  const how = signal === null ? `exit status ${exitCode}` : signal
  if (words === '') return new LabError(`${name} ended at its start without a word (${how})`)
  const message = `${name} did not start: ${words}`
  if (wrongArguments.some((pattern) => pattern.test(output))) {
    return new UsageError(message, { hint: "correct the board descriptor's machine, devices or extraArgs" })
  }
  return new LabError(message, { hint: hintFor(output) })
}

/** QEMU's message without the program's name in front and without its warnings, on one line. */
export function ownWords(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.replace(/^\S*qemu-system-[\w-]+: (error: )?/, '').trim())
  const errors = lines.filter((line) => line !== '' && !line.startsWith('warning: '))
  return (errors.length > 0 ? errors : lines).slice(-4).join('; ')
}

function hintFor(output: string): string | undefined {
  if (/Address already in use/.test(output))
    return 'another program has that port: stop it, or choose another port'
  if (/Failed to get "?(write|shared "?write"?|consistent read)"? lock/.test(output)) {
    return 'another QEMU uses this disk: stop it, or set snapshot or readOnly'
  }
  if (/Cannot allocate memory|cannot set up guest memory/.test(output)) {
    return "give the machine less memory, or free some of the host's"
  }
  if (/No space left on device/.test(output)) return 'free some space on the disk'
  return undefined
}

async function mustBeExecutable(program: string, env: Record<string, string> = {}): Promise<void> {
  const path = env.PATH ?? process.env.PATH ?? ''
  const candidates = program.includes('/')
    ? [program]
    : path.split(delimiter).map((folder) => join(folder, program))
  const found = await Promise.all(candidates.map(isExecutable))
  if (found.includes(true)) return
  const hint = program === 'setpriv' ? 'apt-get install util-linux' : 'run: npm run doctor'
  throw new LabError(`${program} is not there or cannot be executed`, { hint })
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
