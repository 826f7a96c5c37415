/** YAML that people write, parsed at the border: every mistake is shown with its place and what is allowed there. */
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { type Alias, type Document, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml'
import type { z } from 'zod'
import { UsageError } from './errors.ts'
import { didYouMean } from './nearest.ts'
import { describeIssues } from './yaml-issues.ts'
import { formatProblem, type Problem, type YamlSource } from './yaml-source.ts'

/** Larger than any descriptor, recipe or signature file; a larger one is a mistaken path. */
const maxBytes = 1024 * 1024
const maxProblems = 10
/** How often aliases may multiply a node, so that a "billion laughs" file can't fill memory. */
const maxAliasCount = 100
const maxAliases = 200

/**
 * Reads a YAML file and checks it against a schema.
 * Throws UsageError: no such file (with the nearest name that is there), not UTF-8, larger than 1 MiB, or what parseYaml throws.
 */
export async function parseYamlFile<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  return parseYaml(await readText(file), file, schema)
}

/**
 * Checks YAML text against a schema. `fileName` is only shown.
 * Throws one UsageError that lists up to ten problems, each with line, column, what was found and what is allowed.
 * The schema's `title` (`.meta({ title: 'board' })`) names the whole file in messages, `examples` what a value looks like.
 */
export function parseYaml<T>(text: string, fileName: string, schema: z.ZodType<T>): T {
  if (text.length > maxBytes) throw tooLarge(fileName, text.length)
  try {
    return parseDocumentText(text, fileName, schema)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new UsageError(`${fileName}: nested too deeply`, { cause: error })
  }
}

function parseDocumentText<T>(text: string, fileName: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
    uniqueKeys: false,
  })
  const source: YamlSource = { fileName, text, lines, document }
  const broken = [...document.errors, ...document.warnings]
  if (broken.some((error) => error.message.startsWith('Maximum call stack'))) throw new RangeError('too deep')
  if (broken.length > 0) throw problemsError(source, onePerPlace(broken.map(describeSyntax)))
  const problems = [...aliasProblems(document), ...duplicateKeys(document)]
  if (problems.length > 0) throw problemsError(source, problems)
  if (document.contents === null) throw new UsageError(`${fileName}: is empty`)
  const value = toValue(source)
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw problemsError(source, describeIssues(source, schema, value, result.error.issues))
}

function toValue(source: YamlSource): unknown {
  try {
    const value: unknown = source.document.toJS({ maxAliasCount })
    // An alias inside its own anchor makes a value that contains itself.
    JSON.stringify(value)
    return value
  } catch (error) {
    if (error instanceof RangeError) throw error
    if (!(error instanceof Error)) throw error
    const why = error.message.split('\n')[0] ?? ''
    const reason =
      error instanceof TypeError
        ? 'an alias (*name) stands inside its own anchor (&name)'
        : `its aliases (*name) can't be followed: ${why}`
    throw new UsageError(`${source.fileName}: ${reason}`, { cause: error })
  }
}

function problemsError(source: YamlSource, problems: readonly Problem[]): UsageError {
  const shown = problems.slice(0, maxProblems).map((problem) => formatProblem(source, problem))
  const rest = problems.length - shown.length
  return new UsageError([...shown, ...(rest > 0 ? [`… and ${rest} more problems`] : [])].join('\n'))
}

const syntaxMessages: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'a tab used for indentation; YAML wants spaces',
  BAD_INDENT: 'wrong indentation: items of one mapping or list start in the same column',
  MULTIPLE_DOCS: 'a second document starts here; one file holds one document',
  BLOCK_AS_IMPLICIT_KEY:
    'two keys in one: the next line is indented too far, or a value that holds ": " needs quotes',
}

function describeSyntax(error: YAMLError): Problem {
  const [start, end] = error.pos
  const lead = syntaxMessages[error.code]
  return { start, end, message: lead ?? `not valid YAML: ${error.message}` }
}

/** Aliases without an anchor before them; also refuses a text with too many, since each is looked up in the whole text. */
function aliasProblems(document: Document): Problem[] {
  const aliases: Alias[] = []
  visit(document, {
    Alias(_, alias) {
      aliases.push(alias)
      return aliases.length > maxAliases ? visit.BREAK : undefined
    },
  })
  return aliases.flatMap((alias, index) => {
    const [start, end] = alias.range ?? [0, 0]
    if (index >= maxAliases) return { start, end, message: `more than ${maxAliases} aliases` }
    const known = aliases.length > maxAliases || alias.resolve(document) !== undefined
    return known ? [] : { start, end, message: `no anchor &${alias.source} stands before this alias` }
  })
}

/** Instead of the parser's own check, whose time grows with the square of the number of keys. */
function duplicateKeys(document: Document): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const [start, end] = key.range ?? [0, 0]
        const name = String(key.value)
        if (seen.has(name))
          problems.push({ start, end, message: 'this key is given twice in the same mapping; keep one' })
        seen.add(name)
      }
    },
  })
  return problems
}

/** The parser often reports one mistake in several ways; the first says it best. */
function onePerPlace(problems: readonly Problem[]): Problem[] {
  const places = new Set<number>()
  return problems.filter(({ start }) => !places.has(start) && places.add(start))
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer
  try {
    const found = await stat(file)
    if (found.isDirectory()) throw new UsageError(`${file}: is a folder, expected a YAML file`)
    if (!found.isFile()) throw new UsageError(`${file}: is not a regular file`)
    if (found.size > maxBytes) throw tooLarge(file, found.size)
    bytes = await readFile(file)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw await unreadable(file, error as NodeJS.ErrnoException)
  }
  return decode(file, bytes)
}

function tooLarge(file: string, size: number): UsageError {
  return new UsageError(
    `${file}: is ${size} bytes, more than the ${maxBytes} that are read; is this the right file?`,
  )
}

async function unreadable(file: string, error: NodeJS.ErrnoException): Promise<UsageError> {
  if (error.code !== 'ENOENT') {
    return new UsageError(`${file}: can't be read: ${error.code ?? error.message}`, { cause: error })
  }
  const folder = path.dirname(file)
  const names = await readdir(folder).catch(() => undefined)
  if (names === undefined) return new UsageError(`${file}: no such file, nor is there a folder ${folder}`)
  const yamlNames = names.filter((name) => /\.ya?ml$/.test(name)).sort()
  const listed = yamlNames.length === 0 ? 'no YAML file' : yamlNames.slice(0, 20).join(', ')
  const near = didYouMean(path.basename(file), yamlNames)
  return new UsageError(`${file}: no such file${near}`, { hint: `In ${folder} there is: ${listed}` })
}

function decode(file: string, bytes: Buffer): string {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    const line = firstBadLine(bytes)
    throw new UsageError(`${file}:${line}: is not UTF-8 text; save it in that encoding`, { cause })
  }
}

/** Number of the first line that is not UTF-8; no byte of a longer UTF-8 character is a newline, so lines decode alone. */
function firstBadLine(bytes: Buffer): number {
  let line = 1
  for (let start = 0; start <= bytes.length; line++) {
    const newline = bytes.indexOf(10, start)
    const end = newline === -1 ? bytes.length : newline
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end))
    } catch {
      return line
    }
    start = end + 1
  }
  return line
}
