/** Records a board's console while it is used. */
import { loadDescriptor } from '../../board/descriptor.ts'
import { isQemu } from '../../board/kinds.ts'
import { passwordsOf } from '../../board/passwords.ts'
import { systemClock } from '../../clock.ts'
import { CastRecorder } from '../../console/cast/cast-recorder.ts'
import { screenSize } from '../../console/snapshot.ts'
import { durationMs } from '../../duration.ts'
import { UsageError } from '../../errors.ts'
import { type ConsoleTap, viewConsole } from '../console.ts'
import { boardsDir } from '../paths.ts'
import type { RecordFlags } from '../record.ts'
import { createOutput, type Output } from './output.ts'

const machineFlags = ['kernel', 'initramfs', 'disk', 'append'] as const
/** What a kill of this process may cost of the recording. */
const settleMs = 200

/** Shows the console, too, until somebody quits or the time is over. Throws UsageError and LabError. */
export async function recordBoard(board: string, flags: RecordFlags, signal: AbortSignal): Promise<number> {
  const forMs = toLimit(flags.for)
  const descriptor = await loadDescriptor(board, boardsDir)
  const { write = false, powerCycle = false } = flags
  const starts = powerCycle && isQemu(descriptor)
  const foreign = machineFlags.find((flag) => flags[flag] !== undefined)
  if (!starts && foreign)
    throw new UsageError(
      `--${foreign} is for a QEMU board with --power-cycle, whose machine is started for it`,
    )
  using output = createOutput(flags.output ?? `${descriptor.name}-${stamp()}.cast`)
  const secrets = await passwordsOf(descriptor)
  using tap = new RecordingTap(output, descriptor.name, secrets)
  try {
    if (!starts) return await viewConsole(board, { write, powerCycle, tap, forMs }, signal)
    const { showMachine } = await import('./machine.ts')
    return await showMachine(descriptor, flags, { tap, forMs }, signal)
  } finally {
    if (!output.isStandard) console.error(`recorded to ${output.path}`)
  }
}

/** Writes what it is told of; time begins with the first of it. */
class RecordingTap implements ConsoleTap, Disposable {
  readonly #begin: (originNs: bigint) => CastRecorder
  readonly #timer: NodeJS.Timeout
  #recorder: CastRecorder | undefined

  constructor(output: Output, board: string, secrets: readonly string[]) {
    this.#begin = (originNs) =>
      new CastRecorder({
        write: (lines) => output.write(lines),
        originNs,
        head: { ...screenSize, title: board, recordedAtMs: Date.now() },
        secrets,
      })
    this.#timer = setInterval(() => this.#recorder?.settle(), settleMs).unref()
  }

  output(chunk: Buffer, atNs: bigint): void {
    this.#at(atNs).output(chunk, atNs)
  }

  input(bytes: Buffer, atNs: bigint): void {
    this.#at(atNs).input(bytes, atNs)
  }

  note(text: string, atNs: bigint): void {
    this.#at(atNs).marker(text, atNs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#at(systemClock.nowNs()).end()
  }

  #at(atNs: bigint): CastRecorder {
    this.#recorder ??= this.#begin(atNs)
    return this.#recorder
  }
}

function toLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = durationMs(/^\d+(\.\d+)?$/.test(text) ? Number(text) : text)
  if (ms !== undefined) return ms
  throw new UsageError(`--for wants a duration such as 90s or 20m, not ${JSON.stringify(text)}`)
}

/** A name that sorts by time and needs no quoting. */
function stamp(): string {
  return new Date()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')
}
