/** Firmware for QEMU's machines, from Debian's packages: U-Boot and EDK II. */
import { UsageError } from '../../harness/errors.ts'
import { Apt } from '../../images/apt.ts'
import { hostArch, installPackages } from '../../images/apt-install.ts'
import { hostRelease } from '../../images/apt-sources.ts'
import { defaultCacheFolder, exists, inCache, publishFolder, withLock } from '../../images/cache.ts'
import { unpackDeb } from '../../images/deb-store.ts'
import type { Watch } from '../../images/progress.ts'
import type { QemuArch } from '../arguments.ts'

const files: Partial<Record<QemuArch, string>> = { arm64: 'usr/lib/u-boot/qemu_arm64/u-boot.bin' }

/**
 * Path of a U-Boot that `-bios` takes: the installed one, one that is now installed (as root), or one unpacked into
 * the cache. Throws UsageError for an architecture that has none, LabError where it can't be had.
 */
export async function ensureUBoot(arch: QemuArch, watch: Watch): Promise<string> {
  const file = files[arch]
  if (file === undefined) throw new UsageError(`the rig has no U-Boot for ${arch}`)
  return await ensureFile('u-boot-qemu', file, watch)
}

/** Paths of EDK II for x86_64, with a store of variables that is empty. Throws LabError where they can't be had. */
export async function ensureOvmf(watch: Watch): Promise<{ code: string; variables: string }> {
  const file = (name: string) => ensureFile('ovmf', `usr/share/OVMF/OVMF_${name}_4M.fd`, watch)
  return { code: await file('CODE'), variables: await file('VARS') }
}

/** A file of a package, without its leading slash: the installed one, one that is now installed, or an unpacked one. */
async function ensureFile(name: string, file: string, watch: Watch): Promise<string> {
  const installed = `/${file}`
  if (await exists(installed)) return installed
  if (process.geteuid?.() === 0) {
    await installPackages([name], watch)
    if (await exists(installed)) return installed
  }
  const cache = defaultCacheFolder()
  const folder = inCache(cache, 'host', name)
  await withLock(cache, name, watch, async () => {
    await publishFolder(cache, folder, async (temporary) => {
      const { codename } = await hostRelease()
      const apt = new Apt({ ...watch, cache, suite: codename, arch: hostArch() })
      await apt.refresh()
      for (const deb of await apt.fetch([await apt.find(name)]))
        await unpackDeb(deb, temporary, { cache, signal: watch.signal })
    })
  })
  return inCache(folder, file)
}
