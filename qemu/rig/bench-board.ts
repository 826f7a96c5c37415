/** A board on the bench: power comes and goes, and what hangs on its serial line stays. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkedMs } from '../../harness/duration.ts'
import type { Drive, QemuArch, QemuMachineDescription, QemuProgram } from '../arguments.ts'
import { type Machine, startMachine } from '../machine.ts'
import { forgetTranslations } from '../translations.ts'
import type { Line, LineEnd, Plug } from './line.ts'
import type { Outlet } from './outlet.ts'
import type { RigConsole, RigFault, RigPower, RigSpec } from './spec.ts'
import { TextCount } from './text-count.ts'

/** A board of the rig, and what its machine boots: a kernel, or with firmware the first of its drives. */
export type RigBoard = {
  name: string
  arch: QemuArch
  machine: QemuMachineDescription
  program: QemuProgram
  kernel?: string
  initramfs?: string
  append?: string
  drives?: Drive[]
  console: RigConsole
  power: RigPower
  rig: RigSpec
}

type Tell = (text: string) => void
type TextFault = Extract<RigFault, { after: string }>
type Watched = { fault: TextFault; text: TextCount }

/** The last words of an old kernel and the first of a new one: between them code is copied over code, which is slow to emulate. */
const kexecWords = ['Starting new kernel', 'Linux version '] as const

/** The board, and the outlet that feeds it. */
export class BenchBoard implements Outlet, LineEnd, AsyncDisposable {
  readonly name: string
  /** Of a dead relay that is not what the board feels. */
  switched = false
  readonly #board: RigBoard
  readonly #tell: Tell
  readonly #watched: Watched[]
  readonly #kexec = kexecWords.map((text) => ({ text, next: new TextCount(text, 1) }))
  readonly #stop = new AbortController()
  #line: Line | undefined
  #plug: Plug | undefined
  #machine: Machine | undefined
  /** True from a simulated hang until the power is cut. */
  #dead = false
  /** True when the guest switched itself off: the outlet has power, the board does not run. */
  #halted = false
  #switching = Promise.resolve()
  #typing = Promise.resolve()
  #cuts = Promise.resolve()

  constructor(board: RigBoard, tell: Tell) {
    this.#board = board
    this.#tell = tell
    this.name = board.name
    this.#watched = board.rig.faults.flatMap((fault) =>
      'after' in fault ? [{ fault, text: new TextCount(fault.after, fault.count) }] : [],
    )
  }

  /** Puts the board on its line; `plug` is what a cut of the console pulls. */
  wire(line: Line, plug: Plug): void {
    this.#line = line
    this.#plug = plug
  }

  hasFault(type: RigFault['type']): boolean {
    return this.#board.rig.faults.some((fault) => fault.type === type)
  }

  /** Whether the machine runs. */
  get isOn(): boolean {
    return this.#machine !== undefined && !this.#halted
  }

  switch(on: boolean): void {
    this.switched = on
    if (this.hasFault('dead-relay') || this.#stop.signal.aborted) return
    this.#switching = this.#switching.then(() => (on ? this.#start() : this.#end()))
  }

  reset(): void {
    if (!this.#dead) this.#command('system_reset')
  }

  typed(bytes: Buffer): void {
    const machine = this.#machine
    // A board that is off or hangs hears nothing.
    if (machine && !this.#dead) this.#typing = this.#typing.then(() => machine.write(bytes)).catch(() => {})
  }

  broken(): void {
    if (!this.#dead) this.#command('chardev-send-break', { id: 'console' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever uses a rack switches off what it used.
    if (this.isOn) this.#tell(`${this.name} was left on`)
    this.#stop.abort()
    await this.#switching
    await this.#end()
    await this.#cuts
  }

  async #start(): Promise<void> {
    if (this.#halted) await this.#end()
    if (this.#machine) return
    const { program, kernel, initramfs, append, drives, arch, machine, name } = this.#board
    try {
      this.#machine = await startMachine({
        ...{ name, arch, program, machine, kernel, initramfs, append, drives },
        onConsole: (chunk) => this.#heard(chunk),
        signal: this.#stop.signal,
      })
    } catch (error) {
      if (this.#stop.signal.aborted) return
      // Nobody waits for this: it is told where whoever looks for the board will look.
      const words = `the rig could not start ${name}: ${(error as Error).message}`
      this.#tell(words)
      this.#line?.say(Buffer.from(`\r\n${words}\r\n`))
      return
    }
    this.#machine.onEvent(({ name: event, data }) => {
      if (event === 'SHUTDOWN' && data.reason === 'guest-shutdown') this.#halted = true
    })
    // A real board that resets starts again; one that is examined through QMP stays as it is.
    this.#command('set-action', { reboot: 'reset' })
  }

  async #end(): Promise<void> {
    const machine = this.#machine
    this.#machine = undefined
    await machine?.close()
    this.#dead = false
    this.#halted = false
  }

  /** What QEMU does not take, because it just ends, is no loss. */
  #command(command: string, args?: Record<string, unknown>): void {
    this.#machine?.qmp.execute(command, args).catch(() => {})
  }

  #heard(chunk: Buffer): void {
    if (this.#dead) return
    let said = chunk.length
    for (const { fault, text } of this.#watched) {
      const at = text.push(chunk)
      if (at === undefined) continue
      if (fault.type === 'hang') said = Math.min(said, at)
      this.#bringOn(fault)
    }
    this.#line?.say(chunk.subarray(0, said))
    this.#easeKexec(chunk)
  }

  /** Nothing that a board's user could see: a real CPU has no translations. */
  #easeKexec(chunk: Buffer): void {
    for (const words of this.#kexec) {
      if (words.next.push(chunk) === undefined) continue
      words.next = new TextCount(words.text, 1)
      if (this.#machine && !this.#dead) void forgetTranslations(this.#machine)
    }
  }

  #bringOn(fault: TextFault): void {
    const when = `after ${JSON.stringify(fault.after)}`
    if (fault.type === 'hang') {
      this.#tell(`${this.name} hangs ${when}`)
      this.#dead = true
      this.#command('stop')
      return
    }
    this.#tell(`the console of ${this.name} is cut for ${checkedMs(fault.for) / 1000} s ${when}`)
    this.#cuts = this.#cuts.then(() => this.#cut(checkedMs(fault.for)))
  }

  async #cut(forMs: number): Promise<void> {
    await this.#plug?.pull()
    await sleep(forMs, undefined, { signal: this.#stop.signal }).catch(() => {})
    if (this.#stop.signal.aborted) return
    try {
      await this.#plug?.push()
      this.#tell(`the console of ${this.name} is back`)
    } catch (error) {
      this.#tell(`the console of ${this.name} did not come back: ${(error as Error).message}`)
    }
  }
}
