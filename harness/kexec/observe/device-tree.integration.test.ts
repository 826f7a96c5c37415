/** The device tree of U-Boot, through a kexec that keeps it and one that does not. */
import test from 'ava'
import { bootDisk } from '../../../images/boot-disk.ts'
import { resolveImage } from '../../../images/image.ts'
import { ensureUBoot } from '../../../qemu/rig/firmware.ts'
import type { Board } from '../../board/board.ts'
import { startFirmware } from '../../board/stage/machine-fixture.ts'
import { reachShell } from '../../board/stage/shell.ts'
import { runStage, stageTypes } from '../../board/stage/stages.ts'
import { Shell } from '../../console/shell.ts'
import type { ObservedFinding } from '../../detect/handover-findings.ts'
import {
  type DeviceTreeMemory,
  deviceTreeFindings,
  readDeviceTree,
  readProperties,
  watchingDeviceTree,
} from './device-tree.ts'
import type { Evidence, Occasion } from './observer.ts'

const timeoutMs = 120_000

test('the tree of U-Boot survives a kexec, and one that does not is told property by property', async (t) => {
  const disk = await bootDisk(await resolveImage('bookworm-cloud-arm64'))
  await using machine = await startFirmware(t, 'arm64', disk, ['-bios', await ensureUBoot('arm64', {})])
  const { console } = machine
  const stage = stageTypes.parse({
    type: 'shell',
    setup: ['mkdir -p /mnt', 'mountpoint -q /mnt || mount -o ro LABEL=board /mnt'],
  })
  if (stage.type !== 'shell') throw new Error('no shell')
  const menu = stageTypes.parse({ type: 'extlinux', entry: 'Service Linux' })
  const shell = new Shell(console)
  await reachShell(console, shell, stage, { from: await runStage(menu, machine.context()), timeoutMs })

  const memory: DeviceTreeMemory = {}
  const findings: ObservedFinding[] = []
  const cycle = async (options: string) => {
    const observer = watchingDeviceTree(memory)
    // Of a board, the observer needs its shell only.
    const board = { shell } as unknown as Board
    const evidence = { bindings: [], control: [], notes: [] } as Evidence
    const occasion: Occasion = { board, evidence, signal: new AbortController().signal }
    await observer.prepare!(occasion)
    const load = `--no-checks ${options} -l /mnt/main/vmlinuz --initrd=/mnt/main/initrd.img`
    const { status, output } = await shell.run(`kexec ${load} --command-line=console=ttyAMA0`, { timeoutMs })
    t.is(status, 0, output)
    const from = console.position + 'kexec -e'.length
    await console.write('kexec -e\n')
    await reachShell(console, shell, stage, { from, timeoutMs })
    await observer.finish!(occasion, true)
    findings.push(...deviceTreeFindings(evidence.deviceTreeChanges))
  }

  await cycle('')
  t.deepEqual(findings, [])
  t.is((await readDeviceTree(shell, timeoutMs))?.digest, memory.first!.digest)
  const version = memory.first?.tree?.get('/chosen/u-boot,version')
  t.regex(String(version), /^20\d\d\.\d\d/)

  const before = console.position
  await readProperties(shell, timeoutMs)
  t.log(`the tree took ${console.position - before} characters of the console`)

  const patched = `sed 's/linux,dummy-virt/linux,other-virt/' /sys/firmware/fdt >/tmp/patched.dtb`
  t.is((await shell.run(patched, { timeoutMs })).status, 0)
  await cycle('--dtb=/tmp/patched.dtb')
  t.is(findings.length, 1)
  t.like(findings[0], { id: 'device-tree-changed', severity: 'warning', phase: 'early', confidence: 'seen' })
  t.deepEqual(findings[0]!.evidence, [
    '/compatible = "linux,dummy-virt" -> "linux,other-virt"',
    '/model = "linux,dummy-virt" -> "linux,other-virt"',
  ])
})
