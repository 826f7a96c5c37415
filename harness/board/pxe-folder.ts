/** What QEMU's TFTP server offers a board to boot from the network: a pxelinux.cfg, and the files that it names. */
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateFolder, removeFolder } from '../../qemu/sockets.ts'

type Files = { kernel: string; initramfs: string }

export class PxeFolder implements AsyncDisposable {
  readonly path: string
  readonly #labels: readonly string[]

  private constructor(path: string, labels: readonly string[]) {
    this.path = path
    this.#labels = labels
  }

  /** Makes the folder, for now without a pxelinux.cfg. Throws LabError where there is no room for it. */
  static async create(labels: readonly string[], { kernel, initramfs }: Files): Promise<PxeFolder> {
    const folder = await privateFolder()
    await symlink(kernel, join(folder, 'kernel'))
    await symlink(initramfs, join(folder, 'initramfs'))
    await mkdir(join(folder, 'pxelinux.cfg'))
    return new PxeFolder(folder, labels)
  }

  /**
   * Writes the entries. Only the one with this label gets the command line: a wrong choice is never taken for the right
   * one, and which one it was, each says with `kexec_harness.entry`.
   */
  async publish(label: string, commandLine: string): Promise<void> {
    const entries = this.#labels.map((one) => ({
      label: one,
      commandLine: [`kexec_harness.entry=${one}`, one === label ? commandLine : ''].join(' ').trim(),
    }))
    const file = join(this.path, 'pxelinux.cfg', 'default')
    // In one step: the board may ask at any time.
    await writeFile(`${file}.new`, pxelinuxConfig(entries))
    await rename(`${file}.new`, file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeFolder(this.path)
  }
}

/** As SYSLINUX's config.txt has it; pxe-kexec takes the initramfs from `initrd=` in `append`. */
function pxelinuxConfig(entries: readonly { label: string; commandLine: string }[]): string {
  const texts = entries.map(
    ({ label, commandLine }) => `label ${label}\n  kernel kernel\n  append initrd=initramfs ${commandLine}\n`,
  )
  return `say Entries: ${entries.map(({ label }) => label).join(', ')}\ndefault ${entries[0]!.label}\n${texts.join('')}`
}
