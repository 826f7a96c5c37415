/** Fault modules in real kernels: each is put in and, where it can be, taken out again, with its device in between. */
import test, { type ExecutionContext } from 'ava'
import {
  FaultUnavailable,
  faultNames,
  faults,
  type PreparedFault,
  prepareFault,
} from '../../images/faults.ts'
import { ensureProgram } from '../../images/host-packages.ts'
import { type Image, resolveImage } from '../../images/image.ts'
import { type Machine, startMachine } from '../../qemu/machine.ts'
import { Console } from '../console/console.ts'
import { Shell } from '../console/shell.ts'

const timeoutMs = 120_000
const boards = {
  x86_64: {
    recipe: 'bookworm-cloud-amd64',
    qemu: { program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] },
    machine: { type: 'q35', cpu: 'max' },
    append: 'console=ttyS0',
  },
  arm64: {
    recipe: 'bookworm-cloud-arm64',
    qemu: { program: 'qemu-system-aarch64', packages: ['qemu-system-arm'] },
    machine: { type: 'virt', options: { 'gic-version': 2 }, cpu: 'cortex-a57' },
    append: 'console=ttyAMA0',
  },
} as const

type Board = { run: (command: string) => Promise<{ status: number; output: string }> }

/** Boots a machine with the fault disk and every device that a fault needs. */
async function boot(
  t: ExecutionContext,
  arch: keyof typeof boards,
  image: Image,
  { disk }: PreparedFault,
): Promise<Board> {
  const { qemu, machine, append } = boards[arch]
  const wanted = new Set(faultNames.flatMap((name) => [...faults[name].devices[arch], ...faults[name].nics]))
  let running: Machine | undefined
  const console = new Console({ write: async (bytes) => await running?.write(bytes) })
  running = await startMachine({
    name: t.title,
    arch,
    program: await ensureProgram(qemu),
    machine: { ...machine, cpus: 2, memory: 1024, accelerator: 'tcg', devices: [...wanted] },
    kernel: image.kernel,
    initramfs: image.initramfs,
    append,
    drives: [{ path: disk, readOnly: true, serial: 'kexec-fault' }],
    onConsole: (chunk, atNs) => console.feed(chunk, atNs),
  })
  t.teardown(() => running.close())
  await console.expect(/HARNESS READY/, { timeoutMs, from: 0, what: 'ready line' })
  const shell = new Shell(console)
  await shell.synchronise(timeoutMs)
  return { run: (command) => shell.run(command, { timeoutMs }) }
}

/** Undefined where this host can't build modules, which is not what these tests are about. */
async function prepared(t: ExecutionContext, image: Image): Promise<PreparedFault | undefined> {
  try {
    return await prepareFault('edu-good', { image })
  } catch (error) {
    if (!(error instanceof FaultUnavailable)) throw error
    t.log(`skipped: ${error.message}`)
    t.pass()
    return undefined
  }
}

for (const arch of ['x86_64', 'arm64'] as const) {
  const { recipe } = boards[arch]
  test.serial(`${recipe}: each fault module goes in, takes its device, and comes out`, async (t) => {
    const image = await resolveImage(recipe)
    const fault = await prepared(t, image)
    if (!fault) return
    const { run } = await boot(t, arch, image, fault)
    for (const name of faultNames) {
      const { driver, takes } = faults[name]
      const put = await run(`harness-fault ${name}`)
      t.deepEqual([put.status, put.output], [0, `fault ${name} is in`])
      if (takes !== null) {
        const bound = await run(`cd /sys/bus/pci/drivers/${driver} && cat 0*/vendor 0*/device`)
        t.is(bound.output.replace('\n', ':'), takes, name)
      }
      const again = await run(`harness-fault ${name}`)
      t.deepEqual([again.status, again.output], [1, `fault error: ${name} is in already`])
      const taken = await run(`rmmod ${name.replaceAll('-', '_')}`)
      t.deepEqual([taken.status, taken.output], [0, ''], name)
    }
    const complaints = await run(`dmesg | grep -cE 'BUG:|WARNING:|Oops'`)
    t.is(complaints.output, '0')
    await run('echo 1 >$(dirname $(grep -l 0x11e8 /sys/bus/pci/devices/*/device))/remove')
    const lacking = await run('harness-fault edu-good')
    t.is(lacking.output, 'fault error: this machine has no PCI device 0x1234:0x11e8, which edu-good needs')
    const unknown = await run('harness-fault edu-gone')
    t.is(unknown.status, 1)
    t.regex(unknown.output, /^fault error: the disk has no edu-gone\.ko, it has: .*edu-good\.ko/)
  })
}
