/** UEFI firmware that vouches for who signed a kernel: only so does Debian's kernel take Debian's signature. */
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Descriptor } from '../../harness/board/descriptor.ts'
import { isQemu } from '../../harness/board/kinds.ts'
import type { Bootloader } from '../../harness/board/qemu-board.ts'
import { LabError } from '../../harness/errors.ts'
import { signingCertificate } from '../../images/pe-signature.ts'
import { withCertificate } from '../../images/uefi-variables.ts'
import { ensureOvmf } from '../../qemu/rig/firmware.ts'

/** The firmware, or why there is none. */
type SignerFirmware = AsyncDisposable & { firmware: Bootloader['firmware']; whyNot: string | undefined }

/** EDK II with the signer of a kernel in its `db`, for the machine of a descriptor. */
export async function signerFirmware(
  descriptor: Descriptor,
  kernel: string,
  signal: AbortSignal,
): Promise<SignerFirmware> {
  const certificate = signingCertificate(await readFile(kernel))
  const whyNot = whyNone(descriptor) ?? (certificate ? undefined : 'the kernel is not signed')
  if (whyNot !== undefined || !certificate) return without(whyNot)
  try {
    return await withSigner(certificate, signal)
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    return without(error.message)
  }
}

function whyNone(descriptor: Descriptor): string | undefined {
  if (descriptor.arch !== 'x86_64') return `the harness has none for ${descriptor.arch}`
  const own = isQemu(descriptor) && descriptor.machine.extraArgs.some((word) => word.includes('pflash'))
  return own ? 'the descriptor has a firmware of its own' : undefined
}

function without(whyNot: string | undefined): SignerFirmware {
  return { firmware: undefined, whyNot, [Symbol.asyncDispose]: async () => {} }
}

/** The store of variables has no name: it is gone with this process, however that ends. */
async function withSigner(certificate: Buffer, signal: AbortSignal): Promise<SignerFirmware> {
  const { code, variables } = await ensureOvmf({ signal })
  const store = withCertificate(await readFile(variables), certificate)
  const folder = await mkdtemp(join(tmpdir(), 'kexec-uefi-'))
  try {
    const file = join(folder, 'variables')
    await writeFile(file, store)
    const handle = await open(file)
    return {
      firmware: { code, variables: `/proc/${process.pid}/fd/${handle.fd}` },
      whyNot: undefined,
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
