/** An initramfs that is larger than the target's own and holds the same: what a MiB more costs, and nothing else. */
import type { TargetFiles } from '../board/board.ts'
import { quote, type Shell } from '../console/shell.ts'
import { BoardError } from '../errors.ts'
import { UnsupportedMethod } from './cycle-errors.ts'

type StepOptions = { timeoutMs: number; signal?: AbortSignal }

/** Where a copy may go: folders that are usually in memory, since what is written to a board's disk wears it. */
const folders = ['/dev/shm', '/run', '/tmp']

/** While it is loaded, a copy is in memory three times: as a file, in the loading process and in the kernel. */
const copies = 3
const spareKiB = 32 * 1024

/**
 * Copies the target's initramfs into a file system in memory and appends zeros: `mib` MiB, and up to three bytes more for a
 * size that is a multiple of four (xz's decompressor wants one). Kernels skip zeros after an archive (init/initramfs.c,
 * unpack_to_rootfs()); LZ4's decompressor complains of them before commit 2c484419efc0 of 2021, and unpacks all the same.
 * `remove` takes the copy away: what is loaded is in the kernel's own memory.
 *
 * Throws UnsupportedMethod where the target has no initramfs or the board no room for the copy, BoardError where the copy
 * went wrong, or as the shell does.
 */
export async function padInitramfs(
  shell: Shell,
  target: TargetFiles,
  mib: number,
  options: StepOptions,
): Promise<{ target: TargetFiles; remove(): Promise<void> }> {
  const { initramfs } = target
  if (initramfs === null) throw new UnsupportedMethod('there is no initramfs that could be made larger')
  const { output, status } = await shell.run(padCommand(initramfs, mib), options)
  const lacking = /^no-room (.+)$/m.exec(output)?.[1]
  if (lacking !== undefined)
    throw new UnsupportedMethod(`no room for an initramfs that is ${mib} MiB larger: ${lacking}`)
  const file = /^padded (\S+)$/m.exec(output)?.[1]
  if (status !== 0 || file === undefined)
    throw new BoardError(
      `${initramfs} could not be made ${mib} MiB larger: ${JSON.stringify(output.slice(-300))} (status ${status})`,
    )
  return {
    target: { ...target, initramfs: file },
    async remove() {
      await shell.run(`rm -f ${quote(file)}`, options)
    },
  }
}

/**
 * One command line, since each round trip over a slow console counts. Only what busybox and coreutils have: a hole reads as zeros, and
 * writing 98 MiB of them took an emulated board 8 s.
 */
function padCommand(initramfs: string, mib: number): string {
  return [
    `b=$(wc -c <${quote(initramfs)})`,
    `n=$((b / 1024 + ${mib * 1024}))`,
    `m=$(sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)`,
    `d=$(for d in ${folders.join(' ')}; do [ -w $d ] && stat -f -c '%T' $d | grep -qE 'tmpfs|ramfs' && echo $d && break; done)`,
    `if [ -z "$d" ]; then echo "no-room no writable file system in memory among ${folders.join(', ')}"`,
    `elif [ "$m" -lt $((n * ${copies} + ${spareKiB})) ]; then echo "no-room it takes $((n * ${copies} / 1024 + ${spareKiB / 1024})) MiB of memory, $((m / 1024)) MiB are available"`,
    `elif f=$d/harness-padded-initramfs; cp ${quote(initramfs)} $f && truncate -s $(((b + 3) / 4 * 4 + ${mib * 1_048_576})) $f; then echo "padded $f"`,
    `else rm -f $f; echo "no-room $d is full, or there is no truncate"; fi`,
  ].join('; ')
}
