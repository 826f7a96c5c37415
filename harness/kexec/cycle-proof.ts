/** What a cycle has to show in its end, whichever way its kernel was started. */
import type { Line } from '../console/lines.ts'
import { nonceParameter } from './command-line.ts'
import { CycleFailed } from './cycle-errors.ts'
import type { KernelStart } from './kernel-start.ts'
import { type KernelFacts, missingProof } from './proof.ts'

/** By what the new kernel says of itself. Throws CycleFailed: another entry, a cold reboot, or no proof at all. */
export async function proveByFacts(
  start: KernelStart,
  after: KernelFacts,
  signal: AbortSignal,
): Promise<void> {
  const missing = missingProof(start.before, after, start.nonce)
  const other = after.nonce === null ? undefined : start.otherEntries?.get(after.nonce)
  const unasked = start.unasked?.()
  if (unasked !== undefined) {
    const booted = other === undefined ? [] : [`another entry was booted: ${JSON.stringify(other)}`]
    throw new CycleFailed('wrong-entry', unasked, [...booted, ...missing])
  }
  // Only a kernel that is this cycle's can be asked for more.
  if (missing.length === 0) missing.push(...((await start.missingProof?.(signal)) ?? []))
  if (missing.length === 0) return
  if (other !== undefined)
    throw new CycleFailed('wrong-entry', `another entry was booted: ${JSON.stringify(other)}`, missing)
  const rebooted = after.bootId !== start.before?.bootId
  throw new CycleFailed(
    rebooted ? 'cold-reboot' : 'not-proven',
    rebooted
      ? 'the board came back, but not by this kexec: it rebooted cold'
      : 'nothing shows that a new kernel runs',
    missing,
  )
}

/** Every kernel prints its command line (init/main.c, start_kernel()), unless it was told to be quiet. Throws CycleFailed. */
export function proveByConsole({ nonce }: KernelStart, newLines: readonly Line[]): void {
  if (newLines.some(({ text }) => text.includes(`${nonceParameter}=${nonce}`))) return
  throw new CycleFailed('not-proven', "the new kernel's messages do not have this cycle's nonce", [
    `${nonceParameter}=${nonce} is in no line that the new kernel printed; is it told to be quiet?`,
  ])
}
