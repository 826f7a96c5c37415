/** A board's own boot, before any kexec: what it says is what kexec'd kernels are compared with. */
import type { Board, StartBoard } from '../board/board.ts'
import { reachShell, shellStage } from '../board/stage/shell.ts'
import { systemClock } from '../clock.ts'
import type { Line } from '../console/lines.ts'
import { type Hit, hitsOf } from '../detect/detector.ts'
import type { Signature } from '../detect/signature.ts'
import type { DeviceState } from '../devices/family.ts'
import { BoardError, LabError } from '../errors.ts'
import type { ShellLoader } from '../loader/loader.ts'
import { commandLine, newNonce } from './command-line.ts'
import type { Observing } from './observe/observer.ts'
import { type KernelFacts, readKernelFacts } from './proof.ts'
import { loaderParameter } from './shell-start.ts'
import { bootWarm, type WarmEnd } from './warm-boot.ts'

/** Far more than a boot prints; a board that prints without end must not fill the memory. */
const keptBootLines = 50_000

type Parts = {
  board: Board
  loader: ShellLoader
  observing?: Observing | undefined
  signal: AbortSignal
}

export class GenerationZero {
  readonly #options: Parts
  readonly #signatures: () => Promise<Signature[]>
  #hits: Hit[] = []
  #devices: DeviceState[] = []

  constructor(options: Parts, signatures: () => Promise<Signature[]>) {
    this.#options = options
    this.#signatures = signatures
  }

  /** What the last boot complained about. */
  get hits(): Hit[] {
    return this.#hits
  }

  /** What the last boot's probe said of the devices. */
  get devices(): DeviceState[] {
    return this.#devices
  }

  /** Boots, or goes on from an earlier boot's state where it may. Throws as the stages to the shell do. */
  async boot(start: StartBoard, mayBeWarm: boolean): Promise<WarmEnd> {
    return mayBeWarm ? await this.#warm(start) : { facts: await this.#cold(start) }
  }

  /** Goes on from where an earlier cold boot had got to, or boots cold and keeps what that gets to. */
  async #warm(start: StartBoard): Promise<WarmEnd> {
    const { board, signal } = this.#options
    const { lines, ...end } = await bootWarm({ board, commandLine: this.#commandLine(''), signal }, (keep) =>
      this.#cold(start, keep),
    )
    if (lines) await this.#listen(lines)
    return end
  }

  /** `keep` is called when the shell answers and nothing else was asked of it. */
  async #cold(start: StartBoard, keep?: (lines: Line[]) => Promise<void>): Promise<KernelFacts> {
    const { board, signal } = this.#options
    const { descriptor, console } = board
    const lines: Line[] = []
    const stop = console.onLine((line) => lines.length < keptBootLines && lines.push(line))
    const trouble = Promise.withResolvers<never>()
    trouble.promise.catch(() => {})
    const stopTrouble = board.onTrouble(({ message }) => trouble.reject(new BoardError(message)))
    const beganNs = systemClock.nowNs()
    try {
      const from = await start(this.#commandLine(newNonce()))
      const timeoutMs = descriptor.limits.bootMs
      await Promise.race([
        reachShell(console, board.shell, shellStage(descriptor), { from, timeoutMs, signal }),
        trouble.promise,
      ])
      await keep?.(lines)
      return await readKernelFacts(board.shell, timeoutMs, signal)
    } catch (error) {
      // What the lab said itself is more to the point than that its console was opened anew.
      const told = signal.aborted || error instanceof LabError
      throw (told ? undefined : board.labFault?.(beganNs)) ?? error
    } finally {
      stop()
      stopTrouble()
      await this.#listen(lines)
    }
  }

  async #listen(lines: readonly Line[]): Promise<void> {
    const { board, observing } = this.#options
    this.#hits = hitsOf(lines, board.descriptor.arch, await this.#signatures())
    this.#devices = observing?.coldDevices(lines) ?? []
  }

  #commandLine(nonce: string): string {
    const { arch, earlyConsole, append } = this.#options.board.descriptor
    const own = this.#options.observing?.parameters
    const words = [loaderParameter(this.#options), append, own].filter(Boolean).join(' ')
    return commandLine({ arch, earlyConsole, append: words, nonce })
  }
}
