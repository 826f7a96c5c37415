/**
 * Finds a Linux kernel's log in a piece of its memory, as kernel/printk/printk_ringbuffer.c lays it out since
 * 5.10 on 64-bit little-endian machines:
 * - The text ring is a sequence of data blocks: an 8-byte record id, then the text, padded to 8 bytes. The
 *   ids count up by one; a record without text has no block.
 * - `struct printk_info` (88 bytes: u64 seq, u64 ts_nsec, u16 text_len …) stands in an array of its own, in
 *   which an unwrapped log's record n has seq n.
 */

/** Bytes around a record that `readPrintkLog` wants to see: the text ring and the array of printk_info. */
export const logReachBytes = 16 * 1024 * 1024

const infoBytes = 88
const offsetOfTime = 8
const offsetOfTextLength = 16
/** Records are at most 1 KiB of text (LOG_LINE_MAX) with its id. */
const longestBlock = 2048
/** How many records without text may stand between two with text. */
const longestIdGap = 8n

type Block = { at: number; id: bigint; spaceBytes: number }

/** Messages that kernels print their command line with: in setup_arch on x86, and in start_kernel. */
const commandLineStarts = ['Kernel command line: ', 'Command line: ']
/** Kernels from 6.17 print a long command line as several records. */
const commandLineRecords = 8

/**
 * Offsets of records in `memory` that may print a command line. The search is for text at the start of a data
 * block, so copies of a console's output and command lines that wait for a next kernel are left out.
 */
export function findCommandLines(memory: Buffer): number[] {
  return commandLineStarts.flatMap((start) => {
    const found: number[] = []
    for (let at = memory.indexOf(start); at !== -1; at = memory.indexOf(start, at + 1)) {
      if (at % 8 === 0 && at >= 8 && nextBlock(memory, at - 8) !== undefined) found.push(at - 8)
    }
    return found
  })
}

/**
 * Reads the log that the record at `at` (from `findCommandLines`) belongs to, oldest message first, with the
 * kernel's time stamps where they were found. Undefined when its command line does not contain `nonce`.
 */
export function readPrintkLog(memory: Buffer, at: number, nonce: string): string[] | undefined {
  const first = firstBlock(memory, at)
  const blocks = blocksFrom(memory, first)
  const commandLine = blocks.findIndex((block) => block.at === at)
  const proof = blocks.slice(commandLine, commandLine + commandLineRecords)
  if (!proof.some((block) => blockText(memory, block).includes(nonce))) return undefined
  const infos = findInfos(memory, blocks)
  return blocks.flatMap((block) => {
    const info = infos === undefined ? undefined : infos + infoBytes * Number(block.id - blocks[0]!.id)
    return messageLines(memory, block, info)
  })
}

function nextBlock(memory: Buffer, at: number): number | undefined {
  const id = memory.readBigUInt64LE(at)
  const end = Math.min(at + longestBlock, memory.length - 8)
  for (let next = at + 16; next <= end; next += 8) {
    const step = memory.readBigUInt64LE(next) - id
    if (step >= 1n && step <= longestIdGap) return next
  }
  return undefined
}

function firstBlock(memory: Buffer, at: number): number {
  let first = at
  for (let before = at; before !== -1; before = previousBlock(memory, first)) first = before
  return first
}

function previousBlock(memory: Buffer, at: number): number {
  const id = memory.readBigUInt64LE(at)
  const end = Math.max(at - longestBlock, 0)
  for (let before = at - 16; before >= end; before -= 8) {
    const step = id - memory.readBigUInt64LE(before)
    if (step >= 1n && step <= longestIdGap) return before
  }
  return -1
}

function blocksFrom(memory: Buffer, first: number): Block[] {
  const blocks: Block[] = []
  let at: number | undefined = first
  while (at !== undefined) {
    const next = nextBlock(memory, at)
    const end = next ?? endOfText(memory, at + 8)
    blocks.push({ at, id: memory.readBigUInt64LE(at), spaceBytes: end - at - 8 })
    at = next
  }
  return blocks
}

/** The last block has no next one: its text ends at a NUL. */
function endOfText(memory: Buffer, start: number): number {
  const end = memory.subarray(start, start + longestBlock).indexOf(0)
  return end === -1 ? Math.min(start + longestBlock, memory.length) : start + end
}

function blockText(memory: Buffer, { at, spaceBytes }: Block): string {
  return memory.toString('utf8', at + 8, at + 8 + spaceBytes)
}

/**
 * The offset of the first printk_info that belongs to these blocks: their seq numbers count up and their lengths fit
 * the room in the blocks. An old kernel's array can still be in memory: the nearest one is taken.
 */
function findInfos(memory: Buffer, blocks: Block[]): number | undefined {
  const candidates: number[] = []
  const words = Math.floor(memory.length / 8) - (2 * infoBytes) / 8
  for (let word = 0; word < words; word++) {
    const at = word * 8
    if (memory[at + infoBytes] === 1 && memory[at + 2 * infoBytes] === 2 && fits(memory, at, blocks)) {
      candidates.push(at)
    }
  }
  const distance = (at: number) => Math.abs(at - blocks[0]!.at)
  return candidates.sort((a, b) => distance(a) - distance(b))[0]
}

/** The last block is left out: its room is a guess. */
function fits(memory: Buffer, infos: number, blocks: Block[]): boolean {
  return blocks.slice(0, -1).every(({ id, spaceBytes }) => {
    const seq = id - blocks[0]!.id
    const at = infos + infoBytes * Number(seq)
    if (at + infoBytes > memory.length || memory.readBigUInt64LE(at) !== seq) return false
    return memory.readUInt16LE(at + offsetOfTextLength) <= spaceBytes
  })
}

function messageLines(memory: Buffer, block: Block, info: number | undefined): string[] {
  if (info === undefined) return withoutResidue(blockText(memory, block)).split('\n').map(printable)
  const seconds = Number(memory.readBigUInt64LE(info + offsetOfTime) / 1000n) / 1e6
  const length = memory.readUInt16LE(info + offsetOfTextLength)
  const text = memory.toString('utf8', block.at + 8, block.at + 8 + length)
  const stamp = `[${seconds.toFixed(6).padStart(12)}] `
  return text.split('\n').map((line) => stamp + printable(line))
}

/**
 * printk formats a record in place and then moves it over its level (SOH and a character): behind the text
 * stand its last two characters once more, a line feed and a NUL; behind a continued text, the level it had.
 */
function withoutResidue(text: string): string {
  const level = text.indexOf('\u0001')
  if (level !== -1) return text.slice(0, level)
  const end = text.indexOf('\0')
  const line = (end === -1 ? text : text.slice(0, end)).replace(/\n$/, '')
  return line.length >= 4 && line.slice(-2) === line.slice(-4, -2) ? line.slice(0, -2) : line
}

function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
}
