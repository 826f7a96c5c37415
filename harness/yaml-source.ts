/** Where in a YAML text a value stands, and how an error shows that place. */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
} from 'yaml'

export type Path = readonly PropertyKey[]

/** One thing wrong with a YAML text: the characters it is about, from `start` up to `end`. */
export type Problem = { start: number; end: number; message: string }

export type YamlSource = { fileName: string; text: string; lines: LineCounter; document: Document }

/** Columns of a source line that an error shows at most. */
const shownColumns = 100

/** The characters of the value at `path`, or of the deepest thing around it that the text has. */
export function rangeOfValue(source: YamlSource, path: Path): { start: number; end: number } {
  let range = rangeOf(source.document.contents) ?? { start: 0, end: 0 }
  let node: unknown = source.document.contents
  for (const [index, step] of path.entries()) {
    const child = childOf(source.document, node, step)
    if (child === undefined) return index === 0 ? { start: range.start, end: range.start } : range
    // A key without a value (`console:`) has no characters of its own.
    const ownRange = rangeOf(child.value)
    range = ownRange === undefined || ownRange.start === ownRange.end ? (child.key ?? range) : ownRange
    node = child.value
  }
  return range
}

/** The characters of the key `key` in the mapping at `path`. */
export function rangeOfKey(source: YamlSource, path: Path, key: string): { start: number; end: number } {
  let node: unknown = source.document.contents
  for (const step of path) node = childOf(source.document, node, step)?.value
  return childOf(source.document, node, key)?.key ?? rangeOfValue(source, path)
}

/** The characters of the last key on `path`, for what is missing inside it; the first character of the file for the root. */
export function rangeOfHolder(source: YamlSource, path: Path): { start: number; end: number } {
  const last = path.at(-1)
  if (typeof last === 'string') return rangeOfKey(source, path.slice(0, -1), last)
  const { start } = rangeOfValue(source, path)
  return { start, end: start }
}

type Child = { key: { start: number; end: number } | undefined; value: unknown }

function childOf(document: Document, parent: unknown, step: PropertyKey): Child | undefined {
  const node = isAlias(parent) ? parent.resolve(document) : parent
  if (isSeq(node)) {
    const value = node.items[Number(step)]
    return value === undefined ? undefined : { key: undefined, value }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find((item: Pair) => keyText(item.key) === String(step))
  return pair === undefined ? undefined : { key: rangeOf(pair.key), value: pair.value }
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key)
}

function rangeOf(node: unknown): { start: number; end: number } | undefined {
  if (node === null || typeof node !== 'object' || isPair(node)) return undefined
  const range = (node as Node).range
  return range === undefined || range === null ? undefined : { start: range[0], end: range[1] }
}

/** `boards/x.yaml:12:3: unknown key …` with the source line and a caret under the place. */
export function formatProblem(source: Omit<YamlSource, 'document'>, problem: Problem): string {
  const { line, col } = source.lines.linePos(problem.start)
  const at = { line: Math.max(1, line), column: Math.max(1, col) }
  const lineStart = problem.start - (at.column - 1)
  const newline = source.text.indexOf('\n', lineStart)
  const whole = source.text.slice(lineStart, newline === -1 ? undefined : newline).replace(/\r$/, '')
  const cropped = at.column > shownColumns - 20 ? at.column - 40 : 0
  const shown = `${cropped > 0 ? '…' : ''}${whole.slice(cropped, cropped + shownColumns)}`
  const caretColumn = at.column - 1 - cropped + (cropped > 0 ? 1 : 0)
  const width = Math.max(1, Math.min(problem.end - problem.start, shown.length - caretColumn))
  const gutter = String(at.line)
  return [
    `${source.fileName}:${at.line}:${at.column}: ${problem.message}`,
    `  ${gutter} | ${printable(shown)}`,
    `  ${' '.repeat(gutter.length)} | ${' '.repeat(caretColumn)}${'^'.repeat(width)}`,
  ].join('\n')
}

/** Text as a terminal may safely show it: one column for each control character. */
export function printable(text: string): string {
  return text
    .replace(/\t/g, ' ')
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?')
}
