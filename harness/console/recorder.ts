/** Keeps what a console said: raw bytes as they came, stamped lines for people, and both sides as a recording. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from '../errors.ts'
import { openCastFile } from './cast/cast-file.ts'
import { CastRecorder } from './cast/cast-recorder.ts'
import type { Line } from './lines.ts'
import { Redactor, redactText } from './redact.ts'

export type RecorderOptions = {
  folder: string
  board: string
  /** The run's start: a log line's stamp is seconds since then. */
  originNs: bigint
  /** What is written as asterisks, wherever a console says it. */
  secrets?: readonly string[]
  /** Called once, when recording failed. Reading goes on all the same, since a stalled reader would stall the board. */
  onFailure: (error: LabError) => void
}

/** What a kill -9 of this process may cost of the recording; every other end writes it. */
const flushMs = 20

/** Writes console/BOARD.raw, .log and .cast of a run; appends where a run opens a board again. */
export class ConsoleRecorder implements Disposable {
  readonly #options: RecorderOptions
  readonly #secrets: readonly string[]
  readonly #redactor: Redactor
  readonly #raw: number
  readonly #log: number
  readonly #castFile: number
  readonly #cast: CastRecorder
  #rawPending: Buffer[] = []
  #logPending = ''
  #castPending = ''
  #scheduled: NodeJS.Timeout | undefined
  #failed = false
  /** A process that ends by itself loses nothing. */
  readonly #onExit = () => this.#finish()

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#secrets = options.secrets ?? []
    this.#redactor = new Redactor(this.#secrets)
    this.#raw = openSync(join(options.folder, `${options.board}.raw`), 'a')
    this.#log = openSync(join(options.folder, `${options.board}.log`), 'a')
    const { fd, head } = openCastFile(join(options.folder, `${options.board}.cast`), options)
    this.#castFile = fd
    this.#cast = new CastRecorder({
      ...{ originNs: options.originNs, head, secrets: this.#secrets },
      write: (lines) => {
        this.#castPending += lines
      },
    })
    process.on('exit', this.#onExit)
  }

  /** Bytes that the console said. */
  raw(chunk: Buffer, atNs: bigint): void {
    this.#cast.output(chunk, atNs)
    const bytes = this.#redactor.push(chunk)
    if (bytes.length === 0) return
    this.#rawPending.push(bytes)
    this.#schedule()
  }

  /** Bytes that were typed at it. */
  typed(bytes: Buffer, atNs: bigint): void {
    this.#cast.input(bytes, atNs)
    this.#schedule()
  }

  lines(lines: Line[]): void {
    for (const line of lines) this.#logLine(redactText(line.text, this.#secrets), line.atNs)
  }

  /** Writes something into the log that the console did not say: `--- console lost: unplugged ---`. */
  note(text: string, atNs: bigint): void {
    const shown = redactText(text, this.#secrets)
    this.#cast.marker(shown, atNs)
    this.#logLine(`--- ${shown} ---`, atNs)
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#onExit)
    clearTimeout(this.#scheduled)
    this.#finish()
    closeSync(this.#raw)
    closeSync(this.#log)
    closeSync(this.#castFile)
  }

  /** Writes what came in a while at once: a write for each chunk would delay the stamps of the other consoles. */
  #schedule(): void {
    this.#scheduled ??= setTimeout(() => this.#flush(), flushMs)
  }

  #logLine(text: string, atNs: bigint): void {
    this.#logPending += `[${this.#seconds(atNs)}] ${showControls(text)}\n`
    this.#schedule()
  }

  #finish(): void {
    this.#rawPending.push(this.#redactor.flush())
    this.#cast.end()
    this.#flush()
  }

  #flush(): void {
    this.#scheduled = undefined
    const raw = this.#rawPending
    const log = this.#logPending
    this.#cast.settle()
    const cast = this.#castPending
    this.#rawPending = []
    this.#logPending = ''
    this.#castPending = ''
    if (raw.length > 0) this.#write(this.#raw, raw.length === 1 ? raw[0]! : Buffer.concat(raw))
    if (log !== '') this.#write(this.#log, log)
    if (cast !== '') this.#write(this.#castFile, cast)
  }

  #seconds(atNs: bigint): string {
    return (Number(atNs - this.#options.originNs) / 1e9).toFixed(6).padStart(12)
  }

  #write(fd: number, data: Buffer | string): void {
    if (this.#failed) return
    try {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done)
    } catch (error) {
      this.#failed = true
      const full = (error as NodeJS.ErrnoException).code === 'ENOSPC'
      const why = full ? 'the disk is full' : (error as Error).message
      this.#options.onFailure(
        new LabError(`cannot record the console in ${this.#options.folder}: ${why}`, {
          hint: 'Free some space or choose another folder with --results DIR.',
          cause: error,
        }),
      )
    }
  }
}

/** Console text is hostile: a log that is looked at with `cat` must not drive the reader's terminal. */
function showControls(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
