/** Brings a board up, and back after a failed cycle: what it may still answer to first, then its power. */
import type { Board, RecoveryStep, StartBoard } from '../board/board.ts'
import { LabError } from '../errors.ts'
import type { KernelFacts } from './proof.ts'
import type { SessionListener } from './session.ts'

/** Ways to boot; each waits for the shell of generation 0. */
export type Boots = {
  resume(start: StartBoard): Promise<KernelFacts>
  powerCycle(): Promise<KernelFacts>
  /** Whether the last of them went on from where an earlier cold boot had got to. */
  wasWarm?(): boolean
}

type Parts = { board: Board; listener: SessionListener; signal: AbortSignal }

const booted = 'the board booted cold and its shell answers'
const woke = 'the board went on from where an earlier cold boot had got to, and its shell answers'
/** Of a dump of tasks the journal keeps the beginning. */
const keptCharacters = 4_000

export class Recovery {
  readonly #parts: Parts
  readonly #boots: Boots

  constructor(parts: Parts, boots: Boots) {
    this.#parts = parts
    this.#boots = boots
  }

  /** The first boot of a board: only its power is cycled, and only what fails is told. */
  async bringUp(): Promise<KernelFacts> {
    return await this.#powerCycles({ quiet: true })
  }

  /** Tries each step and tells what it said. Throws BoardError or LabError when none helped; the board is given up then. */
  async run(): Promise<void> {
    const { board, signal } = this.#parts
    for (const step of board.recoverySteps ?? []) {
      signal.throwIfAborted()
      if (await this.#attempt(step)) return
    }
    await this.#powerCycles({ quiet: false })
  }

  async #attempt({ name, attempt }: RecoveryStep): Promise<boolean> {
    const { listener, signal } = this.#parts
    const heard: string[] = []
    const tell = (ok: boolean) => listener.recovery(name, heard.filter(Boolean).join('\n'), ok)
    try {
      const { said, boot } = await attempt(signal)
      heard.push(said.slice(0, keptCharacters))
      if (boot) {
        await this.#boots.resume(boot)
        heard.push(booted)
      }
      tell(boot !== null)
      return boot !== null
    } catch (error) {
      signal.throwIfAborted()
      heard.push((error as Error).message)
      tell(false)
      return false
    }
  }

  async #powerCycles({ quiet }: { quiet: boolean }): Promise<KernelFacts> {
    const { board, listener, signal } = this.#parts
    for (let cycle = 1; ; cycle++) {
      const name = board.powerCycles === 1 ? 'power cycle' : `power cycle ${cycle} of ${board.powerCycles}`
      try {
        const facts = await this.#boots.powerCycle()
        if (!quiet || cycle > 1) listener.recovery(name, this.#boots.wasWarm?.() ? woke : booted, true)
        return facts
      } catch (error) {
        signal.throwIfAborted()
        if (!quiet || board.powerCycles > 1) listener.recovery(name, (error as Error).message, false)
        if (cycle < board.powerCycles) continue
        this.#giveUp(error as Error)
        throw error
      }
    }
  }

  #giveUp(error: Error): void {
    const { board, listener } = this.#parts
    if (!board.giveUp) return
    const whose = error instanceof LabError ? 'the lab' : 'the board'
    board.giveUp(`${whose} did not come back: ${error.message}`)
    listener.recovery('quarantine', 'no run uses the board before a person releases it', false)
  }
}
