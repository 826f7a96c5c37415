/** Unpacks LZ4's legacy frames, the way of `CONFIG_KERNEL_LZ4`, which Node can't. Format: lz4_Frame_format.md, lz4_Block_format.md. */

/** A legacy frame unpacks its blocks to so much each, all but the last. */
const blockBytes = 8 * 1024 * 1024

/** The data in a legacy frame, which may be followed by something else. Throws RangeError where it is damaged. */
export function unpackLz4(packed: Buffer): Buffer {
  const blocks: Buffer[] = []
  let at = 4
  while (at + 4 <= packed.length) {
    const size = packed.readUInt32LE(at)
    if (size === 0 || at + 4 + size > packed.length) break
    const block = unpackBlock(packed.subarray(at + 4, at + 4 + size))
    blocks.push(block)
    if (block.length < blockBytes) break
    at += 4 + size
  }
  return Buffer.concat(blocks)
}

function unpackBlock(packed: Buffer): Buffer {
  const out = Buffer.allocUnsafe(blockBytes)
  let from = 0
  let to = 0
  /** A length of 15 goes on in further bytes, until one that is not 255. */
  const length = (first: number) => {
    let total = first
    if (first === 15) {
      let more = 255
      while (more === 255) {
        more = packed[from++] ?? 0
        total += more
      }
    }
    return total
  }
  while (from < packed.length) {
    const token = packed[from++]!
    const literals = length(token >> 4)
    if (from + literals > packed.length || to + literals > blockBytes) throw damaged()
    packed.copy(out, to, from, from + literals)
    from += literals
    to += literals
    // The last sequence has no match.
    if (from >= packed.length) break
    const distance = packed.readUInt16LE(from)
    from += 2
    const matched = length(token & 15) + 4
    if (distance === 0 || distance > to || to + matched > blockBytes) throw damaged()
    // A match may overlap what it makes.
    if (distance >= matched) out.copyWithin(to, to - distance, to - distance + matched)
    else for (let index = 0; index < matched; index++) out[to + index] = out[to + index - distance]!
    to += matched
  }
  return out.subarray(0, to)
}

function damaged(): RangeError {
  return new RangeError('damaged LZ4 data')
}
