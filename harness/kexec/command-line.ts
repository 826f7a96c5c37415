/** The kernel command line of a generation. */
import { randomBytes } from 'node:crypto'

/** Consoles that show the kernel's first words, before its console driver is there. */
const early: Record<string, { console: string; early?: string }> = {
  // Documentation/admin-guide/kernel-parameters.txt: earlycon takes the device tree's stdout-path.
  arm64: { console: 'ttyAMA0', early: 'earlycon' },
  x86_64: { console: 'ttyS0', early: 'earlyprintk=ttyS0,115200' },
  // The hypervisor's or OPAL's console. Its first words need no asking: setup_arch() registers udbg as a boot console
  // (arch/powerpc/kernel/udbg.c, register_early_udbg_console()).
  ppc64le: { console: 'hvc0' },
}

/** Name of the parameter that carries the nonce. The dot makes the kernel take it for a module's and say nothing. */
export const nonceParameter = 'kexec_harness.nonce'

/** A new nonce: the proof that a kernel was started by this very cycle. */
export function newNonce(): string {
  return randomBytes(6).toString('hex')
}

export type CommandLineOptions = { arch: string; earlyConsole: boolean; append: string; nonce: string }

/** The whole command line; what the user appends comes after ours, so that the user's console= wins. */
export function commandLine({ arch, earlyConsole, append, nonce }: CommandLineOptions): string {
  const own = early[arch]
  const wantsEarly = earlyConsole && own?.early !== undefined && !/\b(earlycon|earlyprintk)\b/.test(append)
  return [
    own && !/\bconsole=/.test(append) ? `console=${own.console}` : '',
    wantsEarly ? own.early : '',
    append,
    `${nonceParameter}=${nonce}`,
  ]
    .filter(Boolean)
    .join(' ')
}
