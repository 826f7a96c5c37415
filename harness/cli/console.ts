/** `npm run console -- BOARD [--write]`: a board's console on this terminal, also while a run uses it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Descriptor, loadDescriptor } from '../board/descriptor.ts'
import { isReal, type RealDescriptor } from '../board/kinds.ts'
import { describeHolder, holderOf, takeLock } from '../board/lock.ts'
import { systemClock } from '../clock.ts'
import type { LinkEvents } from '../console/link.ts'
import { exitStatus, LabError, UsageError } from '../errors.ts'
import { Keys, keysHelp } from './lab/keys.ts'
import { hold } from './lab/real-board.ts'
import { Screen } from './lab/screen.ts'
import { attachedSource, ConsoleTaken, ownSource, type Source } from './lab/source.ts'
import { boardsDir } from './paths.ts'

/** How often is looked whether a run has begun, or ended. */
const pollMs = 500
/** Whoever asks whose board it is holds its lock for a blink: not too often. */
const holderPollMs = 5_000
/** A run that ends closes its console a moment after its tee. */
const settleMs = 10_000

/** Told what is seen and typed, as it happens; stamps are CLOCK_MONOTONIC in nanoseconds. */
export type ConsoleTap = {
  output(chunk: Buffer, atNs: bigint): void
  input(bytes: Buffer, atNs: bigint): void
  note(text: string, atNs: bigint): void
}

export type ViewOptions = {
  /** Takes the board, and sends it what is typed. */
  write?: boolean
  tap?: ConsoleTap
  /** Takes the board, and switches its power off and on again once its console is open. */
  powerCycle?: boolean
  /** Quits so long after the console was opened, milliseconds. */
  forMs?: number | undefined
}

/**
 * Shows the console until somebody quits. Returns the exit status: quitting is its end, not an interruption.
 * Throws UsageError, and LabError where the console does not open, or somebody else has the board and `write` was asked for.
 */
export async function viewConsole(
  board: string,
  { write = false, tap, powerCycle = false, forMs }: ViewOptions,
  signal: AbortSignal,
): Promise<number> {
  const written = await loadDescriptor(board, boardsDir)
  const { name } = written
  const takes = write || powerCycle
  if (takes && !isReal(written) && written.place === undefined)
    throw new UsageError(`${name} has a console only while a run uses it, and then the run writes to it`, {
      hint: `Without --write the console is shown: npm run console -- ${name}`,
    })
  const command = `npm run console -- ${name} --write`
  await using held = takes && !isReal(written) ? await hold(written, command, signal) : undefined
  using _lock = takes && !held ? await takeLock(name, command) : undefined
  const descriptor = held?.descriptor ?? written
  const onOpen = powerCycle && isReal(descriptor) ? cycling(descriptor) : undefined
  return await showConsole({ descriptor, write, takes, tap, onOpen, forMs }, signal)
}

export type ShowOptions = ViewOptions & {
  descriptor: Descriptor
  /** Whether the board is this command's alone: its console is given to no run. */
  takes: boolean
  /** Opens the console; absent: it is looked for as the descriptor says. */
  source?: (events: LinkEvents, signal: AbortSignal) => Promise<Source>
  /** Done once, when the console is open. */
  onOpen?: ((note: (text: string) => void, signal: AbortSignal) => Promise<void>) | undefined
}

/** Shows a console until somebody quits, or it is gone. Returns the exit status, throws LabError. */
export async function showConsole(options: ShowOptions, signal: AbortSignal): Promise<number> {
  const { write = false, descriptor } = options
  const screen = new Screen({
    isTerminal: process.stdout.isTTY,
    out: process.stdout,
    notes: process.stderr,
  })
  screen.note(`${descriptor.name}: ${write ? keysHelp : 'read only; Ctrl-C ends it'}`)
  const viewer = new Viewer(options, screen)
  try {
    await viewer.show(signal)
  } catch (error) {
    if (!viewer.isOver && !signal.aborted) throw error
  }
  return exitStatus.passed
}

function cycling({ name, power }: RealDescriptor): NonNullable<ShowOptions['onOpen']> {
  return async (note, signal) => {
    // Only now: most who look at a console switch nothing.
    const { openPower } = await import('../power/control.ts')
    await using control = await openPower(name, power, note)
    note(`switching ${name} off and on again`)
    await control.cycle(signal)
  }
}

class Viewer {
  readonly #options: ShowOptions
  readonly #descriptor: Descriptor
  readonly #screen: Screen
  readonly #writes: boolean
  readonly #quit = new AbortController()
  #source: Source | undefined
  #told: string | undefined
  #askHolderAt = 0
  #wasOpen = false

  constructor(options: ShowOptions, screen: Screen) {
    this.#options = options
    this.#descriptor = options.descriptor
    this.#screen = screen
    this.#writes = options.write ?? false
  }

  get isOver(): boolean {
    return this.#quit.signal.aborted
  }

  /** Follows the console from one reader to the next. Ends by throwing the signal's reason, or LabError. */
  async show(parent: AbortSignal): Promise<never> {
    const signal = AbortSignal.any([parent, this.#quit.signal])
    using _keyboard = this.#writes ? this.#keyboard() : undefined
    for (let patienceMs = 0; ; patienceMs = settleMs) {
      const ended = Promise.withResolvers<LabError>()
      await using source = await this.#open(this.#events(ended.resolve), patienceMs, signal)
      this.#source = source.console
      this.#onOpen(signal).catch(ended.reject)
      const onAbort = () => ended.reject(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      const error = await ended.promise.finally(() => {
        this.#source = undefined
        signal.removeEventListener('abort', onAbort)
      })
      // What another process read may still be there to be read; what this one read is not, unless a run took it.
      if (!source.isAttached && !(error instanceof ConsoleTaken)) throw error
      this.#note(error.message)
    }
  }

  async #onOpen(signal: AbortSignal): Promise<void> {
    if (this.#wasOpen) return
    this.#wasOpen = true
    const { forMs } = this.#options
    if (forMs !== undefined) setTimeout(() => this.#quit.abort(), forMs).unref()
    await this.#options.onOpen?.((text) => this.#note(text), signal)
  }

  /** Says something that the board did not say. */
  #note(text: string): void {
    this.#screen.note(text)
    this.#options.tap?.note(text, systemClock.nowNs())
  }

  #events(end: (error: LabError) => void): LinkEvents {
    return {
      bytes: (chunk, atNs) => {
        this.#options.tap?.output(chunk, atNs)
        this.#screen.bytes(chunk)
      },
      lost: (reason) => this.#note(`console lost: ${reason}`),
      back: () => this.#note('console back; what came meanwhile is lost'),
      gone: end,
    }
  }

  /** The console, from whoever has it; waits while somebody has it who does not show it. */
  async #open(events: LinkEvents, patienceMs: number, signal: AbortSignal): Promise<Opened> {
    const { name } = this.#descriptor
    const { source } = this.#options
    if (source) return this.#opened(await source(events, signal), false)
    const deadline = performance.now() + patienceMs
    for (;;) {
      const attached = await attachedSource(name, events)
      if (attached) return this.#opened(attached, true)
      try {
        const own = await this.#openOwn(events, signal)
        if (own) return this.#opened(own, false)
      } catch (error) {
        if (!(error instanceof LabError) || performance.now() > deadline) throw error
      }
      await sleep(pollMs, undefined, { signal })
    }
  }

  /** Opens the console where nobody has the board; says why it waits where somebody has. */
  async #openOwn(events: LinkEvents, signal: AbortSignal): Promise<Source | undefined> {
    const { name } = this.#descriptor
    if (!isReal(this.#descriptor))
      return this.#wait(`nothing runs on ${name}; its console comes with the next run`)
    const { takes } = this.#options
    if (!takes && performance.now() < this.#askHolderAt) return undefined
    const holder = takes ? undefined : await holderOf(name)
    this.#askHolderAt = performance.now() + (holder === undefined ? 0 : holderPollMs)
    if (holder !== undefined)
      return this.#wait(`${name} is in use by ${describeHolder(holder)}; waiting for its console`)
    // Who has the board's lock keeps its console; a mere viewer gives it to the run that comes.
    return await ownSource(name, this.#descriptor.console, { events, yields: !takes }, signal)
  }

  #opened(console: Source, isAttached: boolean): Opened {
    this.#told = undefined
    this.#screen.note(isAttached ? 'connected, through the process that reads the console' : 'connected')
    return { console, isAttached, [Symbol.asyncDispose]: () => console[Symbol.asyncDispose]() }
  }

  /** Says once what is waited for. */
  #wait(why: string): undefined {
    if (this.#told !== why) this.#screen.note(why)
    this.#told = why
  }

  #keyboard(): Disposable {
    const { stdin } = process
    const keys = new Keys({
      send: (bytes) => this.#send(bytes),
      sendBreak: () =>
        this.#do(async (source) =>
          this.#screen.note((await source.sendBreak()) ? 'BREAK sent' : 'this console has no BREAK'),
        ),
      quit: () => this.#quit.abort(),
    })
    // What comes from a file or a pipe is for the board, every byte of it.
    const push = stdin.isTTY ? (chunk: Buffer) => keys.push(chunk) : (chunk: Buffer) => this.#send(chunk)
    if (stdin.isTTY) stdin.setRawMode(true)
    stdin.on('data', push)
    return {
      [Symbol.dispose]: () => {
        keys.close()
        stdin.off('data', push).pause()
        if (stdin.isTTY) stdin.setRawMode(false)
      },
    }
  }

  #send(bytes: Buffer): void {
    if (this.#source) this.#options.tap?.input(bytes, systemClock.nowNs())
    this.#do((source) => source.write(bytes))
  }

  #do(act: (source: Source) => Promise<void>): void {
    const source = this.#source
    if (!source) this.#screen.note('the console is not connected: nothing was sent')
    else act(source).catch((error: Error) => this.#screen.note(error.message))
  }
}

type Opened = AsyncDisposable & { console: Source; isAttached: boolean }
