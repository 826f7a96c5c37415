/** The one place that makes text from a console, or from anything else outside, safe to show. */

// C0 but tab and newline, DEL, C1 (0x9b is CSI), lone surrogates, what XML 1.0 forbids, and the invisible characters that
// reorder or hide text on a terminal (Unicode TR36, "bidirectional text spoofing").
const hidden =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\p{Cs}]/gu
const hiddenOrBreak = new RegExp(`[\\t\\n]|${hidden.source}`, 'gu')

export type VisibleOptions = {
  /** Longest result in characters, without the note on what was cut; default 16,384. */
  maxLength?: number
  /** Which end of a text that is too long stays; default `start`. */
  keep?: 'start' | 'end'
}

/**
 * Text of several lines with everything that could act on a terminal or break XML shown as `\x1b` or `\u202e`.
 * Every result is legal in XML 1.0. Tabs and newlines stay; CR LF counts as a newline.
 */
export function visible(text: string, options: VisibleOptions = {}): string {
  return bounded(text.replaceAll('\r\n', '\n').replace(hidden, escapeCharacter), options)
}

/** The same on one line: tabs and newlines are shown as `\t` and `\n`. Default bound 300 characters. */
export function visibleLine(text: string, { maxLength = 300, keep = 'start' }: VisibleOptions = {}): string {
  return bounded(text.replace(hiddenOrBreak, escapeCharacter), { maxLength, keep })
}

const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  return (
    named[character] ??
    (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`)
  )
}

function bounded(text: string, { maxLength = 16_384, keep = 'start' }: VisibleOptions): string {
  if (text.length <= maxLength) return text
  const note = `… (${text.length - maxLength} more characters)`
  // A cut through a surrogate pair leaves half of it.
  return keep === 'start'
    ? text.slice(0, maxLength).replace(/[\ud800-\udbff]$/, '') + note
    : note + text.slice(-maxLength).replace(/^[\udc00-\udfff]/, '')
}
