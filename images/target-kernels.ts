/** Kernels that are wrong on purpose, each in the way that its name says. */
import { open, readFile, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, gzipSync } from 'node:zlib'
import { describeImage } from './build.ts'
import { placeFile } from './ext4-disk.ts'
import type { Image } from './image-schema.ts'
import { withoutSignature } from './pe-signature.ts'

/** What is wrong with a kernel's file. */
export const kernelFaults = [
  'garbage',
  'missing-kernel',
  'corrupt-kernel',
  'wrong-arch',
  'unsigned',
  'too-large',
] as const
export type KernelFault = (typeof kernelFaults)[number]

export type FaultyKernelOptions = {
  image: Image
  /** Memory of the machine that is to load it. */
  memoryMiB: number
  /** The cache folder; the project's own where it is not given. */
  cache?: string | undefined
}

type Arch = Image['arch']
const otherArch = { x86_64: 'arm64', arm64: 'x86_64', ppc64le: 'x86_64' } as const satisfies Record<
  Arch,
  Arch
>
/** Recipes of which one is in the cache of most machines. */
const recipes = { x86_64: 'bookworm-cloud-amd64', arm64: 'bookworm-cloud-arm64' } as const
const mebibyte = 1024 * 1024

/** Writes the kernel with that fault to `file`, or, for `missing-kernel`, nothing. */
export async function writeFaultyKernel(
  file: string,
  fault: KernelFault,
  options: FaultyKernelOptions,
): Promise<void> {
  const { image, memoryMiB } = options
  if (fault === 'missing-kernel') return
  if (fault === 'garbage') await writeFile(file, garbage)
  if (fault === 'corrupt-kernel') await writeFile(file, corrupt(image.arch, await readKernel(image)))
  if (fault === 'wrong-arch') await writeOfOtherArch(file, image.arch, options.cache)
  if (fault === 'unsigned') await writeFile(file, withoutSignature(await readKernel(image)))
  if (fault === 'too-large') await writeTooLarge(file, image, memoryMiB * mebibyte)
}

/** A user's arm64 kernel may be an Image.gz. */
async function readKernel({ kernel }: Image): Promise<Buffer> {
  const bytes = await readFile(kernel)
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? await promisify(gunzip)(bytes) : bytes
}

const garbage = `${'This is no kernel: the harness put it here, to see what the bootloader says.\n'.repeat(100)}`

/**
 * A head that is a kernel's, and a tail that is none. A bzImage ends within its setup sectors, which both `kexec -l`
 * and the kernel look at (arch/x86/kernel/kexec-bzimage64.c, "bzImage truncated"); a vmlinux before the segments that
 * it names (kexec-tools' kexec-elf.c, "ELF segment not in file"). Nobody looks at the length of an arm64 Image, which would hang the machine later; so there it is an Image.gz, and damaged from the start, as
 * kexec-tools 2.0.25 loads what it could unpack before the damage.
 */
function corrupt(arch: Arch, kernel: Buffer): Buffer {
  if (arch === 'x86_64') return kernel.subarray(0, 4096)
  if (arch === 'ppc64le') return kernel.subarray(0, mebibyte)
  // No block of a deflate stream begins with these bits (RFC 1951, 3.2.3); gzip's header has ten bytes.
  return gzipSync(kernel.subarray(0, mebibyte), { level: 1 }).fill(0xff, 10)
}

/** A real kernel of the other architecture where one is built; else the header that loaders look at, and filler. */
async function writeOfOtherArch(file: string, arch: Arch, cache: string | undefined): Promise<void> {
  const other = otherArch[arch]
  const image = await describeImage(recipes[other], cache)
  if (image) await placeFile(image.kernel, file)
  else await writeFile(file, other === 'arm64' ? arm64Image() : bzImage())
}

/** Documentation/arch/arm64/booting.rst, "Call the kernel image". */
function arm64Image(): Buffer {
  const bytes = Buffer.alloc(4 * mebibyte)
  // `b .`: whoever starts it stays there.
  bytes.writeUInt32LE(0x1400_0000, 0)
  bytes.writeBigUInt64LE(BigInt(bytes.length), 16)
  // Little-endian, pages of 4 KiB, anywhere in memory.
  bytes.writeBigUInt64LE(0b1010n, 24)
  bytes.write('ARM\x64', 56, 'latin1')
  return bytes
}

/** Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". */
function bzImage(): Buffer {
  const bytes = Buffer.alloc(4 * mebibyte)
  const setupSectors = 4
  bytes[0x1f1] = setupSectors
  bytes.writeUInt32LE((bytes.length - (setupSectors + 1) * 512) / 16, 0x1f4)
  bytes.writeUInt16LE(0xaa55, 0x1fe)
  // A jump over the header, whose length it tells.
  bytes.writeUInt16LE(0x6ceb, 0x200)
  bytes.write('HdrS', 0x202)
  bytes.writeUInt16LE(0x020f, 0x206)
  // LOADED_HIGH; XLF_KERNEL_64 and XLF_CAN_BE_LOADED_ABOVE_4G.
  bytes[0x211] = 1
  bytes.writeUInt32LE(0x7fff_ffff, 0x22c)
  bytes.writeUInt32LE(2 * mebibyte, 0x230)
  bytes[0x234] = 1
  bytes.writeUInt16LE(3, 0x236)
  bytes.writeUInt32LE(2047, 0x238)
  bytes.writeBigUInt64LE(0x100_0000n, 0x258)
  bytes.writeUInt32LE(bytes.length, 0x260)
  return bytes
}

/** The image's own kernel with a hole behind it, and a header that says so: more than the machine's memory holds. */
async function writeTooLarge(file: string, image: Image, memoryBytes: number): Promise<void> {
  // More than the memory, but not more than half a gigabyte: loaders that read all of it take that long to fail.
  const total = memoryBytes + 512 * mebibyte
  const kernel = await readKernel(image)
  sayLarge[image.arch](kernel, total)
  await writeFile(file, kernel)
  await using handle = await open(file, 'r+')
  await handle.truncate(total)
  // So that its blocks are counted right, whatever file system this is.
  await handle.sync()
}

/** Where a kernel's header says how many bytes it takes. */
const sayLarge: Record<Arch, (kernel: Buffer, bytes: number) => void> = {
  // image_size
  arm64: (kernel, bytes) => kernel.writeBigUInt64LE(BigInt(bytes), 16),
  x86_64(kernel, bytes) {
    // syssize, in units of 16 bytes, and init_size, which has no more than four bytes for it.
    kernel.writeUInt32LE(Math.floor(bytes / 16) % 2 ** 32, 0x1f4)
    kernel.writeUInt32LE(Math.min(bytes, 2 ** 32 - 4096), 0x260)
  },
  // p_memsz of the first segment, elf(5)
  ppc64le: (kernel, bytes) =>
    kernel.writeBigUInt64LE(BigInt(bytes), Number(kernel.readBigUInt64LE(0x20)) + 0x28),
}
