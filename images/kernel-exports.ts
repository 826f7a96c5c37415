/** Where an arm64 kernel keeps what it exports to modules. Its /proc/kallsyms may name functions only. */

const noBytes = new Int32Array()

/**
 * Bytes from one exported symbol of an arm64 Image to another; they stand that far apart in memory too. undefined
 * where the file is something else, or does not tell. Each export is a struct kernel_symbol of 32-bit distances: from
 * the field itself to the symbol, to its name, to its namespace. Source: include/linux/export-internal.h.
 */
export function exportDistance(image: Buffer, from: string, to: string): number | undefined {
  // Documentation/arch/arm64/booting.rst
  if (image.length < 64 || image.toString('latin1', 56, 60) !== 'ARM\x64') return undefined
  const imageBytes = Number(image.readBigUInt64LE(16))
  const words = wordsOf(image)
  const [start, end] = [from, to].map((name) => exported(image, words, imageBytes, name))
  return start === undefined || end === undefined ? undefined : end - start
}

/** A symbol's distance from the image's start, where exactly one export has that name. */
function exported(image: Buffer, words: Int32Array, imageBytes: number, name: string): number | undefined {
  const found = new Set<number>()
  const bytes = Buffer.from(`\0${name}\0`)
  for (let at = image.indexOf(bytes); at !== -1; at = image.indexOf(bytes, at + 1))
    for (let index = 1; index < words.length; index++) {
      if (index * 4 + words[index]! !== at + 1) continue
      const symbol = (index - 1) * 4 + words[index - 1]!
      // The names stand in other tables too.
      if (symbol > 0 && symbol < imageBytes) found.add(symbol)
    }
  return found.size === 1 ? [...found][0] : undefined
}

/** The bytes as little-endian words, copied where they can't be seen as such. */
function wordsOf(image: Buffer): Int32Array {
  const length = image.length >> 2
  if (length === 0) return noBytes
  const aligned = image.byteOffset % 4 === 0 ? image : Buffer.from(new Uint8Array(image).buffer)
  return new Int32Array(aligned.buffer, aligned.byteOffset, length)
}
