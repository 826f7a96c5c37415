/** What a locked-down bootloader makes of a signed kernel, in words: it takes the signature, or has no key for it. */
import type { SessionCycle } from '../../harness/kexec/session.ts'

/** The keys that a kernel says it has, as it starts: certs/system_keyring.c, and load_uefi.c for those of the firmware. */
export function knownKeys(consoleText: string): string[] {
  const found = consoleText.matchAll(/Loaded X\.509 cert '([^'\r\n]+?)(?:: [0-9a-f]+)?'/g)
  return [...new Set([...found].map(([, name]) => name!))]
}

/**
 * A sentence of the signed kernel's boot. kexec_file_load verifies it against the kernel's own keys and those of the
 * firmware's db (kexec_kernel_verify_pe_sig); kexec_load is refused whatever is loaded (kernel_lockdown.7).
 */
export function aboutSigned(
  { proven, failure }: SessionCycle,
  names: readonly string[],
  known: readonly string[],
): string {
  const signer = names.length > 0 ? `signed by ${names.join(', ')}` : 'which has no signature'
  const keys = known.length > 0 ? `the keys ${known.join(', ')}` : 'not said which keys it has'
  const said = `the bootloader's kernel has ${keys}`
  if (proven) return `it boots, ${signer}; ${said}`
  const why = knows(names, known)
    ? 'although it knows the signer'
    : "and only a key of the firmware's db could vouch for it"
  return `it is refused, too, ${signer}; ${said}, ${why}: ${failure?.message ?? ''}`
}

/** Whether a kernel has the key of who signed, or of who vouches for that one. */
export function knows(names: readonly string[], known: readonly string[]): boolean {
  return names.some((name) => known.includes(name))
}
