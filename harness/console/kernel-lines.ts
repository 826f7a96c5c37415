/** Tells kernel messages from what a program on the same console printed. */

/** A printk with its stamp, up to its line end; `[    0.000000][    T0]` is CONFIG_PRINTK_CALLER's form. */
const kernelMessage = /\[ *\d{1,8}\.\d{6}\](?:\[ *[TC]\d{1,10}\])? ?[^\n]*\n/g

/** printk's own stamp at the start of a line, in seconds, and the message after it. */
const stampedLine = /^(?:<\d+>)?\[ *(\d{1,8}\.\d{6})\](?:\[ *[TC]\d{1,10}\])? ?(.*)$/

/** A kernel's console line taken apart, or undefined where it carries no printk stamp. */
export function parseKernelLine(text: string): { seconds: number; message: string } | undefined {
  const found = stampedLine.exec(text)
  return found ? { seconds: Number(found[1]), message: found[2]! } : undefined
}

/** Text without the kernel messages in it, and a way back to where in the original a character stood. */
export type Filtered = { text: string; originalIndex(index: number): number }

/**
 * Takes out every whole kernel message, also one that landed in the middle of a program's line: printk writes
 * a message in one go and ends it, so what stood before and after it belongs together.
 */
export function withoutKernelMessages(text: string): Filtered {
  const pieces: { from: number; at: number; text: string }[] = []
  let from = 0
  let length = 0
  const keep = (to: number) => {
    pieces.push({ from, at: length, text: text.slice(from, to) })
    length += to - from
  }
  for (const found of text.matchAll(kernelMessage)) {
    keep(found.index)
    from = found.index + found[0].length
  }
  keep(text.length)
  return {
    text: pieces.map((piece) => piece.text).join(''),
    originalIndex: (index) => {
      const piece = pieces.findLast((candidate) => candidate.at <= index)!
      return piece.from + (index - piece.at)
    },
  }
}
