/** Packages that go into an initramfs whole: a system with an init of its own, such as systemd's. */
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import type { CpioEntry } from './cpio.ts'
import { elfArch, isElf } from './elf.ts'
import type { Binary } from './libraries.ts'

export type WholePackages = {
  entries: CpioEntry[]
  /** The programs and libraries among them, whose own libraries have to be there too. */
  binaries: Binary[]
}

/** What nobody on a board reads. */
const documentation =
  /^usr\/share\/(bash-completion|bug|doc|doc-base|info|lintian|locale|man|polkit-1|zsh)(\/|$)/

/**
 * Every file, folder and link below a folder that packages were unpacked into, sorted by name. Programs of another
 * architecture than `arch` (kexec-tools brings one) are nothing that runs there.
 */
export async function readWholePackages(folder: string, arch: string): Promise<WholePackages> {
  const entries: CpioEntry[] = []
  const binaries: Binary[] = []
  const names = (await readdir(folder, { recursive: true })).sort()
  for (const name of names.filter((one) => !documentation.test(one))) {
    const file = path.join(folder, name)
    const info = await lstat(file)
    if (info.isSymbolicLink()) entries.push({ type: 'link', name, target: await readlink(file) })
    else if (info.isDirectory()) entries.push({ type: 'folder', name, mode: info.mode & 0o7777 })
    else if (info.isFile()) {
      const content = await readFile(file)
      entries.push({ type: 'file', name, mode: info.mode & 0o7777, content })
      if (isElf(content) && elfArch(content) === arch) binaries.push({ name, content })
    }
  }
  return { entries, binaries }
}
