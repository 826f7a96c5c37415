/** What the bench rig is told of a board: its machine, and what that boots. */
import { bootDisk } from '../../../images/boot-disk.ts'
import type { RigBoard } from '../../../qemu/rig/rig.ts'
import type { RigConsole, RigPower, RigSpec } from '../../../qemu/rig/spec.ts'
import type { Descriptor } from '../../board/descriptor.ts'
import { commandLine, newNonce } from '../../kexec/command-line.ts'
import { readSecret } from '../../secret.ts'
import { chooseQemu, prepareImage, type WithMachine } from '../prepare-qemu.ts'
import type { Progress } from '../progress.ts'

/** Throws UsageError or LabError for what the board needs and this host can't give. */
export async function rigBoard(
  descriptor: Descriptor,
  watch: { progress: Progress; signal: AbortSignal },
): Promise<RigBoard> {
  const board = descriptor as WithMachine & { console: RigConsole; power: RigPower; rig: RigSpec }
  const { name, arch, console, power, rig, append, earlyConsole } = board
  const [{ program, accelerator }, image] = await Promise.all([
    chooseQemu(board, watch),
    // Its kernel and initramfs are paths on the board.
    prepareImage({ ...board, image: { recipe: board.image.recipe } }, watch),
  ])
  const { memoryMiB, ...machine } = board.machine
  const own = { name, arch, console, power, rig, program }
  const described = { ...own, machine: { ...machine, memory: memoryMiB, accelerator } }
  if (rig.firmware !== 'none') {
    const password = rig.password && (await readSecret(rig.password, `the password of root on ${name}`))
    const path = await bootDisk(image!, { ...watch, ...(password === undefined ? {} : { password }) })
    return { ...described, drives: [{ path, snapshot: true }] }
  }
  const { kernel, initramfs, payload } = image!
  return {
    ...described,
    kernel,
    initramfs,
    append: commandLine({ arch, earlyConsole, append, nonce: newNonce() }),
    drives: payload.disk === null ? [] : [{ path: payload.disk, readOnly: true, serial: 'kexec-payload' }],
  }
}
