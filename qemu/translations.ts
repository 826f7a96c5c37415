/** What QEMU's TCG translated of the guest's code, and how it is made to forget it. */
import { HeldGuest } from './held-guest.ts'
import type { Machine } from './machine.ts'

/** A CPU that halts and is not woken for so long is left alone. */
const stepTimeoutMs = 2_000

/**
 * Makes QEMU forget every block that it translated. Where a kexec copies one kernel over another, TCG otherwise discards the blocks
 * of the old one singly, which takes longer than all else that a relocation does: 70,000 of them on qemu-aarch64, 10,000 after this
 * (`info jit`, docs/gap.md). No command does it; a stop after a single step does (QEMU 7.2, softmmu/gdbstub.c,
 * gdb_vm_state_change(): tb_flush). The guest stands still for some milliseconds. Nothing happens where somebody else holds it: each
 * of their stops does the same; nor with KVM, nor of ppc64le, which was not tried. Never rejects: a QEMU that does not answer is found by whoever needs it.
 */
export async function forgetTranslations({
  qmp,
  arch,
  accelerator,
}: Pick<Machine, 'qmp' | 'arch' | 'accelerator'>): Promise<void> {
  if (accelerator !== 'tcg' || arch === 'ppc64le' || HeldGuest.isHeld(qmp)) return
  try {
    const guest = await HeldGuest.take({ qmp, arch })
    await guest.step({ timeoutMs: stepTimeoutMs }).finally(() => guest.release())
  } catch {}
}
