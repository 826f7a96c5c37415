/** A board that goes on from an earlier cold boot is the same machine as one that has just booted: real kernels, real states. */
import { mkdtempSync, rmSync, truncateSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { QemuDescriptor } from '../board/kinds.ts'
import type { QemuBoard } from '../board/qemu-board.ts'
import { WarmStates } from '../board/warm-states.ts'
import { createObserving } from './observe/observing.ts'
import type { SessionCycle } from './session.ts'
import { openSession } from './session-fixture.ts'

/** What a machine shows of itself; what a running kernel counts is left out, the rest has to be the same to the letter. */
const shown = {
  'command line': 'cat /proc/cmdline',
  modules: 'cat /proc/modules',
  'PCI configuration':
    'cd /sys/bus/pci/devices && for d in *; do echo "$d" $(readlink $d/driver); od -An -tx1 $d/config; done',
  interrupts: "sed 's/:.*[0-9]  */: /' /proc/interrupts",
  'file systems': 'cat /proc/mounts',
  memory: 'cat /proc/iomem',
  // The shell takes kernel messages out of what a command prints. Up to when the state was kept: a busy host makes a kernel
  // complain of it at any time (`hrtimer: interrupt took 10715408 ns`).
  'kernel log': "dmesg | tr '[]' '()' | sed '/HARNESS READY/q'",
  // Those of user space alone: the kernel starts workers as it needs them.
  processes: 'all=$(for p in /proc/[0-9]*; do readlink $p/exe; done 2>/dev/null); echo "$all" | sort',
}

/** Every kind of disk and card that is known to be saved whole. */
const boards = {
  'qemu-x86_64': { disks: ['virtio-blk', 'ahci', 'usb-storage'], nics: ['virtio-net-pci', 'e1000e'] },
  'qemu-aarch64': { disks: ['virtio-blk', 'usb-storage'], nics: ['virtio-net-pci', 'e1000'] },
} as const

const withDevices = (name: keyof typeof boards) => (descriptor: QemuDescriptor) => ({
  ...descriptor,
  machine: {
    ...descriptor.machine,
    ...boards[name],
    disks: [...boards[name].disks],
    nics: [...boards[name].nics],
  },
})

function ownStates(t: ExecutionContext): { states: WarmStates; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-warm-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return { states: new WarmStates(folder), folder }
}

async function look({ shell }: QemuBoard): Promise<Record<string, string>> {
  const seen: Record<string, string> = {}
  for (const [what, command] of Object.entries(shown))
    seen[what] = (await shell.run(`(${command})`, { timeoutMs: 120_000 })).output
  return seen
}

function told({ newHits, observed, proven, record }: SessionCycle) {
  return {
    proven,
    complaints: newHits.map(({ signature }) => signature.id),
    findings: observed.map(({ id, device }) => `${id} ${device}`),
    disagreements: record?.disagreements,
  }
}

for (const name of ['qemu-x86_64', 'qemu-aarch64'] as const)
  test.serial(`${name}: a warm start is the machine that booted cold, and kexecs as it does`, async (t) => {
    const { states } = ownStates(t)
    const power = async () => {
      const { session, board, boots } = await openSession(t, {
        ...{ board: name, change: withDevices(name), states },
        observing: (descriptor) =>
          createObserving({ descriptor, slowShutdownMs: Infinity, busy: false, offsets: async () => ({}) }),
      })
      await session.boot()
      const seen = await look(board)
      const cycle = await session.cycle({ syscall: 'kexec_load', checks: false, ifdown: true })
      await board.powerOff()
      return { boot: boots[0]!, seen, told: told(cycle) }
    }
    const cold = await power()
    const warm = await power()

    t.is(cold.boot.note, undefined)
    t.falsy(cold.boot.warm)
    t.true(warm.boot.warm)
    t.log(`${name}: ${cold.boot.durationMs.toFixed(0)} ms cold, ${warm.boot.durationMs.toFixed(0)} ms warm`)
    for (const what of Object.keys(shown)) t.is(warm.seen[what], cold.seen[what], what)
    t.true(cold.seen['kernel log']!.length > 5_000)
    t.true(warm.told.proven)
    t.deepEqual(warm.told, cold.told)
  })

test.serial('a state that does not load is thrown away, and the board boots', async (t) => {
  const { states, folder } = ownStates(t)
  const { session, board, boots } = await openSession(t, { board: 'qemu-aarch64', states })
  await session.boot()
  const [name] = await readdir(join(folder, 'warm'))
  const file = join(folder, 'warm', name!, 'state')
  truncateSync(file, Math.floor((await stat(file)).size / 2))

  await session.boot()
  t.falsy(boots[1]!.warm)
  t.regex(boots[1]!.note ?? '', /the state that was kept of this board was of no use: .*qemu-system-aarch64/)
  // What took its place is as good as the first one was.
  await session.boot()
  t.true(boots[2]!.warm)
  t.is((await board.shell.run('echo $((40+2))', { timeoutMs: 60_000 })).output, '42')
})
