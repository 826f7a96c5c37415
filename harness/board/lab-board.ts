/** A board on a rack: a console that another process reads, a power switch, stages up to a shell. */
import { systemClock } from '../clock.ts'
import { type Attached, attach } from '../console/attached.ts'
import { Console, ConsoleClosed, ConsoleTimeout } from '../console/console.ts'
import { Shell } from '../console/shell.ts'
import { consoleSocket } from '../console/tee.ts'
import { baudOf } from '../console/transports.ts'
import { LabError } from '../errors.ts'
import { openPower, type PowerControl } from '../power/control.ts'
import type { Asking } from '../probe-log.ts'
import { answersWhenOff } from './answers-when-off.ts'
import type { Board, Examination, RecoveryStep, TargetFiles } from './board.ts'
import type { RealDescriptor } from './kinds.ts'
import { labFault } from './lab-fault.ts'
import { passwordsOf } from './passwords.ts'
import { putInQuarantine } from './quarantine.ts'
import { recoverySteps } from './recovery-steps.ts'
import { firmwareStages, shellStage } from './stage/shell.ts'
import { runStage } from './stage/stages.ts'
import { askSysrq } from './sysrq.ts'
import { findTarget } from './target-files.ts'

export type LabBoardOptions = {
  descriptor: RealDescriptor
  /** The run's folder, for whoever finds the board in quarantine. */
  run: string
  /** Hears what the power switch does and what happens to the console, a sentence each. */
  log: (text: string) => void
  /** Ends whatever the board does, but not its last power-off. */
  signal: AbortSignal
}

type Parts = { line: Attached; power: PowerControl; secrets: string[] }

const offPatience = { drainMs: 500, echoMs: 1_000 }
const offAttempts = 2

export class LabBoard implements Board {
  readonly descriptor: RealDescriptor
  readonly console: Console
  readonly shell: Shell
  readonly accelerator = null
  readonly note: string
  readonly recoverySteps: readonly RecoveryStep[]
  readonly powerCycles: number
  readonly askNetwork?: (signal: AbortSignal) => Promise<Asking>
  readonly #options: LabBoardOptions
  readonly #line: Attached
  readonly #power: PowerControl
  #gone: LabError | undefined

  /** Attaches to the console that the run keeps. Throws LabError: nobody keeps it, a secret of the switch is missing. */
  static async open(options: LabBoardOptions): Promise<LabBoard> {
    const { descriptor, log } = options
    const { name } = descriptor
    const [power, secrets] = await Promise.all([
      openPower(name, descriptor.power, log),
      passwordsOf(descriptor),
    ])
    let board: LabBoard | undefined
    const line = await attach(name, consoleSocket(name), {
      bytes: (chunk, atNs) => board?.console.feed(chunk, atNs),
      lost: (reason, atNs) => board?.console.hole(reason, atNs),
      back: (atNs) => board?.console.back(atNs),
      gone: (error) => board?.goneFor(error),
    })
    board = new LabBoard(options, { line, power, secrets })
    return board
  }

  private constructor(options: LabBoardOptions, { line, power, secrets }: Parts) {
    const { descriptor, log } = options
    this.#options = options
    this.#line = line
    this.#power = power
    this.descriptor = descriptor
    this.console = new Console(line, undefined, { baud: baudOf(descriptor.console), secrets })
    this.shell = new Shell(this.console, { prompt: shellStage(descriptor).prompt })
    this.note = `console ${descriptor.console.type}, power ${descriptor.power.type}`
    this.powerCycles = descriptor.recovery.powerCycles
    this.recoverySteps = recoverySteps(this, line)
    const { network } = descriptor
    if (network)
      this.askNetwork = async (signal) => {
        // Only now: few runs ask.
        const { askNetwork } = await import('./network/asking.ts')
        return await askNetwork(network, signal)
      }
    this.console.onHole((hole) => log(`console lost: ${hole.reason}`))
  }

  /** What a stamp may be late by beyond the host's own delay, milliseconds: a FIFO of the UART, and the adapter's timer. */
  get stampUncertaintyMs(): number | undefined {
    const baud = baudOf(this.descriptor.console)
    const fifoMs = baud === undefined ? undefined : (fifoBytes * bitsPerByte * 1000) / baud
    const lateMs = this.#line.lateness?.ms
    return fifoMs === undefined ? lateMs : fifoMs + (lateMs ?? 0)
  }

  goneFor(error: LabError): void {
    this.#gone = error
    this.console.close(error.message)
  }

  async powerOn(commandLine: string, signal: AbortSignal): Promise<number> {
    const deadline = performance.now() + this.descriptor.limits.bootMs
    const from = this.console.position
    await this.#power.on(signal)
    await this.#firstOutput(from, deadline, signal)
    return await this.climb(from, commandLine, signal, deadline)
  }

  /** Goes through the stages before the kernel's own; returns the position from which its shell is looked for. */
  async climb(
    from: number,
    commandLine: string,
    signal: AbortSignal,
    deadline = performance.now() + this.descriptor.limits.bootMs,
  ): Promise<number> {
    let position = from
    for (const stage of firmwareStages(this.descriptor)) {
      const timeoutMs = Math.max(1, Math.round(deadline - performance.now()))
      position = await runStage(stage, {
        console: this.console,
        from: position,
        commandLine,
        timeoutMs,
        signal,
      })
    }
    return position
  }

  /** Switches off and listens whether that did anything: a relay may say yes and do nothing. */
  async powerOff(signal = this.#options.signal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.#power.off(signal)
      const alive = await answersWhenOff(this.console, offPatience, signal)
      if (alive === undefined) return
      if (attempt === offAttempts)
        throw new LabError(
          `${this.descriptor.name} goes on talking after its power was switched off (${attempt} times): it said ${JSON.stringify(alive)}`,
          {
            board: this.descriptor.name,
            hint: 'The switch says yes and does nothing, or it switches another board: look at the outlet that the descriptor names.',
          },
        )
    }
  }

  /** A machine that resets or dies tells nobody but its console. */
  onTrouble(): () => void {
    return () => {}
  }

  labFault(sinceNs: bigint): LabError | undefined {
    return this.#gone ?? labFault(this.descriptor, this.console, sinceNs)
  }

  async examine(): Promise<Examination> {
    if (!this.descriptor.recovery.sysrq) return {}
    const said = await askSysrq('l', this.console, this.#line, this.#options.signal)
    if (said === null) return {}
    if (said === undefined) return { registers: ['no answer to BREAK and sysrq: its interrupts are off'] }
    return { registers: said }
  }

  async provideTarget(signal: AbortSignal): Promise<TargetFiles> {
    return await findTarget(this.shell, this.descriptor, signal)
  }

  giveUp(reason: string): void {
    // A board of the rig is made anew for each run.
    if (!this.descriptor.rig) putInQuarantine(this.descriptor.name, reason, this.#options.run)
  }

  /** Switches off whatever happened, and lets go of the console. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#power.off(new AbortController().signal)
    } catch (error) {
      this.#options.log(`left on: ${(error as Error).message}`)
    } finally {
      await this.#power[Symbol.asyncDispose]()
      await this.#line[Symbol.asyncDispose]()
      this.console.close('the board was closed')
    }
  }

  async #firstOutput(from: number, deadline: number, signal: AbortSignal): Promise<void> {
    const timeoutMs = Math.max(1, Math.round(deadline - performance.now()))
    const sinceNs = systemClock.nowNs()
    try {
      await this.console.expect(/\S/, { from, timeoutMs, signal, what: 'output after power-on' })
    } catch (error) {
      if (!(error instanceof ConsoleTimeout || error instanceof ConsoleClosed)) throw error
      const fault = this.labFault(sinceNs) ?? this.#silence(timeoutMs, error)
      // A hung adapter or console server is as silent as a dead board: the next attempt has a new connection.
      await this.#line.reopen().catch(() => {})
      throw fault
    }
  }

  #silence(timeoutMs: number, cause: Error): LabError {
    const { name: board } = this.descriptor
    return new LabError(`${board} said nothing within ${Math.round(timeoutMs / 1000)} s of its power-on`, {
      board,
      hint: `Does the switch feed this board, and is the console this board's? Look at each part: npm run doctor -- --board ${board} --power`,
      cause,
    })
  }
}

/** The receive FIFO of a 16550A, which hands over what it has when it is full or the line pauses. */
const fifoBytes = 16
const bitsPerByte = 10
