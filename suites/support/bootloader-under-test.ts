/** A bootloader with a menu as the tests of a suite see it: each boot from its menu is recorded and judged. */
import type { Board } from '../../harness/board/board.ts'
import type { Descriptor } from '../../harness/board/descriptor.ts'
import type { CommandResult } from '../../harness/console/shell.ts'
import { KexecFailure } from '../../harness/errors.ts'
import { backMethod, type MenuSession } from '../../harness/kexec/menu-session.ts'
import { describeChoice } from '../../harness/kexec/menu-start.ts'
import type { SessionCycle } from '../../harness/kexec/session.ts'
import { kexecTools } from '../../harness/loader/kexec-tools.ts'
import type { Choice, Menu, MenuLoader } from '../../harness/loader/menu-loader.ts'
import type { TargetConfig } from '../../images/target-configs.ts'
import { findingsOf } from './findings.ts'
import type { OpenedBootloader } from './open-bootloader.ts'
import type { Recording } from './recording.ts'
import { SessionRecord } from './session-record.ts'
import type { DiskEntry } from './target-entries.ts'

export type BootloaderParts = {
  suite: string
  descriptor: Descriptor
  loader: MenuLoader
  opened: OpenedBootloader
  recording: Recording
  journal: string
}

export type Repeat = { iteration?: number; iterations?: number }

export class BootloaderUnderTest extends SessionRecord {
  readonly loader: MenuLoader
  readonly entries: readonly DiskEntry[]
  readonly #parts: BootloaderParts
  #session: MenuSession | undefined

  constructor(parts: BootloaderParts) {
    super(parts)
    this.#parts = parts
    this.loader = parts.loader
    this.entries = parts.opened.entries
  }

  async attach(session: MenuSession): Promise<void> {
    this.#session = session
    await this.countOn(this.#parts.journal, this.#parts.descriptor.name)
  }

  get board(): Board {
    return this.#parts.opened.board
  }

  get session(): MenuSession {
    return this.#session!
  }

  /** What one step of a loader may take, milliseconds. */
  get loadMs(): number {
    return this.#parts.descriptor.limits.loadMs
  }

  /** The kernel that entries without a fault boot. */
  get kernelFile(): string {
    return this.#parts.opened.kernel
  }

  /** Entries that boot. */
  get good(): readonly DiskEntry[] {
    return this.entries.filter(({ fault }) => fault === null)
  }

  /** A label as the menu shows it. */
  shown(label: string): string {
    return this.loader.shownLabel?.(label) ?? label
  }

  /** Boots an entry, which has to succeed. Throws KexecFailure otherwise; the next boot starts from a power-on then. */
  async boot(choice: Choice, repeat: Repeat = {}): Promise<SessionCycle> {
    const cycle = await this.#record(choice, repeat, () => this.session.boot(choice))
    if (cycle.failure) throw cycle.failure
    return cycle
  }

  /**
   * Tries to boot an entry that can't be booted. What became of it is returned and recorded, and is no failure: it is
   * what the test wants. Throws KexecFailure where the entry was booted all the same.
   */
  async bootInVain(choice: Choice): Promise<SessionCycle> {
    const cycle = await this.attempt(choice)
    if (cycle.proven)
      throw new KexecFailure(`${this.loader.name} booted ${describeChoice(choice)}, which can't be booted`)
    return cycle
  }

  /** Tries to boot an entry of which nobody can tell beforehand whether it boots: either is recorded as it was to be. */
  async attempt(choice: Choice): Promise<SessionCycle> {
    return await this.#record(choice, {}, () => this.session.boot(choice), { inVain: true })
  }

  /** Switches the power on with a disk that has one configuration alone; the first disk is back afterwards. */
  async withDisk(config: TargetConfig, body: () => Promise<void>): Promise<void> {
    const { insertDisk } = this.#parts.opened
    await insertDisk(config)
    try {
      await this.session.powerOn()
      await body()
    } finally {
      await insertDisk()
      // What is shown now is of the other disk.
      this.session.seen(undefined)
    }
  }

  /**
   * Runs a body in which the machine has UEFI firmware that vouches for who signed the kernel, from its next power-on on.
   * Told why not where it can't have it: then it is started as ever.
   */
  async withSignerVouchedFor(body: (whyNot: string | undefined) => Promise<void>): Promise<void> {
    const { descriptor, opened } = this.#parts
    const { kernel, bootloader } = opened
    // Only now: few tests want it.
    const { signerFirmware } = await import('./signer-firmware.ts')
    const { signal } = this.session.ui()
    await using found = await signerFirmware(descriptor, kernel, signal)
    bootloader.firmware = found.firmware
    try {
      await body(found.whyNot)
    } finally {
      bootloader.firmware = undefined
      this.session.seen(undefined)
    }
  }

  /** From the main Linux back into the bootloader. Throws KexecFailure where it does not come to its menu. */
  async kexecBack(repeat: Repeat = {}): Promise<SessionCycle> {
    const back = () => this.session.kexecBack(kexecTools, this.#parts.opened.back)
    const cycle = await this.#record(undefined, repeat, back)
    if (cycle.failure) throw cycle.failure
    return cycle
  }

  /** Runs a command in the main Linux that was booted. */
  async run(command: string): Promise<CommandResult> {
    const { opened, descriptor } = this.#parts
    return await opened.board.shell.run(command, { timeoutMs: descriptor.limits.loadMs })
  }

  /** The labels that a menu shows, for an assertion that a person reads. */
  labels(menu: Menu): string[] {
    return menu.entries.map(({ label }) => label)
  }

  async close(): Promise<void> {
    this.#session?.[Symbol.dispose]()
    await this.#parts.opened.board[Symbol.asyncDispose]()
  }

  /** Records one boot, or, without a choice, one way back. */
  async #record(
    choice: Choice | undefined,
    { iteration = 1, iterations = 1 }: Repeat,
    body: () => Promise<SessionCycle>,
    { inVain = false } = {},
  ): Promise<SessionCycle> {
    // Before the cycle is counted: a power-on is no part of it.
    if (choice?.by === 'label') await this.session.atMenu()
    const { recording, suite, descriptor } = this.#parts
    const cycle = ++this.cycle
    const method = choice ? this.loader.method : backMethod
    recording.add({
      type: 'cycle-started',
      ...{ suite, test: this.testTitle, cycle, iteration, iterations },
      generation: choice?.by === 'time-out' ? 1 : this.session.generation + 1,
      loader: choice ? this.loader.name : kexecTools.name,
      ...{ syscall: method.syscall, checks: method.checks, noIfdown: !method.ifdown, warmup: false, inVain },
      choice,
    })
    try {
      const outcome = await body()
      // An entry that was to fail has, and its times are of no boot.
      if (inVain) this.recordEnd({ ...outcome, phases: {}, gap: undefined }, undefined)
      else this.recordEnd(outcome, outcome.failure)
      if (!inVain)
        for (const finding of findingsOf(outcome, descriptor))
          recording.add({ type: 'finding', ...finding, suite, test: this.testTitle, cycle })
      return outcome
    } catch (error) {
      this.recordBroken(error)
      throw error
    }
  }
}
