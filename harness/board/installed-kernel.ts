/** The kernel that a board's own disk started: its files on that disk, and what it needs on its command line. */
import type { Shell } from '../console/shell.ts'
import { BoardError } from '../errors.ts'
import type { TargetFiles } from './board.ts'

/** Where distributions put them; `$v` is the release of the running kernel. */
const kernels = ['/boot/vmlinuz-$v', '/boot/Image-$v', '/boot/vmlinuz', '/vmlinuz', '/boot/Image']
const initramfses = [
  '/boot/initrd.img-$v',
  '/boot/initramfs-$v.img',
  '/boot/initrd-$v',
  '/boot/initrd.img',
  '/initrd.img',
]

const find = (name: string, files: string[]) =>
  `for f in ${files.map((file) => `"${file}"`).join(' ')}; do [ -f "$f" ] && echo "${name}=$f" && break; done`

/** Finds the running kernel on the board. Throws BoardError when it is not where distributions put it. */
export async function findInstalledKernel(
  shell: Shell,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TargetFiles> {
  const command = `v=$(uname -r); ${find('kernel', kernels)}; ${find('initramfs', initramfses)}; echo "cmdline=$(cat /proc/cmdline)"`
  const { output } = await shell.run(command, { timeoutMs, signal })
  const kernel = /^kernel=(.+)$/m.exec(output)?.[1]
  if (kernel === undefined)
    throw new BoardError(
      `the running kernel is not on the board's disk (looked for ${kernels.join(', ')}, where v is what uname -r says)`,
      {
        hint: 'Give the board a kernel with --kernel, or install one where its distribution puts it.',
      },
    )
  return {
    kernel,
    initramfs: /^initramfs=(.+)$/m.exec(output)?.[1] ?? null,
    commandLine: inheritable(/^cmdline=(.*)$/m.exec(output)?.[1] ?? ''),
  }
}

/** A command line without what its bootloader and this harness put there. */
export function inheritable(commandLine: string): string {
  return commandLine
    .split(/\s+/)
    .filter((word) => word !== '' && !/^(BOOT_IMAGE|initrd|kexec_harness\.nonce)=/.test(word))
    .join(' ')
}
