/**
 * What a load with `kexec -d` tells of where things go: the segments and the entry point that the kernel is given.
 *
 * kexec_load: kexec-tools prints them itself (kexec/kexec.c, my_load() and print_segments()), on every architecture.
 * kexec_file_load: the kernel lays the segments out and tells of it in its log, from Linux 6.7 and kexec-tools 2.0.28 on
 * (kernel/kexec_file.c, KEXEC_FILE_DEBUG); older ones tell nothing.
 */

/** One piece of the new kernel's image: copied from a buffer to the place where it is wanted. */
export type Segment = {
  /** Address of the buffer in the loading process; null where the kernel laid it out itself. */
  buf: bigint | null
  /** Size of what is copied, bytes; the rest of `memsz` is zeroed. */
  bufsz: number
  /** Physical address that it is copied to. */
  mem: bigint
  /** Size of the place, bytes. */
  memsz: number
}

export type LoadLayout = {
  syscall: 'kexec_load' | 'kexec_file_load'
  /** Physical address at which the machine goes on after the relocation: that of purgatory where there is one. */
  entry: bigint
  segments: Segment[]
}

/** Lines of `kexec -d` that tell of purgatory's relocations only: some 90 % of it, which no console should have to carry. */
export const debugNoise = '^(sym:|machine_apply_elf_rel:|R_[A-Z0-9_]+$)'

const toolEntry = /^kexec_load: entry = (0x[0-9a-f]+) flags = 0x[0-9a-f]+$/
const toolSegment = /^segment\[(\d+)\]\.(buf|bufsz|mem|memsz)\s*= (0x[0-9a-f]+|\(nil\))$/
const kernelEntry = /kexec_file_load: type:\d+, start:(0x[0-9a-f]+) /
const kernelSegment =
  /segment\[(\d+)\]: buf=\S+ bufsz=(0x[0-9a-f]+) mem=(0x[0-9a-f]+) memsz=(0x[0-9a-f]+)\s*$/

/** The last load that this text tells of; undefined where it tells of none, or not of every segment. */
export function parseKexecDebug(text: string): LoadLayout | undefined {
  let found: Reading | undefined
  let laidOut = new Map<number, Partial<Segment>>()
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd()
    const announced = /nr_segments = (\d+)$/.exec(line)
    const tool = toolEntry.exec(line)
    const start = kernelEntry.exec(line)
    // kexec-tools says the entry first and the segments after it, the kernel does it the other way round.
    if (tool) found = { syscall: 'kexec_load', entry: BigInt(tool[1]!), segments: new Map() }
    else if (start && found) found = { ...found, syscall: 'kexec_file_load', entry: BigInt(start[1]!) }
    else if (announced && found?.syscall === 'kexec_load' && found.count === undefined)
      found.count = Number(announced[1])
    else if (announced) {
      laidOut = new Map()
      found = { syscall: 'kexec_file_load', count: Number(announced[1]), segments: laidOut }
    } else if (found) takeSegment(line, found.segments)
  }
  return found && complete(found)
}

/** What was read so far of one load. */
type Reading = {
  syscall: LoadLayout['syscall']
  entry?: bigint
  count?: number
  segments: Map<number, Partial<Segment>>
}

function takeSegment(line: string, segments: Reading['segments']): void {
  const tool = toolSegment.exec(line)
  if (tool) {
    const [, index, field, text] = tool as unknown as [string, string, keyof Segment, string]
    const value = text === '(nil)' ? 0n : BigInt(text)
    const known = segments.get(Number(index))
    segments.set(Number(index), {
      ...known,
      [field]: field === 'bufsz' || field === 'memsz' ? Number(value) : value,
    })
    return
  }
  const kernel = kernelSegment.exec(line)
  if (!kernel) return
  const [, index, bufsz, mem, memsz] = kernel as unknown as string[]
  segments.set(Number(index), {
    buf: null,
    bufsz: Number(bufsz),
    mem: BigInt(mem!),
    memsz: Number(memsz),
  })
}

/** A line that was lost or garbled on the wire makes the whole unusable rather than wrong. */
function complete({ syscall, entry, count, segments }: Reading): LoadLayout | undefined {
  const sorted = [...segments].toSorted(([one], [other]) => one - other).map(([, segment]) => segment)
  if (entry === undefined || count === undefined || sorted.length !== count) return undefined
  if (!sorted.every(isWhole)) return undefined
  return { syscall, entry, segments: sorted }
}

function isWhole(segment: Partial<Segment>): segment is Segment {
  return [segment.buf, segment.bufsz, segment.mem, segment.memsz].every((value) => value !== undefined)
}

/** The segment in which the machine goes on after the relocation; undefined where none holds the entry point. */
export function entrySegment({ entry, segments }: LoadLayout): Segment | undefined {
  return segments.find(({ mem, memsz }) => entry >= mem && entry < mem + BigInt(memsz))
}
