/** Kernels of Debian packages: which packages have one, and where they have its files. */
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import type { Apt } from './apt.ts'
import { listFolder } from './cache.ts'
import type { Deb } from './control.ts'

/** Absolute paths; without a folder of modules only the kernel itself can be used. */
export type KernelFiles = { path: string; modules: string | undefined }

/**
 * The packages with a kernel and its modules. A meta package such as linux-image-amd64 stands for the newest kernel
 * that it depends on and that the archive has. That is one package in Debian 13 and before; since then
 * linux-image-VERSION is empty: the kernel is in linux-binary-VERSION, its modules are in linux-modules-VERSION, and
 * the list of those built in is in linux-base-VERSION.
 * Throws UsageError: there is no such package.
 */
export async function findKernelPackages(apt: Apt, name: string): Promise<Deb[]> {
  const newest = await apt.find(name)
  const image = kernelsOf(newest).length === 0 ? newest : await newestKernel(apt, name)
  const parts = image.depends.filter((one) => /^linux-(base|binary|modules)-\d/.test(one))
  return parts.length === 0 ? [image] : await Promise.all(parts.map((part) => apt.find(part)))
}

function kernelsOf({ depends }: Deb): string[] {
  return depends.filter((one) => /^linux-image-\d/.test(one))
}

/** A mirror that is being updated can have a meta package before the kernel it asks for. */
async function newestKernel(apt: Apt, name: string): Promise<Deb> {
  for (const meta of await apt.versions(name)) {
    for (const kernel of kernelsOf(meta)) {
      const [found] = await apt.versions(kernel)
      if (found) return found
    }
  }
  throw new UsageError(`none of the kernels that ${name} depends on is in the archive`)
}

/**
 * The kernel in a folder where its packages were unpacked: in /boot, or beside its modules where it is in
 * linux-binary-VERSION. Throws UsageError when the packages hold none.
 */
export async function findKernelFiles(folder: string, packages: readonly Deb[]): Promise<KernelFiles> {
  const boot = (await listFolder(path.join(folder, 'boot'))).find((name) => /^vmlinu[xz]-/.test(name))
  const modules = await findModules(folder)
  if (boot) return { path: path.join(folder, 'boot', boot), modules }
  if (modules && (await listFolder(modules)).includes('vmlinuz')) {
    return { path: path.join(modules, 'vmlinuz'), modules }
  }
  const names = packages.map(({ name }) => name).join(' and ')
  throw new UsageError(`there is no kernel (boot/vmlinuz-…) in ${names}`, {
    hint: 'kernel.package in the recipe has to be a linux-image-… package',
  })
}

/** The first folder lib/modules/RELEASE that is not empty. */
async function findModules(folder: string): Promise<string | undefined> {
  for (const root of ['lib/modules', 'usr/lib/modules'].map((name) => path.join(folder, name))) {
    for (const release of await listFolder(root)) {
      if ((await listFolder(path.join(root, release))).length > 0) return path.join(root, release)
    }
  }
  return undefined
}
