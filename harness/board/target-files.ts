/** The kernel and initramfs that a board on a rack is to kexec: files on the board. */
import { quote, type Shell } from '../console/shell.ts'
import { BoardError } from '../errors.ts'
import type { TargetFiles } from './board.ts'
import { findInstalledKernel, inheritable } from './installed-kernel.ts'
import type { RealDescriptor } from './kinds.ts'
import { providePayload } from './payload.ts'

/**
 * What the descriptor names, else our payload where the board has one, else the kernel that runs.
 * Throws BoardError where it is not there.
 */
export async function findTarget(
  shell: Shell,
  { image, limits, name }: RealDescriptor,
  signal: AbortSignal,
): Promise<TargetFiles> {
  const options = { timeoutMs: limits.loadMs, signal }
  if (image.kernel === undefined) {
    const { status } = await shell.run('command -v harness-payload', options)
    const provide = status === 0 ? providePayload : findInstalledKernel
    return await provide(shell, limits.loadMs, signal)
  }
  const files = [image.kernel, image.initramfs].filter((file) => file !== undefined)
  const checks = files.map((file) => `[ -s ${quote(file)} ] || echo missing=${quote(file)}`).join('; ')
  const { output } = await shell.run(`${checks}; echo "cmdline=$(cat /proc/cmdline)"`, options)
  const missing = /^missing=(.+)$/m.exec(output)?.[1]
  if (missing !== undefined)
    throw new BoardError(`${missing}, which ${name} is to kexec, is not on the board, or is empty`, {
      board: name,
      hint: "Is its file system mounted? A shell stage's setup can do that; else mend image in the descriptor.",
    })
  return {
    kernel: image.kernel,
    initramfs: image.initramfs ?? null,
    commandLine: inheritable(/^cmdline=(.*)$/m.exec(output)?.[1] ?? ''),
  }
}
