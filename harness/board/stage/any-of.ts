/** Waits for the first of several texts. */
import type { Matcher } from '../../console/console.ts'

/** What may come, by the name that the match gives back: plain text, or an expression. */
export type Alternatives = Record<string, string | RegExp | undefined>

/** Matches whichever comes first in the text; the match's only group is its name. */
export function anyOf(alternatives: Alternatives): Matcher {
  const patterns = Object.entries(alternatives).flatMap(([name, pattern]) =>
    pattern === undefined ? [] : [[name, typeof pattern === 'string' ? literal(pattern) : pattern] as const],
  )
  return (text) => {
    let first: { index: number; length: number; groups: string[] } | undefined
    for (const [name, pattern] of patterns) {
      const found = pattern.exec(text)
      if (!found || (first && first.index <= found.index)) continue
      first = { index: found.index, length: found[0].length, groups: [name] }
    }
    return first
  }
}

/** An expression that matches this text and nothing else. */
export function literal(text: string, flags = ''): RegExp {
  return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), flags)
}
