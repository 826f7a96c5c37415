/** One board whose bootloader has a menu: power-ons into it, entries booted from it, and kexecs back into it. */
import type { Board } from '../board/board.ts'
import { msBetween, systemClock } from '../clock.ts'
import { ConsoleClosed, ConsoleTimeout } from '../console/console.ts'
import type { Line } from '../console/lines.ts'
import { Screen, ScreenTimeout, type Snapshot } from '../console/screen.ts'
import { onlyNew } from '../detect/compare.ts'
import { type Hit, hitsOf } from '../detect/detector.ts'
import type { Signature } from '../detect/signature.ts'
import { BoardError, LabError } from '../errors.ts'
import type { LoadMethod, ShellLoader } from '../loader/loader.ts'
import type { Choice, Menu, MenuLoader, Ui } from '../loader/menu-loader.ts'
import { commandLine, newNonce } from './command-line.ts'
import { runCycle } from './cycle.ts'
import type { KernelStart } from './kernel-start.ts'
import type { Markers } from './markers.ts'
import { describeChoice, type Entry, menuStart } from './menu-start.ts'
import type { SessionCycle, SessionListener } from './session.ts'
import { shellStart } from './shell-start.ts'

/** Where the main Linux finds the bootloader's own kernel, to kexec back into it. */
export type LoaderFiles = { mount: string; kernel: string; initramfs: string | null }

export type MenuSessionOptions = {
  board: Board
  loader: MenuLoader
  /** What its disk has to boot; those with a fault are refused, or end where the fault is met. */
  entries: readonly Entry[]
  markers: Markers
  loadSignatures: () => Promise<Signature[]>
  listener: SessionListener & {
    /** What a person would have seen at a moment that matters. */
    screen(title: string, snapshot: Snapshot): void
  }
  signal: AbortSignal
}

/** kexecs back into a bootloader are not what is tested, so the quickest way does. */
export const backMethod: LoadMethod = { syscall: 'kexec_load', checks: false, ifdown: true }

/** A bootloader's kernel complains of as much as any other; more is not kept. */
const keptBootLines = 50_000

export class MenuSession implements Disposable {
  readonly #options: MenuSessionOptions
  readonly #screen: Screen
  #menu: Menu | undefined
  /** Whether the main Linux's shell answers. */
  #inMain = false
  #generation = 0
  #attempt = 0
  #coldHits: Hit[] = []
  #loadedSignatures: Promise<Signature[]> | undefined

  constructor(options: MenuSessionOptions) {
    this.#options = options
    this.#screen = new Screen(options.board.console)
  }

  /** How many kexecs this power-on has seen. */
  get generation(): number {
    return this.#generation
  }

  /** What the screen shows now. */
  get screenText(): string {
    return this.#screen.text
  }

  /** The menu that is there; undefined where another thing runs, or nothing is known. */
  get menu(): Menu | undefined {
    return this.#menu
  }

  /** A bootloader's own steps, such as its shell, for tests that are about them. Throws as they do. */
  ui(timeoutMs = this.#options.board.descriptor.limits.bootMs): Ui {
    const { board, signal } = this.#options
    const sendKey = board.sendKey?.bind(board)
    return { console: board.console, screen: this.#screen, ...(sendKey && { sendKey }), timeoutMs, signal }
  }

  /** Waits for the menu as the bootloader's own step left it. */
  seen(menu: Menu | undefined): void {
    this.#menu = menu
  }

  /**
   * The menu: the one that is there, or that of a power-on, its countdown stopped.
   * Throws BoardError where it does not come, LabError where the lab is at fault.
   */
  async atMenu(): Promise<Menu> {
    return this.#menu ?? (await this.powerOn())
  }

  /** Switches the power off and on and waits for the menu. `append` is for the bootloader's own kernel. */
  async powerOn({ holdCountdown = true, append = '' } = {}): Promise<Menu> {
    const { board, loader, listener, signal } = this.#options
    const { descriptor, console } = board
    this.#leave()
    this.#generation = 0
    await board.powerOff()
    this.#screen.clear()
    const lines: Line[] = []
    const stop = console.onLine((line) => lines.length < keptBootLines && lines.push(line))
    listener.bootStarted(++this.#attempt)
    const startedNs = systemClock.nowNs()
    const durationMs = () => msBetween(startedNs, systemClock.nowNs())
    try {
      const { arch, earlyConsole } = descriptor
      const words = [descriptor.append, append].filter(Boolean).join(' ')
      const from = await board.powerOn(
        commandLine({ arch, earlyConsole, append: words, nonce: newNonce() }),
        signal,
      )
      this.#menu = await loader.arrive(this.ui(), { from, holdCountdown })
      listener.bootEnded({ kernel: loader.name, durationMs: durationMs() })
      return this.#menu
    } catch (error) {
      const failure = this.#failure(`${loader.name} did not come to its menu`, error)
      if (failure) {
        listener.screen(`${loader.name}: no menu`, this.#screen.snapshot())
        listener.bootEnded({ kernel: null, durationMs: durationMs(), failure })
      }
      throw failure ?? error
    } finally {
      stop()
      this.#coldHits = hitsOf(lines, descriptor.arch, await this.#signatures())
    }
  }

  /** Boots an entry from the menu. A failed boot is an outcome; after a refusal the menu is there again. */
  async boot(choice: Choice): Promise<SessionCycle> {
    const { board, loader, entries, listener } = this.#options
    if (choice.by === 'time-out') await this.powerOn({ holdCountdown: false })
    else await this.atMenu()
    this.#leave()
    let usable = false
    const onRefusal = (said: boolean) => {
      usable = said
    }
    const start = menuStart(choice, { board, loader, ui: this.ui(), entries, onRefusal })
    const outcome = await this.#cycle(start)
    if (outcome.failure) listener.screen(`booting ${describeChoice(choice)}`, this.#screen.snapshot())
    if (usable) await this.#returnToMenu()
    this.#inMain = outcome.proven
    return outcome
  }

  /** From the main Linux back into the bootloader, by a kexec of its kernel: it survives that, or it does not. */
  async kexecBack(tools: ShellLoader, files: LoaderFiles): Promise<SessionCycle> {
    const { board, loader, listener, signal } = this.#options
    if (!this.#inMain) throw new BoardError(`${board.descriptor.name} is not in the Linux that kexecs back`)
    const mounted = await board.shell.run(files.mount, { timeoutMs: board.descriptor.limits.loadMs, signal })
    if (mounted.status !== 0)
      throw new BoardError(
        `the main Linux can't mount the disk with ${loader.name}: ${mounted.output.trim()}`,
      )
    const start = shellStart(
      {
        method: backMethod,
        target: { kernel: files.kernel, initramfs: files.initramfs },
        before: { bootId: '', release: 'the main Linux', nonce: null, memAvailableKiB: null },
      },
      { board, loader: tools },
    )
    this.#leave()
    const outcome = await this.#cycle({
      ...start,
      arrive: async ({ from, timeoutMs, signal: ends }) => {
        this.#menu = await loader.arrive(
          { ...this.ui(timeoutMs), signal: ends },
          { from, holdCountdown: true },
        )
        return { text: `${loader.name}'s menu`, atNs: systemClock.nowNs(), cut: false }
      },
    })
    if (outcome.failure) listener.screen(`back into ${loader.name} by kexec`, this.#screen.snapshot())
    return outcome
  }

  [Symbol.dispose](): void {
    this.#screen[Symbol.dispose]()
  }

  #leave(): void {
    this.#menu = undefined
    this.#inMain = false
  }

  async #cycle(start: KernelStart): Promise<SessionCycle> {
    const { listener } = this.#options
    const generation = this.#generation + 1
    const outcome = await runCycle({
      ...this.#options,
      start,
      signatures: await this.#signatures(),
      onMark: (name, atNs, line) => listener.mark(name, atNs, line),
    })
    if (outcome.proven) this.#generation = generation
    return { ...outcome, generation, newHits: onlyNew(outcome.hits, this.#coldHits), observed: [] }
  }

  /** A bootloader that refuses has to be usable afterwards; where it is not, the next boot powers on. */
  async #returnToMenu(): Promise<void> {
    const { board, loader, listener } = this.#options
    try {
      this.#menu = await loader.arrive(this.ui(), { from: board.console.position, holdCountdown: true })
    } catch (error) {
      const failure = this.#failure(`${loader.name}'s menu did not come back after a refusal`, error)
      if (!failure) throw error
      listener.recovery('back to the menu', failure.message, false)
    }
  }

  #failure(what: string, error: unknown): BoardError | LabError | undefined {
    const { board, signal } = this.#options
    if (signal.aborted) return undefined
    if (error instanceof LabError) return error
    const told = [ConsoleTimeout, ConsoleClosed, ScreenTimeout, BoardError].some(
      (kind) => error instanceof kind,
    )
    if (!told) return undefined
    return new BoardError(`${what} on ${board.descriptor.name}: ${(error as Error).message}`, {
      board: board.descriptor.name,
      hint: 'Look at the screen in the report and at the end of its console log; the image or limits.boot of the descriptor may be wrong.',
      cause: error,
    })
  }

  #signatures(): Promise<Signature[]> {
    this.#loadedSignatures ??= this.#options.loadSignatures()
    return this.#loadedSignatures
  }
}
