/**
 * The device tree that firmware handed to the first kernel, compared with the one that each kexec'd kernel got. The
 * loader copies it from /proc/device-tree (kexec-tools, kexec/arch/arm64 and kexec/fs2dt.c) and has to change a few
 * properties; a node that is lost or patched on the way is a device that the new kernel drives wrongly or not at all.
 */
import { gunzipSync } from 'node:zlib'
import type { Shell } from '../../console/shell.ts'
import type { ObservedFinding } from '../../detect/handover-findings.ts'
import { commandTimeoutMs, type Observer } from './observer.ts'

/** A tree in one line of the console: which kernel has it, and a digest over all that a kexec has no business with. */
type DeviceTreeDigest = { bootId: string; digest: string }

/** Values by path, `/cpus/cpu@0/reg`; undefined where the tree is too large to be read over a console. */
export type DeviceTree = ReadonlyMap<string, Buffer> | undefined

/** What a session remembers from one cycle to the next. */
export type DeviceTreeMemory = {
  /** The tree of generation 0. */
  first?: { digest: string; tree: DeviceTree }
  /** The kernel that the last cycle left running; another one was booted cold. */
  bootId?: string
}

const folder = '/proc/device-tree'
/**
 * What a kexec may change, as grep -E has it. Sources: drivers/of/kexec.c (of_kexec_alloc_and_setup_fdt), kexec-tools'
 * kexec-arm64.c and fs2dt.c; linux,usable-memory is in the memory nodes of ppc64.
 */
const changeable =
  '/chosen/(bootargs|kaslr-seed|rng-seed|linux,(initrd-(start|end)|elfcorehdr|usable-memory-range|booted-from-kexec|ima-kexec-buffer|kho-fdt|kho-scratch))$|/linux,usable-memory$'
const changeablePath = new RegExp(changeable)
/** Some 20 s at 115200 baud. */
const largestListing = 160 * 1024
const listing = '/tmp/harness-device-tree.gz'
const shownChanges = 20
const shownCharacters = 60

/**
 * Reads the digest of the running kernel's tree; undefined on a board that has none.
 * Throws ConsoleTimeout, ConsoleClosed or the signal's reason.
 */
export async function readDeviceTree(
  shell: Shell,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<DeviceTreeDigest | undefined> {
  const properties = `find . -type f | grep -vE '${changeable}' | LC_ALL=C sort`
  const digest = `cd ${folder} 2>/dev/null && ${properties} | xargs md5sum | md5sum`
  const { output } = await shell.run(`(${digest}); cat /proc/sys/kernel/random/boot_id`, {
    timeoutMs,
    signal,
  })
  const found = /^([0-9a-f]{32}) +-\s+^([0-9a-f-]{36})\s*$/m.exec(output)
  return found ? { digest: found[1]!, bootId: found[2]! } : undefined
}

/** Reads the whole tree, compressed: some 9 KiB over the console for QEMU's virt machine, 0.8 s at 115200 baud. */
export async function readProperties(
  shell: Shell,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<DeviceTree> {
  const pack = `tar -cf - -C ${folder} . 2>/dev/null | gzip -9 >${listing}`
  const tell = `[ $(wc -c <${listing}) -le ${largestListing} ] && base64 ${listing}; rm ${listing}`
  const { output } = await shell.run(`${pack}; ${tell}`, { timeoutMs, signal })
  try {
    return readArchive(gunzipSync(Buffer.from(output.replace(/\s/g, ''), 'base64')))
  } catch {
    return undefined
  }
}

/** What differs, one line a property: `path = old -> new`. */
export function compareDeviceTrees(first: DeviceTree, now: DeviceTree): string[] {
  if (!first || !now) return ['which properties differ is not known: the tree could not be read whole']
  const paths = [...new Set([...first.keys(), ...now.keys()])].filter((path) => !changeablePath.test(path))
  return paths
    .sort((a, b) => (a < b ? -1 : 1))
    .flatMap((path) => {
      const [old, fresh] = [first.get(path), now.get(path)]
      if (old && fresh && old.equals(fresh)) return []
      return [`${path} = ${show(old)} -> ${show(fresh)}`]
    })
}

/** The finding for a tree that differs from that of generation 0; none where nothing does. */
export function deviceTreeFindings(changes: readonly string[] = []): ObservedFinding[] {
  if (changes.length === 0) return []
  const more = changes.length - shownChanges
  return [
    {
      id: 'device-tree-changed',
      severity: 'warning',
      phase: 'early',
      ...{ device: null, driver: null, cpu: null },
      confidence: 'seen',
      evidence: [...changes.slice(0, shownChanges), ...(more > 0 ? [`and ${more} more`] : [])],
      advice:
        "The new kernel got another device tree than the one that firmware had handed over. See how the loader makes it: from /proc/device-tree, or from a file (kexec --dtb) that lacks the firmware's own changes.",
    },
  ]
}

/**
 * Compares the trees of generation 0 and of the kernel that a cycle started; the evidence has what differs.
 * The memory belongs to the board and outlives the cycle.
 */
export function watchingDeviceTree(memory: DeviceTreeMemory): Observer {
  return {
    async prepare({ board: { shell }, signal }) {
      const old = await readDeviceTree(shell, commandTimeoutMs, signal)
      if (old === undefined || old.bootId === memory.bootId) return
      // Booted cold: its old values have to be known before it is gone.
      if (memory.first?.digest !== old.digest)
        memory.first = { digest: old.digest, tree: await readProperties(shell, commandTimeoutMs, signal) }
      memory.bootId = old.bootId
    },
    async finish({ board: { shell }, evidence, signal }, ready) {
      const { first } = memory
      delete memory.bootId
      if (!ready || !first) return
      const now = await readDeviceTree(shell, commandTimeoutMs, signal)
      if (now === undefined) return
      memory.bootId = now.bootId
      if (now.digest === first.digest) return
      const tree = await readProperties(shell, commandTimeoutMs, signal)
      evidence.deviceTreeChanges = compareDeviceTrees(first.tree, tree)
    },
  }
}

/** The plain files of a tar archive. Source of the layout: tar(5), and the GNU extension for long names. */
function readArchive(archive: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  let longName: string | undefined
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const text = (from: number, to: number) =>
      archive.toString('latin1', at + from, at + to).replace(/\0.*$/s, '')
    const size = Number.parseInt(text(124, 136), 8)
    const content = archive.subarray(at + 512, at + 512 + size)
    if (!(size >= 0) || content.length < size) throw new Error('the archive is cut off')
    const type = text(156, 157)
    const prefix = text(257, 262) === 'ustar' ? text(345, 500) : ''
    const name = longName ?? [prefix, text(0, 100)].filter(Boolean).join('/')
    longName = type === 'L' ? content.toString('latin1').replace(/\0.*$/s, '') : undefined
    if (type === '0' || type === '') files.set(name.replace(/^\./, ''), content)
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** A value as dtc writes it: strings, cells or bytes. */
function show(value: Buffer | undefined): string {
  if (value === undefined) return '(none)'
  if (value.length === 0) return '(empty)'
  const text = value.toString('latin1')
  if (/^([\x20-\x7e]+\0)+$/.test(text))
    return shorten(JSON.stringify(text.slice(0, -1).replaceAll('\0', '", "')))
  const hex = value.toString('hex')
  return shorten(value.length % 4 === 0 ? `<${hex.match(/.{8}/g)!.join(' ')}>` : `[${hex}]`)
}

function shorten(text: string): string {
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters)}…`
}
