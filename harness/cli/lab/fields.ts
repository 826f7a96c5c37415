/** What a section of a descriptor asks for, read from its schema: a new transport or switch needs no words here. */
import { parse as parseYamlText } from 'yaml'
import { z } from 'zod'
import { command } from '../../values.ts'

/** One key of a section. */
export type Field = {
  key: string
  /** What the schema says of it, for people. */
  description: string | undefined
  /** False where the section is complete without it. */
  required: boolean
  /** What it is without being written; undefined where the schema names nothing. */
  fallback: unknown
  /** The only values, where there are few. */
  choices: string[] | undefined
  /** True where an answer on one line can say it; steps of a web page, for one, can't be. */
  askable: boolean
  schema: z.ZodType
}

/** One kind of a section, such as the console `serial`. */
export type Kind = { type: string; description: string; fields: Field[] }

/** The kinds that a union of sections has, those first that can be asked for. */
export function kindsOf(union: { options: readonly unknown[] }): Kind[] {
  return union.options.flatMap((option) => {
    if (!(option instanceof z.ZodObject)) return []
    const { type, ...rest } = option.shape as Record<string, z.ZodType>
    const name = literalOf(type)
    if (name === undefined) return []
    const fields = Object.entries(rest).map(([key, schema]) => fieldOf(key, schema))
    return { type: name, description: option.meta()?.description ?? name, fields }
  })
}

/** True where every key that has to be there can be asked for. */
export function isAskable({ fields }: Kind): boolean {
  return fields.every(({ required, askable }) => !required || askable)
}

/**
 * The value that an answer on one line means: as YAML, as text, as the name of an environment variable that holds a
 * secret (or `file:PATH`), or as the words of a command. Returns what is wrong with it where the schema takes none of them.
 */
export function answerOf(field: Field, text: string): { value: unknown } | { wrong: string } {
  const value = readings(field, text).find((reading) => field.schema.safeParse(reading).success)
  if (value !== undefined) return { value }
  const issue = field.schema.safeParse(asYaml(text) ?? text).error?.issues[0]
  const meta = metaOf(field.schema)
  const wanted =
    meta.title === undefined ? (issue?.message ?? 'is not what is wanted here') : `wants ${meta.title}`
  const example = meta.examples?.[0]
  return { wrong: example === undefined ? wanted : `${wanted}, such as ${flowText(example)}` }
}

/** A value on one line of YAML. */
export function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`
  if (value !== null && typeof value === 'object')
    return `{ ${Object.entries(value)
      .map(([key, inner]) => `${key}: ${flowText(inner)}`)
      .join(', ')} }`
  return typeof value === 'string' ? quotedWhereNeeded(value) : String(value)
}

function quotedWhereNeeded(text: string): string {
  const isPlain = /^[A-Za-z0-9_./][A-Za-z0-9_./:-]*( [A-Za-z0-9_./-]+)*$/.test(text) && !text.endsWith(':')
  if (isPlain && asYaml(text) === text) return text
  return `'${text.replaceAll("'", "''")}'`
}

function readings(field: Field, text: string): unknown[] {
  const words = text.trim().split(/\s+/)
  const isProgram = metaOf(field.schema).title === command.meta()?.title
  return [
    // First as it stands: YAML would take the space from the end of a prompt, and its # for a comment.
    text,
    asYaml(text),
    text.startsWith('file:') ? { file: text.slice('file:'.length) } : { env: text },
    isProgram ? words : text.split(/\s*;\s*/).filter(Boolean),
  ]
}

function asYaml(text: string): unknown {
  try {
    return parseYamlText(text) as unknown
  } catch {
    return undefined
  }
}

function fieldOf(key: string, schema: z.ZodType): Field {
  const inner = unwrapped(schema)
  const without = schema.safeParse(undefined)
  return {
    key,
    description: metaOf(schema).description,
    required: !without.success,
    fallback: without.success ? without.data : undefined,
    choices: inner instanceof z.ZodEnum ? inner.options.map(String) : undefined,
    askable: takesOneLine(inner),
    schema,
  }
}

function takesOneLine(schema: z.ZodType): boolean {
  if (schema instanceof z.ZodObject || schema instanceof z.ZodRecord) return false
  if (schema instanceof z.ZodArray) return takesOneLine(unwrapped(schema.element as z.ZodType))
  if (schema instanceof z.ZodUnion)
    return (
      schema.safeParse({ env: 'A' }).success || schema.options.some((one) => takesOneLine(one as z.ZodType))
    )
  return true
}

/** What is inside of `.optional()`, `.default()` and the like. */
function unwrapped(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
    ? unwrapped(schema.unwrap() as z.ZodType)
    : schema
}

/** What was said of a schema, or of what it wraps. */
function metaOf(schema: z.ZodType): { title?: string; description?: string; examples?: unknown[] } {
  const inner = unwrapped(schema)
  return { ...(inner === schema ? {} : inner.meta()), ...schema.meta() }
}

function literalOf(schema: z.ZodType | undefined): string | undefined {
  return schema instanceof z.ZodLiteral ? String(schema.value) : undefined
}
