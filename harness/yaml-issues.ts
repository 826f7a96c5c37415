/** Zod's issues in words: what was found, what is allowed, and the nearest right word. */
import { z } from 'zod'
import { didYouMean } from './nearest.ts'
import {
  type Path,
  type Problem,
  printable,
  rangeOfHolder,
  rangeOfKey,
  rangeOfValue,
  type YamlSource,
} from './yaml-source.ts'

type Issue = z.core.$ZodIssue
type JsonSchema = z.core.JSONSchema.JSONSchema
type Context = { source: YamlSource; root: JsonSchema; title: string; value: unknown }

/** One problem for each thing that zod found wrong with `value`, in the order of the text. */
export function describeIssues(
  source: YamlSource,
  schema: z.ZodType,
  value: unknown,
  issues: readonly Issue[],
): Problem[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', cycles: 'ref' })
  const context = { source, root, title: root.title ?? 'this file', value }
  return issues
    .flatMap((issue) => describe(context, issue, []))
    .sort((left, right) => left.start - right.start)
}

function describe(context: Context, issue: Issue, base: Path): Problem[] {
  const path = [...base, ...issue.path]
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(context, path, key))
  if (issue.code === 'invalid_union') {
    const branch = likelyBranch(issue.errors)
    if (branch !== undefined) return branch.flatMap((inner) => describe(context, inner, path))
  }
  if (issue.code === 'invalid_element') {
    return issue.issues.flatMap((inner) => describe(context, inner, [...path, issue.key as PropertyKey]))
  }
  if (issue.code === 'invalid_key') {
    const reasons = issue.issues.map((inner) => inner.message).join('; ')
    const range = rangeOfHolder(context.source, path)
    return [{ ...range, message: `${place(context, path)}: this key is not allowed: ${reasons}` }]
  }
  const found = valueAt(context.value, path)
  if (found === undefined && issue.code !== 'custom') return [missingKey(context, path)]
  const range = rangeOfValue(context.source, path)
  if (issue.code === 'custom') return [{ ...range, message: `${place(context, path)}: ${issue.message}` }]
  return [{ ...range, message: wrongValue(context, path, issue, found) }]
}

function unknownKey(context: Context, path: Path, key: string): Problem {
  const allowed = Object.keys(propertiesAt(context, path))
  const known = didYouMean(key, allowed)
  const takes = allowed.length === 0 ? '' : `; it takes ${listed(allowed)}`
  return {
    ...rangeOfKey(context.source, path, key),
    message: `unknown key ${quoted(key)} in ${place(context, path)}${known === '' ? takes : known}`,
  }
}

function missingKey(context: Context, path: Path): Problem {
  const holder = path.slice(0, -1)
  const key = String(path.at(-1) ?? '')
  const allowed = allowedAt(context, path)
  return {
    ...rangeOfHolder(context.source, holder),
    message: `missing key ${quoted(key)} in ${place(context, holder)}${allowed === '' ? '' : `; it takes ${allowed}`}`,
  }
}

function wrongValue(context: Context, path: Path, issue: Issue, found: unknown): string {
  const choices = choicesAt(context, path)
  const near = typeof found === 'string' ? didYouMean(found, choices) : ''
  const allowed = allowedAt(context, path) || issue.message
  return `${place(context, path)}: found ${describeValue(found)}, expected ${allowed}${near}`
}

/** The branch of a union that the author meant: the one whose shape fits and that fails only further in. */
function likelyBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = branches.filter((issues) => !issues.some(isMismatch))
  if (fitting.length === 0) return undefined
  return fitting.reduce((best, issues) => (issues.length < best.length ? issues : best))
}

/** True when the whole value, or a literal that names its kind, is not what the branch is for. */
function isMismatch(issue: Issue): boolean {
  if (issue.code === 'invalid_value') return issue.path.length <= 1 && issue.values.length === 1
  return issue.path.length === 0 && issue.code === 'invalid_type'
}

/** `stages[1].login`, or the schema's own name for the whole file. */
function place(context: Context, path: Path): string {
  if (path.length === 0) return context.title
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${printable(String(step))}`,
    )
    .join('')
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (current, step) =>
      current !== null && typeof current === 'object' && Object.hasOwn(current, step)
        ? (current as Record<PropertyKey, unknown>)[step]
        : undefined,
    value,
  )
}

/** The branches that the schema has at `path`, with unions opened and narrowed by the value that stands there. */
function schemasAt(context: Context, path: Path): JsonSchema[] {
  let schemas = branchesOf(context.root, context.root)
  for (const [index, step] of path.entries()) {
    const value = valueAt(context.value, path.slice(0, index))
    schemas = narrowed(schemas, value).flatMap((schema) => {
      const next = typeof step === 'number' ? itemOf(schema, step) : propertyOf(schema, step)
      return next === undefined ? [] : branchesOf(context.root, next)
    })
  }
  return schemas
}

function branchesOf(root: JsonSchema, schema: JsonSchema): JsonSchema[] {
  if (schema.$ref !== undefined) {
    if (schema.$ref === '#') return [root]
    const name = schema.$ref.replace('#/$defs/', '')
    const target = root.$defs?.[name]
    return target === undefined ? [] : branchesOf(root, target)
  }
  const branches = schema.anyOf ?? schema.oneOf
  // A schema with examples says by itself what it takes.
  return branches === undefined || schema.examples !== undefined
    ? [schema]
    : branches.flatMap((branch) => branchesOf(root, asSchema(branch)))
}

/** Keeps the branches whose literals (`type: qemu`) agree with the value, or all when none does. */
function narrowed(schemas: JsonSchema[], value: unknown): JsonSchema[] {
  if (value === null || typeof value !== 'object') return schemas
  const agreeing = schemas.filter((schema) =>
    Object.entries(schema.properties ?? {}).every(([key, property]) => {
      const literal = asSchema(property).const
      return literal === undefined || literal === (value as Record<string, unknown>)[key]
    }),
  )
  return agreeing.length === 0 ? schemas : agreeing
}

function itemOf(schema: JsonSchema, index: number): JsonSchema | undefined {
  const fixed = schema.prefixItems?.[index]
  const item = fixed ?? (Array.isArray(schema.items) ? schema.items[index] : schema.items)
  return item === undefined ? undefined : asSchema(item)
}

function propertyOf(schema: JsonSchema, key: PropertyKey): JsonSchema | undefined {
  const property = schema.properties?.[String(key)] ?? schema.additionalProperties
  return property === undefined ? undefined : asSchema(property)
}

function asSchema(schema: JsonSchema | boolean): JsonSchema {
  return typeof schema === 'boolean' ? {} : schema
}

function propertiesAt(context: Context, path: Path): Record<string, unknown> {
  const schemas = narrowed(schemasAt(context, path), valueAt(context.value, path))
  return Object.assign({}, ...schemas.map((schema) => schema.properties ?? {}))
}

function choicesAt(context: Context, path: Path): string[] {
  return schemasAt(context, path)
    .flatMap((schema) => (schema.const === undefined ? (schema.enum ?? []) : [schema.const]))
    .filter((choice) => typeof choice === 'string')
}

function allowedAt(context: Context, path: Path): string {
  const schemas = schemasAt(context, path)
  return (
    allowedKinds(schemas) ?? [...new Set(schemas.map(allowed))].filter((text) => text !== '').join(' or ')
  )
}

/** For mappings that a literal tells apart: the kinds there are, rather than the keys of each. */
function allowedKinds(schemas: readonly JsonSchema[]): string | undefined {
  const kinds = schemas.map((schema) => asSchema(schema.properties?.type ?? {}).const)
  if (kinds.length === 0 || kinds.includes(undefined)) return undefined
  return `a mapping whose "type" is ${listed(kinds.map(describeLiteral), 'or')}`
}

/** What a schema allows, in words. */
function allowed(schema: JsonSchema): string {
  if (schema.const !== undefined) return describeLiteral(schema.const)
  if (schema.enum !== undefined) return listed(schema.enum.map(describeLiteral), 'or')
  if (schema.examples !== undefined && schema.examples.length > 0) {
    return `${schema.title ?? typeName(schema) ?? 'a value'} such as ${schema.examples.map(describeLiteral).join(', ')}`
  }
  if (schema.title !== undefined && schema.type !== 'object') return schema.title
  if (schema.type === 'number' || schema.type === 'integer') return allowedNumber(schema)
  if (schema.type === 'string') return allowedString(schema)
  if (schema.type === 'array' && schema.items !== undefined && !Array.isArray(schema.items)) {
    const item = allowed(asSchema(schema.items))
    const least = schema.minItems === undefined ? '' : ` of at least ${schema.minItems}`
    return item === '' ? `a list${least}` : `a list${least}, each item ${item}`
  }
  if (schema.type === 'object' && schema.properties !== undefined) {
    return `a mapping with the keys ${listed(Object.keys(schema.properties))}`
  }
  return typeName(schema) ?? ''
}

function allowedNumber(schema: JsonSchema): string {
  const name = typeName(schema) ?? 'a number'
  const bounds = [
    ...(schema.minimum === undefined || schema.minimum <= Number.MIN_SAFE_INTEGER
      ? []
      : [`at least ${schema.minimum}`]),
    ...(schema.exclusiveMinimum === undefined ? [] : [`more than ${schema.exclusiveMinimum}`]),
    ...(schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER
      ? []
      : [`at most ${schema.maximum}`]),
    ...(schema.exclusiveMaximum === undefined ? [] : [`less than ${schema.exclusiveMaximum}`]),
  ]
  return bounds.length === 0 ? name : `${name}, ${bounds.join(', ')}`
}

function allowedString(schema: JsonSchema): string {
  const bounds = [
    ...(schema.minLength === undefined ? [] : [`at least ${schema.minLength} characters`]),
    ...(schema.maxLength === undefined ? [] : [`at most ${schema.maxLength} characters`]),
    ...(schema.format === undefined ? [] : [`in the format ${schema.format}`]),
    ...(schema.pattern === undefined ? [] : [`matching /${schema.pattern}/`]),
  ]
  return ['a string', ...bounds].join(', ')
}

function typeName(schema: JsonSchema): string | undefined {
  return (
    [schema.type ?? '']
      .flat()
      .flatMap((type) => typeNames[type] ?? [])
      .join(' or ') || undefined
  )
}

const typeNames: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  null: 'nothing (null)',
}

function describeLiteral(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : String(value)
}

/** A found value with its type, short enough for one line. */
function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing (null)'
  if (typeof value === 'string') return `${quoted(value)} (string)`
  if (typeof value === 'number' || typeof value === 'bigint') return `${value} (number)`
  if (typeof value === 'boolean') return `${value} (boolean)`
  if (Array.isArray(value)) return `a list of ${value.length}`
  const keys = Object.keys(value)
  if (keys.length === 0) return 'an empty mapping'
  return `a mapping with ${listed(keys.slice(0, 5).map(quoted))}${keys.length > 5 ? ', …' : ''}`
}

function quoted(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return `"${printable(shown)}"`
}

function listed(words: readonly string[], last = 'and'): string {
  if (words.length < 2) return words.join('')
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`
}
