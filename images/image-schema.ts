/** What a board boots and then kexecs: a kernel, an initramfs, and how the two get on board. */
import { z } from 'zod'

export const archSchema = z.enum(['x86_64', 'arm64', 'ppc64le'])

export const imageSchema = z.object({
  /** Name of the recipe, with what a user replaced: `bookworm-cloud-arm64`, `bookworm-cloud-arm64 with kernel Image`. */
  name: z.string(),
  arch: archSchema,
  /** SHA-256 over everything that went into it; two images with the same key are the same. */
  key: z.string(),
  /** Absolute path. */
  kernel: z.string(),
  /** What `uname -r` will say; null where the kernel's file does not tell. */
  kernelRelease: z.string().nullable(),
  /** Absolute path. */
  initramfs: z.string(),
  payload: z.object({
    /**
     * Absolute path of a raw disk that holds the kernel and the initramfs for the guest: attach it read-only as a
     * virtio block device with serial=kexec-payload. null: the initramfs carries them itself.
     */
    disk: z.string().nullable(),
  }),
  packages: z.array(z.object({ name: z.string(), version: z.string(), sha256: z.string() })),
})
export type Image = z.infer<typeof imageSchema>
