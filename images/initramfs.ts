/** Puts an initramfs together: programs, libraries, modules and the guest's scripts. */
import { createWriteStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import { registerTable } from '../harness/devices/index.ts'
import { type CpioEntry, cpioArchive } from './cpio.ts'
import type { Binary } from './libraries.ts'
import type { KernelModule } from './modules.ts'

/** Raised when the builder makes something else of the same inputs, so that images are built again. */
export const initramfsFormat = 1

const guestFolder = path.join(import.meta.dirname, 'guest')
/** The table of registers that harness-probe reads. */
const registersFile = 'harness-registers'

/** A script of images/guest, or a file that one of them reads. */
export type GuestScript = { name: string; content: Buffer }

/** The scripts that run on the board, sorted by name, and what they read. */
export async function readGuestScripts(): Promise<GuestScript[]> {
  const names = (await readdir(guestFolder)).sort()
  const scripts = await Promise.all(
    names.map(async (name) => ({ name, content: await readFile(path.join(guestFolder, name)) })),
  )
  return [...scripts, { name: registersFile, content: Buffer.from(registerTable()) }]
}

export type InitramfsParts = {
  scripts: readonly GuestScript[]
  programs: readonly Binary[]
  libraries: readonly Binary[]
  modules: readonly KernelModule[]
  /** Release of the kernel that the modules belong to. */
  release: string | null
  /** Everything else; what the other parts have wins. */
  whole?: readonly CpioEntry[]
}

/** Everything in the initramfs; the same parts give the same entries. */
export function initramfsEntries({
  scripts,
  programs,
  libraries,
  modules,
  release,
  whole = [],
}: InitramfsParts): CpioEntry[] {
  const executable = ({ name, content }: Binary): CpioEntry => ({ type: 'file', name, mode: 0o755, content })
  const folders = ['dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp']
  const own: CpioEntry[] = [
    ...folders.map((name): CpioEntry => ({ type: 'folder', name })),
    // Before devtmpfs is there, the kernel opens this for the standard streams of init.
    { type: 'device', name: 'dev/console', major: 5, minor: 1 },
    { type: 'link', name: 'bin/sh', target: 'dash' },
    ...scripts.filter(({ name }) => name !== 'kexec').map(guestEntry),
    ...programs.map(executable),
    ...libraries.map(executable),
    ...(release === null ? [] : moduleEntries(modules, release)),
  ]
  const names = new Set(own.map(({ name }) => name))
  return [...own, ...whole.filter(({ name }) => !names.has(name))]
}

function guestEntry({ name, content }: GuestScript): CpioEntry {
  if (name === registersFile) return { type: 'file', name: `etc/${name}`, content }
  return { type: 'file', name: name === 'init' ? name : `bin/${name}`, mode: 0o755, content }
}

function moduleEntries(modules: readonly KernelModule[], release: string): CpioEntry[] {
  const folder = `lib/modules/${release}`
  const order = modules.map(({ name }) => `${name}\n`).join('')
  return [
    { type: 'file', name: `${folder}/load-order`, content: Buffer.from(order) },
    ...modules.map(
      ({ name, content }): CpioEntry => ({ type: 'file', name: `${folder}/${name}.ko`, content }),
    ),
  ]
}

/** Writes a gzip-compressed initramfs. Node's gzip header holds no time and no name, so the bytes stay the same. */
export async function writeInitramfs(
  entries: readonly CpioEntry[],
  file: string,
  signal?: AbortSignal,
): Promise<void> {
  const gzip = createGzip({ level: constants.Z_BEST_COMPRESSION })
  await pipeline(Readable.from(cpioArchive(entries)), gzip, createWriteStream(file), { signal })
}

/** A disk's size is a multiple of its sectors. */
const sectorBytes = 512
const payloadDisk = 'payload.img'

/** Writes a raw disk that holds an archive, as images/guest's scripts read it. */
export async function writeArchiveDisk(
  entries: readonly CpioEntry[],
  file: string,
  signal?: AbortSignal,
): Promise<void> {
  const archive = Readable.from(cpioArchive(entries, sectorBytes))
  await pipeline(archive, createWriteStream(file), { signal })
}

/** Writes a raw disk with an archive of the kernel and the initramfs, which are named in the folder; returns its name. */
export async function writePayloadDisk(
  folder: string,
  files: { kernel: string; initramfs: string },
  signal?: AbortSignal,
): Promise<string> {
  const entries = Object.entries(files).map(
    ([name, from]): CpioEntry => ({ type: 'file', name, content: { path: path.join(folder, from) } }),
  )
  await writeArchiveDisk(entries, path.join(folder, payloadDisk), signal)
  return payloadDisk
}
