/** Runs the real command as a user does, for tests: in a folder of its own, every process of it known. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { execa } from 'execa'
import { onlyWithParent } from '../../qemu/process.ts'
import type { JournalEvent } from '../journal/events.ts'
import { parseEvent } from '../journal/journal.ts'
import { root } from './paths.ts'

const bootstrap = join(root, 'harness', 'bootstrap.mjs')
const pollMs = 50
/** A bound for what takes a moment, generous because the machine may be busy. */
const patienceMs = 60_000

export type Ended = { status: number | undefined; signal: string | undefined; stdout: string; stderr: string }
export type StartOptions = {
  results?: string
  env?: Record<string, string>
  cwd?: string
  /** For the shell, such as `>/dev/full`. */
  redirect?: string
}

/** A temporary folder, and the commands that were run in it. */
export class Workspace implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'kexec-harness-test-'))
  readonly results = join(this.folder, 'results of "Zoë’s" rack')
  readonly #started: Command[] = []

  path(...parts: string[]): string {
    return join(this.folder, ...parts)
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content)
    return this.path(name)
  }

  /** Writes the descriptor of a QEMU board; `extra` replaces or adds keys. JSON is YAML too. */
  board(name: string, extra: { machine?: object; [key: string]: unknown } = {}): string {
    const { machine, ...keys } = extra
    const descriptor = {
      name,
      arch: 'x86_64',
      console: { type: 'qemu' },
      power: { type: 'qemu' },
      machine: { type: 'q35', cpu: 'max', memory: '1G', accelerator: 'tcg', ...machine },
      stages: [{ type: 'shell', prompt: '# ', ready: 'HARNESS READY' }],
      image: 'bookworm-cloud-amd64',
      ...keys,
    }
    return this.write(`${name}.yaml`, JSON.stringify(descriptor, null, 2))
  }

  /** Writes the descriptor of an arm64 board on the bench rig, which boots in a few seconds. */
  rigBoard(
    name: string,
    extra: { console?: string; power?: string; faults?: object[]; [key: string]: unknown } = {},
  ) {
    const { console = 'serial', power = 'pdudaemon', faults = [], ...keys } = extra
    const descriptor = {
      name,
      arch: 'arm64',
      console: { type: 'rig', as: console },
      power: { type: 'rig', as: power },
      rig: { faults },
      machine: {
        type: 'virt',
        options: { 'gic-version': 2 },
        cpu: 'cortex-a57',
        memory: '1G',
        accelerator: 'tcg',
      },
      stages: [{ type: 'shell', prompt: '# ', ready: 'HARNESS READY' }],
      // Purgatory's digest takes ten seconds without caches, and far more beside seven other boards.
      loader: { type: 'kexec-tools', checks: false },
      image: 'bookworm-cloud-arm64',
      limits: { boot: '5m', load: '5m', shutdown: '3m', gap: '3m', startup: '5m' },
      ...keys,
    }
    return this.write(`${name}.yaml`, JSON.stringify(descriptor, null, 2))
  }

  /** Starts a command; a run's folder goes into this one. */
  start(args: string[], options: StartOptions = {}): Command {
    const command = new Command(args, { results: this.results, cwd: this.folder, ...options })
    this.#started.push(command)
    return command
  }

  async run(args: string[], options: StartOptions = {}): Promise<Ended> {
    return await this.start(args, options).ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const command of this.#started) for (const { pid } of command.processes()) kill(pid, 'SIGKILL')
    await Promise.all(this.#started.map((command) => command.ended))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

let commands = 0

/** A command that was started, in a process group of its own as a shell would do. It dies with the test. */
export class Command {
  readonly ended: Promise<Ended>
  readonly pid: number
  readonly #results: string
  readonly #mark = `KEXEC_HARNESS_TEST=${process.pid}-${++commands}`
  #isRunning = true

  constructor(args: string[], { results, env, cwd, redirect = '' }: StartOptions & { results: string }) {
    this.#results = results
    const takesResults = args[0] === 'test' && !args.includes('--results')
    const variables = { CI: 'true', ...env }
    const child = execa(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', '--', 'sh', '-c', `${onlyWithParent} ${redirect}`, String(process.pid)],
        // A PATH of the test is for the command only.
        ...['env', ...Object.entries(variables).map(([key, value]) => `${key}=${value}`), this.#mark],
        ...[process.execPath, bootstrap, ...args, ...(takesResults ? ['--results', results] : [])],
      ],
      { cwd, stdin: 'ignore', detached: true, reject: false },
    )
    this.pid = child.pid!
    this.ended = child.then(({ exitCode, signal, stdout, stderr }) => {
      this.#isRunning = false
      return { status: exitCode, signal, stdout, stderr }
    })
  }

  /** The processes that the command started and that still run, itself among them: all inherit its environment. */
  processes(): { pid: number; args: string }[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => readProc(pid, 'environ').split('\0').includes(this.#mark))
      .map((pid) => ({ pid: Number(pid), args: readProc(pid, 'cmdline').replaceAll('\0', ' ') }))
  }

  /** The one process whose arguments match. */
  async process(pattern: RegExp): Promise<number> {
    let found: { pid: number }[] = []
    await this.#until(`a process like ${pattern}`, () => {
      found = this.processes().filter(({ args }) => pattern.test(args))
      return found.length === 1
    })
    return found[0]!.pid
  }

  /** Resolves once the run's journal holds an event of this type. */
  async reaches(type: JournalEvent['type']): Promise<void> {
    await this.#until(type, () => this.journal().some((event) => event.type === type))
  }

  /** The folder of the only run in its results folder; undefined while there is none. */
  runFolder(): string | undefined {
    const name = entries(this.#results).find((entry) => /^\d{4}-/.test(entry))
    return name === undefined ? undefined : join(this.#results, name)
  }

  /** The events of the run's journal; throws when a line other than an unfinished last one is none. */
  journal(): JournalEvent[] {
    const folder = this.runFolder()
    const lines = folder === undefined ? [] : read(join(folder, 'journal.jsonl')).split('\n').slice(0, -1)
    return lines.map((line) => {
      const event = parseEvent(line)
      if (!event) throw new Error(`no event of a journal: ${line}`)
      return event
    })
  }

  /** Ctrl-C of a terminal reaches the whole process group, a kill only the process. */
  interrupt(target: 'process' | 'group', signal: NodeJS.Signals = 'SIGINT'): void {
    kill(target === 'group' ? -this.pid : this.pid, signal)
  }

  /** Fails unless every process of the command goes away. */
  async leavesNoProcess(): Promise<void> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const left = this.processes()
      if (left.length === 0) return
      if (Date.now() > deadline)
        throw new Error(`still there: ${left.map(({ pid, args }) => `${pid} ${args}`).join('\n')}`)
      await sleep(pollMs)
    }
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (!this.#isRunning && !isSo())
        throw new Error(`the command ended before ${what}: ${JSON.stringify(await this.ended)}`)
      await sleep(pollMs)
    }
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const screenLines = 25

/** Asserts that an error is one that a user can act on: one screen, no stack trace, and each of `words` in it. */
export function isClear(t: ExecutionContext, stderr: string, ...words: (string | RegExp)[]): void {
  t.true(stderr.trim().split('\n').length <= screenLines, stderr)
  t.notRegex(stderr, /^\s+at .*[:(]|node:internal|bug of the harness/m)
  for (const word of words)
    t.true(typeof word === 'string' ? stderr.includes(word) : word.test(stderr), `${word} in: ${stderr}`)
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Empty for a process that is gone, a zombie, or another user's. */
function readProc(pid: string, name: string): string {
  return read(`/proc/${pid}/${name}`)
}
