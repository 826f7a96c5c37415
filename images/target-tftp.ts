/** What a TFTP server offers a bootloader under test: a pxelinux.cfg with the entries of a target disk, and their files. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pxelinux } from './target-configs.ts'
import { menuOf, placeKernels, type TargetDiskOptions } from './target-disk.ts'

export type TargetTftpOptions = Pick<
  TargetDiskOptions,
  'image' | 'entries' | 'folder' | 'memoryMiB' | 'timeoutSeconds' | 'cache'
>

type TargetTftp = {
  /** Absolute path of the folder that the server offers. */
  path: string
  /** Deletes it. */
  remove(): Promise<void>
}

/** Makes a folder in `folder` for a TFTP server. Throws UsageError for entries that a menu can't have. */
export async function makeTargetTftp(options: TargetTftpOptions): Promise<TargetTftp> {
  const { path: name, text } = pxelinux(menuOf(options))
  await mkdir(options.folder, { recursive: true })
  const folder = await mkdtemp(path.join(path.resolve(options.folder), 'tftp-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const file = path.join(folder, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text)
    await placeKernels(folder, options)
  } catch (error) {
    await remove()
    throw error
  }
  return { path: folder, remove }
}
