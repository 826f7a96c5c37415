/** Addresses of the running kernel's own functions. */
import { commandTimeoutMs, type Occasion } from './observer.ts'

/** The running kernel's address of machine_kexec(), or null where it is hidden. */
export async function machineKexecAddress({ board, signal }: Occasion): Promise<bigint | null> {
  // -m1: it stands near the beginning of some 100 000 symbols.
  const command = "grep -m1 ' T machine_kexec$' /proc/kallsyms"
  const { output } = await board.shell.run(command, { timeoutMs: commandTimeoutMs, signal })
  const address = /^([0-9a-f]{8,16}) T machine_kexec$/m.exec(output)?.[1]
  // kernel.kptr_restrict shows zeros.
  return address === undefined || /^0+$/.test(address) ? null : BigInt(`0x${address}`)
}
