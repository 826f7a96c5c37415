/** Kernel modules: which files, in which order. Source of the names: .modinfo, as modinfo(8) shows it. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { execa } from 'execa'
import { LabError, UsageError } from '../harness/errors.ts'
import { didYouMean } from '../harness/nearest.ts'
import { readSection } from './elf.ts'

/** A module, uncompressed. */
export type KernelModule = { name: string; content: Buffer }

/** What a module asks for: `depends` must be loaded before it, `softPre` should be where it exists. */
export type ModuleInfo = { depends: string[]; softPre: string[] }

/** Largest module that is unpacked; the largest real ones (amdgpu with debug information) stay below. */
const maxModuleBytes = 1024 * 1024 * 1024

/**
 * The named modules and everything they depend on, in an order in which they can be loaded. Modules that are built
 * into the kernel are left out. `folder` is lib/modules/RELEASE.
 * Throws UsageError for a name that the kernel does not have, with the nearest one.
 */
export async function collectModules(folder: string, names: readonly string[]): Promise<KernelModule[]> {
  const files = await moduleFiles(folder)
  const builtin = new Set(
    (await readFile(path.join(folder, 'modules.builtin'), 'utf8').catch(() => ''))
      .split('\n')
      .map((line) => moduleName(line.trim())),
  )
  const loaded = new Map<string, KernelModule>()
  const visit = async (name: string, wantedBy: string | undefined, required: boolean): Promise<void> => {
    if (loaded.has(name) || builtin.has(name)) return
    const file = files.get(name)
    if (file === undefined) {
      if (required) throw unknownModule(name, wantedBy, folder, [...files.keys(), ...builtin])
      return
    }
    const content = await readModule(file)
    const info = readModuleInfo(content, file)
    // Marked before its dependencies, so that a circle of soft ones ends.
    loaded.set(name, { name, content })
    for (const soft of info.softPre) await visit(soft, name, false)
    for (const hard of info.depends) await visit(hard, name, true)
    loaded.delete(name)
    loaded.set(name, { name, content })
  }
  for (const name of names) await visit(moduleName(name), undefined, true)
  return [...loaded.values()]
}

/** What a module's .modinfo section says it needs. */
export function readModuleInfo(content: Buffer, fileName: string): ModuleInfo {
  const section = readSection(content, '.modinfo', fileName)
  const entries = section?.toString('latin1').split('\0') ?? []
  const values = (key: string) =>
    entries.filter((entry) => entry.startsWith(`${key}=`)).map((entry) => entry.slice(key.length + 1))
  const depends = values('depends')
    .flatMap((value) => value.split(','))
    .filter((name) => name !== '')
  const softPre = values('softdep').flatMap((value) => {
    const [, pre = ''] = /\bpre:\s*([^:]*?)(?=\s*\w+:|$)/.exec(value) ?? []
    return pre.split(/\s+/).filter((name) => name !== '')
  })
  return { depends: depends.map(moduleName), softPre: softPre.map(moduleName) }
}

/** `kernel/drivers/net/virtio-net.ko.xz` is the module virtio_net. */
function moduleName(file: string): string {
  return path
    .basename(file)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_')
}

async function moduleFiles(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause) => {
    throw new UsageError(`${folder}: can't be read: ${(cause as NodeJS.ErrnoException).code}`, { cause })
  })
  const files = entries.filter((entry) => entry.isFile() && /\.ko(\.(xz|gz|zst))?$/.test(entry.name))
  return new Map(files.map((entry) => [moduleName(entry.name), path.join(entry.parentPath, entry.name)]))
}

async function readModule(file: string): Promise<Buffer> {
  const bytes = await readFile(file)
  const limit = { maxOutputLength: maxModuleBytes }
  if (file.endsWith('.gz')) return gunzipSync(bytes, limit)
  if (file.endsWith('.zst')) return zstdDecompressSync(bytes, limit)
  if (!file.endsWith('.xz')) return bytes
  const result = await execa('xz', ['-dc', file], {
    encoding: 'buffer',
    maxBuffer: maxModuleBytes,
    reject: false,
  })
  if (!result.failed) return Buffer.from(result.stdout)
  const why = result.code === 'ENOENT' ? 'there is no xz here' : Buffer.from(result.stderr).toString().trim()
  throw new LabError(`${file} can't be unpacked: ${why}`, { hint: 'apt-get install xz-utils' })
}

function unknownModule(
  name: string,
  wantedBy: string | undefined,
  folder: string,
  known: string[],
): UsageError {
  const release = path.basename(folder)
  const reason = wantedBy === undefined ? 'the recipe names' : `${wantedBy} depends on`
  return new UsageError(
    `${reason} the module ${name}, which kernel ${release} does not have${didYouMean(name, known)}`,
  )
}
