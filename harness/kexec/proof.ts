/** Proof that a kernel was started by this cycle's kexec and by nothing else. */
import type { Shell } from '../console/shell.ts'
import { nonceParameter } from './command-line.ts'

/** What a running kernel says of itself. */
export type KernelFacts = {
  bootId: string
  release: string
  nonce: string | null
  memAvailableKiB: number | null
}

/** Asks the running kernel who it is: one command, since it counts into every cycle. */
export async function readKernelFacts(
  shell: Shell,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<KernelFacts> {
  const { output } = await shell.run(
    'cat /proc/sys/kernel/random/boot_id /proc/sys/kernel/osrelease /proc/cmdline; grep MemAvailable /proc/meminfo',
    { timeoutMs, signal },
  )
  return {
    bootId: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/m.exec(output)?.[0] ?? '',
    release: /^\d+\.\d+\S*$/m.exec(output)?.[0] ?? '',
    nonce: lastNonce(output),
    memAvailableKiB: toNumber(/^MemAvailable:\s+(\d+) kB$/m.exec(output)?.[1]),
  }
}

/** What is missing for the proof, in words; nothing when the kexec is proven. `before` is null where nobody could be asked. */
export function missingProof(before: KernelFacts | null, after: KernelFacts, nonce: string): string[] {
  const missing: string[] = []
  if (after.bootId === '') missing.push('boot_id could not be read')
  else if (after.bootId === before?.bootId)
    missing.push(`boot_id is still ${after.bootId}: the same kernel runs on`)
  if (after.nonce !== nonce)
    missing.push(
      `/proc/cmdline has ${after.nonce === null ? 'no nonce' : `the nonce ${after.nonce}`}, not this cycle's ${nonce}`,
    )
  return missing
}

function toNumber(text: string | undefined): number | null {
  return text === undefined ? null : Number(text)
}

/** A command line that is handed on (`--reuse-cmdline`) still has the nonces of the kernels before. */
function lastNonce(text: string): string | null {
  const pattern = new RegExp(`${nonceParameter.replace('.', '\\.')}=([0-9a-f]+)`, 'g')
  return [...text.matchAll(pattern)].at(-1)?.[1] ?? null
}
