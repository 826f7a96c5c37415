/** A guest under breakpoints that is let go again, whatever happens. */
import { z } from 'zod'
import { LabError } from '../harness/errors.ts'
import { GdbStub, type StampedStop } from './gdb.ts'
import type { QmpClient } from './qmp.ts'

type WaitOptions = { signal?: AbortSignal; timeoutMs?: number }

/** Architectures whose guests can be held. */
export type HeldArch = keyof typeof registerNumbers

/**
 * GDB's numbers of the program counter, of the register with a function's first argument and of the one with its result:
 * rip, rdi, rax; pc, x0, x0.
 */
const registerNumbers = {
  x86_64: { programCounter: 16, firstArgument: 5, result: 0 },
  arm64: { programCounter: 32, firstArgument: 0, result: 0 },
}

/** A time in which the guest stood still to be looked at: host's monotonic clock, nanoseconds. */
export type HeldTime = { fromNs: bigint; toNs: bigint }

/** SIGINT and SIGTRAP, which the stub sends for a pause and for a breakpoint; the others are for a guest that is gone. */
const ownSignals = [2, 5]
const mostStrangeStops = 100
const stopTimeoutMs = 10_000

const statusSchema = z.object({ running: z.boolean(), status: z.string() })

/** QEMU has one stub: whoever attached last has it. */
const holders = new WeakMap<QmpClient, HeldGuest>()

export class HeldGuest {
  /** Whether somebody holds it, or follows it from breakpoint to breakpoint. */
  static isHeld(qmp: QmpClient): boolean {
    return holders.has(qmp)
  }

  readonly #qmp: QmpClient
  readonly #arch: HeldArch
  readonly #stub: GdbStub
  readonly #breakpoints = new Set<bigint>()
  readonly #held: HeldTime[] = []
  #heldSinceNs: bigint | undefined
  #released: Promise<void> | undefined

  private constructor(qmp: QmpClient, arch: HeldArch, stub: GdbStub) {
    this.#qmp = qmp
    this.#arch = arch
    this.#stub = stub
    holders.set(qmp, this)
  }

  /** Stops the guest, so that breakpoints can be set. Throws LabError, with the guest running on. */
  static async take({ qmp, arch }: { qmp: QmpClient; arch: HeldArch }): Promise<HeldGuest> {
    try {
      return new HeldGuest(qmp, arch, await GdbStub.attach(qmp))
    } catch (error) {
      await letGo(qmp)
      throw error
    }
  }

  async setBreakpoint(address: bigint): Promise<void> {
    this.#breakpoints.add(address)
    await this.#stub.setBreakpoint(address)
  }

  async removeBreakpoint(address: bigint): Promise<void> {
    await this.#stub.removeBreakpoint(address)
    this.#breakpoints.delete(address)
  }

  resume(): void {
    if (this.#heldSinceNs !== undefined)
      this.#held.push({ fromNs: this.#heldSinceNs, toNs: process.hrtime.bigint() })
    this.#heldSinceNs = undefined
    this.#stub.resume()
  }

  /** The times in which it stood still at its breakpoints, oldest first. */
  get held(): readonly HeldTime[] {
    return this.#held
  }

  /**
   * Lets one CPU execute one instruction. One that is halted has to be woken first, by a timer or by what its console is sent:
   * where nothing does within `timeoutMs`, the guest is stopped without.
   */
  async step({ timeoutMs }: { timeoutMs: number }): Promise<void> {
    this.#stub.step()
    try {
      await this.#stub.nextStop({ timeoutMs })
    } catch {
      this.#stub.interrupt()
      await this.#stub.nextStop({ timeoutMs: stopTimeoutMs })
    }
  }

  /** Lets the guest run to an address, once. Throws as `reach`. */
  async runTo(address: bigint, options: WaitOptions): Promise<StampedStop> {
    await this.setBreakpoint(address)
    this.resume()
    const stop = await this.reach(address, options)
    await this.removeBreakpoint(address)
    return stop
  }

  /**
   * Waits until a CPU stands at this address; other stops are continued at once. Throws LabError when the guest stopped
   * for good or when QEMU is gone, the signal's reason when it aborts.
   */
  async reach(address: bigint, { signal, timeoutMs }: WaitOptions): Promise<StampedStop> {
    const { programCounter } = registerNumbers[this.#arch]
    for (let strange = 0; strange < mostStrangeStops; strange++) {
      const stop = await this.#stub.nextStop({ signal, timeoutMs })
      this.#heldSinceNs = stop.atNs
      if (!ownSignals.includes(stop.signal))
        throw new LabError('the guest stopped for good: it was reset, switched off or has panicked')
      if ((await this.#stub.readRegister(programCounter)) === address) return stop
      this.resume()
    }
    throw new LabError(`the guest stopped ${mostStrangeStops} times, and never at 0x${address.toString(16)}`)
  }

  /** The first argument of the function at whose start the CPU stands. */
  async firstArgument(): Promise<bigint> {
    return await this.#stub.readRegister(registerNumbers[this.#arch].firstArgument)
  }

  /** The register that functions return in. */
  async resultRegister(): Promise<bigint> {
    return await this.#stub.readRegister(registerNumbers[this.#arch].result)
  }

  /** Guest-virtual memory as the CPU that stopped sees it, 4096 bytes at most. Throws LabError where nothing is mapped. */
  async readMemory(address: bigint, length: number): Promise<Buffer> {
    return await this.#stub.readMemory(address, length)
  }

  /** Removes every breakpoint, lets the guest run and ends the stub; a second call waits for the first. Never rejects. */
  async release(): Promise<void> {
    this.#released ??= this.#release()
    await this.#released
  }

  async #release(): Promise<void> {
    try {
      await this.#removeAll()
    } catch {
      // A connection that broke leaves breakpoints: a new one removes them as it begins.
      await GdbStub.attach(this.#qmp).then(
        (stub) => stub.close(),
        () => {},
      )
    }
    this.#stub.close()
    await letGo(this.#qmp)
    if (holders.get(this.#qmp) === this) holders.delete(this.#qmp)
  }

  async #removeAll(): Promise<void> {
    if (this.#breakpoints.size === 0) return
    const { running } = await this.#qmp.execute('query-status', undefined, { schema: statusSchema })
    if (running) {
      this.#stub.interrupt()
      await this.#stub.nextStop({ timeoutMs: stopTimeoutMs })
    }
    for (const address of [...this.#breakpoints]) await this.removeBreakpoint(address)
  }
}

/** Ends the stub and lets the guest run on if it is the stub that stopped it. Never rejects: QEMU may be gone. */
async function letGo(qmp: QmpClient): Promise<void> {
  try {
    await qmp.humanMonitor('gdbserver none')
    const { status } = await qmp.execute('query-status', undefined, { schema: statusSchema })
    if (status === 'paused' || status === 'debug') await qmp.execute('cont')
  } catch {
    // A QEMU that does not answer holds nobody.
  }
}
