/**
 * The payload inside of the initramfs itself: an archive with /payload in front of it. For kernels whose modules we
 * don't have, so that they can't read the payload disk, and for a user's initramfs. It stands in front because the
 * kernel then unpacks it whatever the compression of what follows (Documentation/driver-api/early-userspace/
 * buffer-format.rst), and an initramfs's own files win over it.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type CpioEntry, cpioArchive } from './cpio.ts'
import type { GuestScript } from './initramfs.ts'

export type OverlayParts = {
  kernel: string
  /** The initramfs without its overlay. */
  base: string
  /** Folder with `bin` and `lib`, for an initramfs that has no kexec and no busybox of ours; see image.json. */
  tools?: string | undefined
  scripts: readonly GuestScript[]
}

/** Raised when the overlay is laid out in another way. */
export const overlayFormat = 1

/** Writes the initramfs with its payload in front. */
export async function writeWithOverlay(
  parts: OverlayParts,
  file: string,
  signal?: AbortSignal,
): Promise<void> {
  const entries: CpioEntry[] = [
    { type: 'file', name: 'payload/kernel', content: { path: parts.kernel } },
    { type: 'file', name: 'payload/base', content: { path: parts.base } },
    ...(parts.tools === undefined ? [] : await toolEntries(parts.tools, parts.scripts)),
  ]
  const joined = async function* () {
    yield* cpioArchive(entries)
    yield* createReadStream(parts.base, { highWaterMark: 1024 * 1024 })
  }
  await pipeline(Readable.from(joined()), createWriteStream(file), { signal })
}

async function toolEntries(tools: string, scripts: readonly GuestScript[]): Promise<CpioEntry[]> {
  const copied = await Promise.all(
    ['bin', 'lib'].map(async (folder) =>
      (await readdir(path.join(tools, folder))).map(
        (name): CpioEntry => ({
          type: 'file',
          name: `payload/${folder}/${name}`,
          mode: 0o755,
          content: { path: path.join(tools, folder, name) },
        }),
      ),
    ),
  )
  const script = (name: string): CpioEntry => {
    const { content } = scripts.find((one) => one.name === name)!
    const text = content.toString().replace(/^#!.*\n/, '#!/payload/bin/busybox sh\n')
    return { type: 'file', name: `payload/bin/${name}`, mode: 0o755, content: Buffer.from(text) }
  }
  return [...copied.flat(), script('harness-payload'), script('kexec')]
}
