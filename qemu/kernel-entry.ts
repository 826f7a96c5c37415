/** Where a loaded kernel is entered, told from its header in memory, after the relocation has put it there. */
import type { HeldArch, HeldGuest } from './held-guest.ts'
import type { KexecSegment } from './kimage.ts'

/**
 * The address of the kernel's first instruction; null where no segment looks like a kernel. To be called where the new
 * image is entered, since what is virtual is physical there (x86's identity map, arm64 without its MMU).
 */
export async function findKernelEntry(
  guest: HeldGuest,
  segments: readonly KexecSegment[],
  arch: HeldArch,
): Promise<bigint | null> {
  return arch === 'x86_64' ? await x86Entry(guest, segments) : await arm64Entry(guest, segments)
}

/** Documentation/arch/arm64/booting.rst: the magic "ARM\x64" at byte 56, and the kernel is entered at byte 0. */
async function arm64Entry(guest: HeldGuest, segments: readonly KexecSegment[]): Promise<bigint | null> {
  for (const { mem, bufsz } of segments)
    if (bufsz > 64 && (await guest.readMemory(mem + 56n, 4)).toString('latin1') === 'ARM\x64') return mem
  return null
}

/**
 * Documentation/arch/x86/boot.rst: a bzImage's setup header ("HdrS" at 0x202) is handed over in the boot parameters, and its
 * init_size at 0x260 is the room that the kernel asks for. The 64-bit entry is 0x200 into the kernel. Both ways of loading
 * give the kernel's segment that very room, and code32_start is where it would like to be, not where it is.
 */
async function x86Entry(guest: HeldGuest, segments: readonly KexecSegment[]): Promise<bigint | null> {
  for (const { mem, memsz } of segments) {
    if (memsz < 0x264) continue
    const header = await guest.readMemory(mem + 0x202n, 0x62)
    if (header.toString('latin1', 0, 4) !== 'HdrS') continue
    const room = header.readUInt32LE(0x260 - 0x202)
    const kernel = segments.find((segment) => segment.memsz === roundUp(room))
    if (kernel) return kernel.mem + 0x200n
  }
  return null
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 4096) * 4096
}

/** `jmp *%rax`, how x86's decompressor leaves its head for its own copy, and later itself for the kernel. */
const jump = Buffer.from('ffe0', 'hex')
/** The head's jump is 0x2ca into 6.1; the copy's is some 60 bytes into it (arch/x86/boot/compressed/head_64.S). */
const headBytes = 0x600
const copyBytes = 0x200

/** The address of x86's jump from its decompressor's head; null where the code is not as it is known. */
export async function findHeadJump(guest: HeldGuest, entry: bigint): Promise<bigint | null> {
  return await findJump(guest, entry, headBytes)
}

/** The address of the jump into the decompressed kernel, from where the head jumps to. */
export async function findKernelJump(guest: HeldGuest, copy: bigint): Promise<bigint | null> {
  return await findJump(guest, copy, copyBytes)
}

async function findJump(guest: HeldGuest, from: bigint, length: number): Promise<bigint | null> {
  const at = (await guest.readMemory(from, length)).indexOf(jump)
  return at < 0 ? null : from + BigInt(at)
}
