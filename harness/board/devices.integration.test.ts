/** Devices at work on a real kernel: disks that are read without end, network cards that answer. */
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { ensureProgram } from '../../images/host-packages.ts'
import { describeImage, resolveImage } from '../../images/image.ts'
import { systemClock } from '../clock.ts'
import { loadQemuDescriptor } from './descriptor.ts'
import type { QemuDescriptor } from './kinds.ts'
import { QemuBoard } from './qemu-board.ts'
import { reachShell, shellStage } from './stage/shell.ts'

const boards = fileURLToPath(new URL('../../boards', import.meta.url))
const timeoutMs = 120_000

async function bootBoard(t: ExecutionContext, descriptor: QemuDescriptor): Promise<QemuBoard> {
  const image = await resolveImage(descriptor.image.recipe!, { arch: 'x86_64' })
  const program = await ensureProgram({ program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] })
  const qemu = { program, accelerator: 'tcg', reason: 'the tests want TCG' } as const
  const board = new QemuBoard({ descriptor, image, qemu })
  t.teardown(() => board[Symbol.asyncDispose]())
  const { signal } = new AbortController()
  await board.powerOn('console=ttyS0', signal)
  await reachShell(board.console, board.shell, shellStage(descriptor), { from: 0, timeoutMs, signal })
  return board
}

async function run(board: QemuBoard, command: string): Promise<string> {
  return (await board.shell.run(command, { timeoutMs })).output
}

/** Reads that a disk of the guest has answered, from its sysfs. */
async function reads(board: QemuBoard, disk: string): Promise<number> {
  return Number(await run(board, `awk '{print $1}' /sys/block/${disk}/stat`))
}

test.serial('every disk is read until it is told to stop, but for the one with the payload', async (t) => {
  const descriptor = await loadQemuDescriptor('qemu-x86_64', boards)
  const machine = { ...descriptor.machine, disks: ['nvme' as const, 'virtio-blk' as const] }
  const board = await bootBoard(t, { ...descriptor, machine })
  t.regex(await run(board, 'cat /sys/block/vda/serial'), /^kexec-payload/)
  const payload = await reads(board, 'vda')
  t.is(await run(board, 'harness-io start 2'), 'io disks=2 nics=1')
  for (const disk of ['vdb', 'nvme0n1']) {
    const before = await reads(board, disk)
    await systemClock.sleep(1_000)
    t.true((await reads(board, disk)) > before, disk)
  }
  t.is(await reads(board, 'vda'), payload)
  t.is(await run(board, 'harness-io start 2'), 'io disks=2 nics=1', 'a second start begins anew')
  // A reader ends with the read that it waits for, which a busy host answers late.
  const stillRead = 'ps | grep -c "harness-i[o] read"'
  await run(board, 'harness-io stop')
  await run(board, `for i in $(seq 200); do [ $(${stillRead}) = 0 ] && break; sleep 0.2; done`)
  t.is(await run(board, stillRead), '0')
})

const generic = 'qemu-x86_64-devices'
test.serial(`the network cards of ${generic} answer the harness's frames`, async (t) => {
  const descriptor = await loadQemuDescriptor(generic, boards)
  if ((await describeImage(descriptor.image.recipe!)) === undefined) {
    t.log(`not run: build its image with npm run images -- ${descriptor.image.recipe}`)
    return t.pass()
  }
  const board = await bootBoard(t, descriptor)
  t.is(await run(board, 'harness-io start 4'), 'io disks=4 nics=2')
  using traffic = board.sendTraffic(50)
  while (traffic.counts.some(({ answered }) => answered < 10)) await systemClock.sleep(100)
  t.is(traffic.counts.length, 2)
  t.true(traffic.counts.every(({ sent, answered }) => answered <= sent))
})
