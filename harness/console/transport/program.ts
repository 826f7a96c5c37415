/** A program whose standard input and output are a console. */
import { execa } from 'execa'
import { LabError } from '../../errors.ts'

const keptWords = 4096
/** How long a program may take to end after its input has, and after SIGTERM. */
const endMs = 2000

export type ProgramOptions = {
  /** Program and arguments; no shell reads them. */
  command: readonly string[]
  /** Added to the environment: what must not be seen in the list of processes. */
  env?: Record<string, string>
  onOutput: (chunk: Buffer, atNs: bigint) => void
  /** How it ended, in words; told once. */
  onEnd: (how: string) => void
  /** What it wrote to standard error so far, each time that is more. */
  onErrorOutput?: (text: string) => void
  /** Lines of standard error that are of no use to a reader. */
  noise?: RegExp
}

/**
 * A running program. It is in a session of its own, so that a Ctrl-C for the harness does not cut the console before
 * the run has ended in order; it has to end when its standard input does.
 */
export class Program {
  readonly #child
  readonly #options: ProgramOptions
  #errorOutput = ''
  #closed = false
  readonly #ended: Promise<void>

  constructor(options: ProgramOptions) {
    const [program, ...args] = options.command
    this.#options = options
    this.#child = execa(program!, args, {
      env: options.env ?? {},
      stdio: ['pipe', 'pipe', 'pipe'],
      buffer: false,
      reject: false,
      detached: true,
    })
    this.#child.stdout.on('data', (chunk: Buffer) => options.onOutput(chunk, process.hrtime.bigint()))
    this.#child.stderr.on('data', (chunk: Buffer) => this.#hearError(chunk))
    // Input that comes too late for a program that has ended: its end is told.
    this.#child.stdin.on('error', () => {})
    this.#ended = this.#child.then((result) => this.#tellEnd(result))
  }

  /** The end of what it wrote to standard error. */
  get errorOutput(): string {
    return this.#errorOutput
  }

  /** The last line of standard error that is of use. */
  get lastWords(): string {
    const lines = this.#errorOutput
      .split(/\r?\n/)
      .map((line) => line.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim())
    return (lines.findLast((line) => line !== '' && !this.#options.noise?.test(line)) ?? '').slice(0, 300)
  }

  /** Resolves when the program's pipe has taken the bytes. */
  async write(bytes: Buffer): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#child.stdin.write(bytes, (error) => (error ? reject(error) : resolve()))
    try {
      await promise
    } catch (cause) {
      throw new LabError(`${this.#name} takes no input (${(cause as NodeJS.ErrnoException).code})`, { cause })
    }
  }

  /** Ends its input, then the program with all that it started, where it doesn't end by itself. Its end is not told. */
  async close(): Promise<void> {
    this.#closed = true
    this.#child.stdin.end()
    const terminate = setTimeout(() => this.#kill('SIGTERM'), endMs)
    const kill = setTimeout(() => this.#kill('SIGKILL'), 2 * endMs)
    await this.#ended
    clearTimeout(terminate)
    clearTimeout(kill)
  }

  get #name(): string {
    return this.#options.command[0]!
  }

  #hearError(chunk: Buffer): void {
    this.#errorOutput = (this.#errorOutput + chunk.toString('utf8')).slice(-keptWords)
    this.#options.onErrorOutput?.(this.#errorOutput)
  }

  #tellEnd(result: { exitCode?: number; signal?: string; code?: string }): void {
    if (this.#closed) return
    if (result.code === 'ENOENT') this.#options.onEnd(`${this.#name} is not on this machine`)
    else {
      const how =
        result.exitCode === undefined ? (result.signal ?? result.code) : `exit status ${result.exitCode}`
      const words = this.lastWords
      this.#options.onEnd(`${this.#name} ended (${how})${words && `: ${words}`}`)
    }
  }

  #kill(signal: NodeJS.Signals): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
}
