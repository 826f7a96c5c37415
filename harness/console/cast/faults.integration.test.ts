/** A real console that loses what is typed: a QEMU machine's. */
import test from 'ava'
import { ensureProgram } from '../../../images/host-packages.ts'
import { resolveImage } from '../../../images/image.ts'
import { startMachine } from '../../../qemu/machine.ts'
import { LabError } from '../../errors.ts'
import { Console, ConsoleTimeout } from '../console.ts'
import { openLink } from '../link.ts'
import { Shell } from '../shell.ts'
import type { Connect } from '../transport.ts'
import { withFaults } from './faults.ts'

const arch = 'x86_64'
/** Of 60 characters that make a command every second loses one: what is waited for in vain is most of this test's time. */
const patience = { echoTimeoutMs: 4_000, commandMs: 20_000 }
/** A boot under TCG, on a machine that is shared. */
const bootMs = 10 * 60_000

test('commands typed through a bad line are done right, or the line is told', async (t) => {
  t.timeout(30 * 60_000)
  const program = await ensureProgram({ program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] })
  const image = await resolveImage('bookworm-cloud-amd64', { arch })
  const connect: Connect = async (sink, signal) => {
    const machine = await startMachine({
      ...{ name: 'bad line', arch, program, signal, drives: [] },
      machine: { type: 'q35', cpu: 'max', cpus: 2, memory: 1024, accelerator: 'tcg' },
      kernel: image.kernel,
      initramfs: image.initramfs,
      append: 'console=ttyS0',
      onConsole: (chunk, atNs) => sink.bytes(chunk, atNs),
    })
    return { write: (bytes) => machine.write(bytes), close: () => machine.close() }
  }
  const console = new Console({ write: (bytes) => link.write(bytes) })
  const faults = { seed: 1, input: { lost: 0.01 }, output: { delayed: 0.05, delayMs: 200 } }
  await using link = await openLink(
    {
      connect: withFaults(connect, faults),
      what: 'console of the machine',
      events: {
        bytes: (chunk, atNs) => console.feed(chunk, atNs),
        lost: (reason) => console.close(reason),
        back: () => {},
        gone: (error) => console.close(error.message),
      },
    },
    AbortSignal.timeout(bootMs),
  )
  const shell = new Shell(console, patience)
  await console.expect('HARNESS READY', { timeoutMs: bootMs, from: 0, what: 'shell' })
  await shell.synchronise(bootMs)
  let right = 0
  for (let number = 1; number <= 20; number++)
    try {
      const { output } = await shell.run(`echo answer$((${number}*1111))`, { timeoutMs: patience.commandMs })
      t.is(output, `answer${number * 1111}`)
      right++
    } catch (error) {
      t.true(error instanceof LabError || error instanceof ConsoleTimeout, String(error))
      t.log((error as Error).message)
    }
  t.true(right >= 10, `${right} of 20`)
})
