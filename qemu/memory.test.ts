import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { guestMachines, writeGuests } from './guests/machines.ts'
import { startMachine } from './machine.ts'
import { recoverKernelLog } from './memory.ts'
import { parseRamRanges } from './ram.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))
const log = join(folder, 'log.bin')
test.before(async () => {
  const packed = await readFile(new URL('fixtures/printk-x86_64.bin.gz', import.meta.url))
  await writeFile(log, gunzipSync(packed))
})

/** A machine that has a recorded log at an address of its RAM, across the border of two pieces. */
function machineWithLog(address: number) {
  const { arm64 } = guestMachines(folder)
  const devices = [`loader,file=${log.replaceAll(',', ',,')},addr=0x${address.toString(16)},force-raw=on`]
  return startMachine({ ...arm64, machine: { ...arm64.machine, memory: 96, devices } })
}

test.serial('a log is found in the RAM of a machine, and only under its own nonce', async (t) => {
  const border = 0x42000000
  await using machine = await machineWithLog(border - 6504 - 16)
  const progress: number[] = []
  const onProgress = (done: number, total: number) => progress.push(done / total)
  const found = await recoverKernelLog(machine, '5eed', { onProgress })
  t.true(found.found)
  t.is(found.lines.length, 60)
  t.false(found.reachedInit)
  t.deepEqual(progress, [1 / 3, 2 / 3, 1])
  t.deepEqual(await recoverKernelLog(machine, 'f00d'), { found: false, lines: [], reachedInit: false })
  await t.throwsAsync(recoverKernelLog(machine, ''), { instanceOf: UsageError })
})

test.serial('an abort ends the search and leaves no file', async (t) => {
  await using machine = await machineWithLog(0x41000000)
  const controller = new AbortController()
  const search = recoverKernelLog(machine, 'f00d', {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  })
  await t.throwsAsync(search, { name: 'AbortError' })
  const left = await readdir('/dev/shm').catch(() => [])
  t.deepEqual(
    left.filter((name) => name.startsWith(`kexec-${process.pid}-`)),
    [],
  )
})

test('RAM ranges are merged, and video memory and ROM are left out', (t) => {
  const mtree = `FlatView #0
 AS "memory", root: system
  0000000000000000-00000000000c2fff (prio 0, ram): pc.ram
  00000000000c3000-00000000000e7fff (prio 0, rom): pc.ram @00000000000c3000
  0000000000100000-000000007fffffff (prio 0, ram): pc.ram @0000000000100000
  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
  0000000100000000-000000017fffffff (prio 0, ram): pc.ram @0000000080000000

FlatView #1
 AS "cpu-memory-0", root: memory
  0000000000000000-00000000000c3fff (prio 0, ram): pc.ram
`
  t.deepEqual(parseRamRanges(mtree), [
    { start: 0, end: 0xc4000 },
    { start: 0x100000, end: 0x80000000 },
    { start: 0x100000000, end: 0x180000000 },
  ])
  t.deepEqual(parseRamRanges('unknown command'), [])
})
