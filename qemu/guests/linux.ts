/** A Debian kernel with a shell on its console, for tests that need a real kernel; see images/. */
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveImage } from '../../images/image.ts'
import type { QemuMachineDescription } from '../arguments.ts'
import { type Machine, startMachine } from '../machine.ts'

const architectures = {
  x86_64: {
    image: 'bookworm-cloud-amd64',
    program: 'qemu-system-x86_64',
    console: 'console=ttyS0 earlyprintk=ttyS0,115200',
    machine: { cpu: 'max' },
  },
  arm64: {
    image: 'bookworm-cloud-arm64',
    program: 'qemu-system-aarch64',
    console: 'console=ttyAMA0 earlycon',
    machine: { cpu: 'cortex-a57', options: { 'gic-version': 2 } },
  },
} as const

const limitMs = 5 * 60_000
const probeIntervalMs = 2_000

export class LinuxGuest implements AsyncDisposable {
  readonly machine: Machine
  readonly #output: Output
  readonly #console: string
  #commands = 0

  private constructor(machine: Machine, output: Output, console: string) {
    this.machine = machine
    this.#output = output
    this.#console = console
  }

  /** Boots the kernel and waits for its shell. `devices` are one -device each. */
  static async boot(
    type: QemuMachineDescription['type'],
    devices: string[],
    accelerator: 'tcg' | 'icount' = 'tcg',
  ): Promise<LinuxGuest> {
    const arch = type === 'virt' ? 'arm64' : 'x86_64'
    const { program, machine, console, image: name } = architectures[arch]
    const image = await resolveImage(name)
    const output = new Output()
    const started = await startMachine({
      name: `test ${type}`,
      arch,
      program: { path: program },
      machine: {
        type,
        ...machine,
        cpus: accelerator === 'icount' ? 1 : 2,
        memory: 1024,
        accelerator,
        devices,
      },
      kernel: image.kernel,
      initramfs: image.initramfs,
      append: console,
      drives: [{ path: image.payload.disk!, readOnly: true, serial: 'kexec-payload' }],
      onConsole: (chunk) => output.push(chunk),
    })
    const guest = new LinuxGuest(started, output, console)
    await guest.ready(0)
    return guest
  }

  /** Position at the end of what the console has said so far. */
  get position(): number {
    return this.#output.text.length
  }

  /** What the console has said from a position on. */
  since(position: number): string {
    return this.#output.text.slice(position)
  }

  /** Waits for the shell of the kernel that spoke from this position on. */
  async ready(position: number): Promise<void> {
    await this.until(/HARNESS READY/, position)
    const answered = this.until(/P42z/, this.position)
    while (!(await Promise.race([answered.then(() => true), sleep(probeIntervalMs, false)]))) {
      await this.machine.write('echo P$((40+2))z\n')
    }
  }

  /** Waits until the console has said this. Throws when it does not come. */
  async until(pattern: RegExp, position: number): Promise<RegExpExecArray> {
    return await this.#output.until(pattern, position)
  }

  /** Runs a command line and gives what the console showed meanwhile. */
  async run(command: string): Promise<string> {
    const from = this.position
    const token = `Q${++this.#commands}q`
    await this.machine.write(`${command}; echo ${token}$((40+2))\n`)
    await this.until(new RegExp(`${token}42`), from)
    return this.since(from)
  }

  /** The address of a kernel function, from /proc/kallsyms. */
  async symbol(name: string): Promise<bigint> {
    const answer = await this.run(`grep ' ${name}$' /proc/kallsyms`)
    return BigInt(`0x${/([\da-f]{16}) [Tt] /.exec(answer)![1]}`)
  }

  /** Loads this image's own kernel for a kexec, which then probes its devices. */
  async load(options: string): Promise<void> {
    await this.run('harness-payload')
    const files = '/payload/kernel --initrd=/payload/initramfs'
    await this.run(`kexec ${options} -l ${files} --append='${this.#console} kexec_harness.probe'`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine.close()
  }
}

class Output {
  text = ''
  #wake = Promise.withResolvers<void>()

  push(chunk: Buffer): void {
    this.text += chunk.toString('latin1').replaceAll('\r', '')
    this.#wake.resolve()
    this.#wake = Promise.withResolvers<void>()
  }

  async until(pattern: RegExp, position: number): Promise<RegExpExecArray> {
    const stop = AbortSignal.timeout(limitMs)
    for (;;) {
      const found = pattern.exec(this.text.slice(position))
      if (found !== null) return found
      const late = sleep(limitMs, undefined, { signal: stop, ref: false }).catch(() => {})
      await Promise.race([this.#wake.promise, late])
      if (stop.aborted) throw new Error(`no ${pattern} in ${JSON.stringify(this.text.slice(-500))}`)
    }
  }
}
