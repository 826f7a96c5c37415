/** Machines for tests: they start in a blink and run the guest of console-x86_64.S or console-arm64.S. */
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Machine, type MachineOptions, startMachine } from '../machine.ts'
import { consoleGuest } from './console.ts'

/** Writes the guests' images to a new folder, which the caller removes; its name has a comma in it. */
export async function writeGuests(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'guests,'))
  await writeFile(join(folder, 'x86_64.raw'), consoleGuest.x86_64)
  await writeFile(join(folder, 'arm64.bin'), consoleGuest.arm64)
  return folder
}

/** One machine an architecture, with the images of `writeGuests`. */
export function guestMachines(folder: string): { x86_64: MachineOptions; arm64: MachineOptions } {
  return {
    x86_64: {
      name: 'test, x86',
      arch: 'x86_64',
      program: { path: 'qemu-system-x86_64' },
      machine: { type: 'q35', options: { smm: false }, cpus: 1, memory: 64, accelerator: 'tcg' },
      drives: [{ path: join(folder, 'x86_64.raw'), readOnly: true, serial: 'test' }],
      onConsole: () => {},
    },
    arm64: {
      name: 'test arm64',
      arch: 'arm64',
      program: { path: 'qemu-system-aarch64' },
      machine: {
        ...{ type: 'virt', options: { 'gic-version': 2 }, cpu: 'cortex-a57' },
        ...{ cpus: 1, memory: '64M', accelerator: 'tcg' },
      },
      kernel: join(folder, 'arm64.bin'),
      onConsole: () => {},
    },
  }
}

/** A machine whose guest has said `boot`; `until` waits for what it says last. */
export async function bootedGuest(
  folder: string,
  arch: keyof ReturnType<typeof guestMachines>,
  cpus = 1,
): Promise<{ machine: Machine; until(wanted: string): Promise<void> }> {
  const { onConsole, when } = listener()
  const options = guestMachines(folder)[arch]
  const machine = await startMachine({ ...options, machine: { ...options.machine, cpus }, onConsole })
  const until = (wanted: string) => when((text) => text.endsWith(wanted))
  await until('boot\r\n')
  return { machine, until }
}

/** Keeps what a console says; `when` waits for it to be as wanted. */
export function listener() {
  let text = ''
  let wake = () => {}
  const stamps: bigint[] = []
  const onConsole = (chunk: Buffer, atNs: bigint) => {
    text += chunk.toString('latin1')
    stamps.push(atNs)
    wake()
  }
  const when = async (isWanted: (text: string) => boolean) => {
    while (!isWanted(text)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      wake = resolve
      await promise
    }
  }
  return { onConsole, when, stamps, text: () => text }
}
