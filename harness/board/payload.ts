/** The kernel and initramfs that a loader finds on a board of ours: images/guest/harness-payload unpacks them. */
import type { Shell } from '../console/shell.ts'
import { BoardError } from '../errors.ts'
import type { TargetFiles } from './board.ts'

/** Asks the guest to unpack its payload. Throws BoardError when it has none. */
export async function providePayload(
  shell: Shell,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TargetFiles> {
  // An initramfs of the user's own has our programs only there.
  const command = 'export PATH="$PATH:/payload/bin"; harness-payload'
  const { status, output } = await shell.run(command, { timeoutMs, signal })
  const found = /^payload kernel=(\S+) initramfs=(\S+)$/m.exec(output)
  if (status === 0 && found) return { kernel: found[1]!, initramfs: found[2]! }
  throw new BoardError(
    `the board has no kernel to load: harness-payload said ${JSON.stringify(output.slice(-300))} (status ${status})`,
    {
      hint: 'An initramfs of your own must give a root shell on the console; see README, "Your own kernel".',
    },
  )
}
