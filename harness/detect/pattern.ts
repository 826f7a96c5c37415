/** What can be read off a signature's regular expression without running it. */
import { type AST, RegExpParser } from '@eslint-community/regexpp'

/** Alternatives that are followed in full; beyond that the shorter pieces of a pattern are used. */
const maxStrings = 16
/** A longer literal is no better: what counts is that it is rare. */
const longEnough = 12

/** Parses a JavaScript regular expression without flags. Throws RegExpSyntaxError, whose `index` counts characters. */
export function parsePattern(source: string): AST.Pattern {
  return new RegExpParser().parsePattern(source, undefined, undefined, { unicode: false })
}

/**
 * Strings of which each text that the pattern matches contains at least one; empty where the pattern has no such
 * strings. A prefilter looks for these before it tries the pattern.
 */
export function requiredLiterals(pattern: AST.Pattern): string[] {
  return needOfAlternatives(pattern.alternatives).required
}

/** `exact`: every string that a node can match, where they are few. `required`: as in requiredLiterals(). */
type Need = { exact: string[] | undefined; required: string[] }

const anything: Need = { exact: undefined, required: [] }
const nothing: Need = { exact: [''], required: [] }

function needOfAlternatives(alternatives: readonly AST.Alternative[]): Need {
  const needs = alternatives.map((alternative) => needOfSequence(alternative.elements))
  const exact = union(needs.map((need) => need.exact))
  const everyOneHasSome = needs.every((need) => need.required.length > 0)
  return { exact, required: everyOneHasSome ? [...new Set(needs.flatMap((need) => need.required))] : [] }
}

function union(sets: readonly (string[] | undefined)[]): string[] | undefined {
  if (sets.includes(undefined)) return undefined
  const strings = [...new Set(sets.flatMap((set) => set!))]
  return strings.length > maxStrings ? undefined : strings
}

function needOfSequence(elements: readonly AST.Element[]): Need {
  const candidates: string[][] = []
  let run = ['']
  let whole = true
  for (const element of elements) {
    const { exact, required } = needOf(element)
    const longer = exact && run.flatMap((start) => exact.map((end) => start + end))
    if (longer && longer.length <= maxStrings) {
      run = longer
      continue
    }
    whole = false
    candidates.push(run, required)
    run = exact ?? ['']
  }
  candidates.push(run)
  return { exact: whole ? run : undefined, required: best(candidates) }
}

function best(candidates: readonly string[][]): string[] {
  const rank = (strings: string[]) =>
    strings.length === 0 ? 0 : Math.min(longEnough, ...strings.map((string) => string.length))
  return candidates
    .filter((strings) => rank(strings) > 0)
    .reduce<string[]>((found, strings) => {
      const gain = rank(strings) - rank(found)
      return gain > 0 || (gain === 0 && strings.length < found.length) ? strings : found
    }, [])
}

function needOf(node: AST.Element): Need {
  switch (node.type) {
    case 'Character':
      return literal(String.fromCharCode(node.value))
    case 'CharacterClass':
      return needOfClass(node)
    case 'Quantifier':
      return needOfQuantifier(node)
    case 'CapturingGroup':
      return needOfAlternatives(node.alternatives)
    case 'Group':
      // `(?i:…)` changes what a letter matches.
      return node.modifiers ? anything : needOfAlternatives(node.alternatives)
    case 'Assertion':
      return nothing
    default:
      return anything
  }
}

function literal(text: string): Need {
  return { exact: [text], required: [text] }
}

function needOfClass(node: AST.CharacterClass): Need {
  if (node.negate) return anything
  const characters = new Set<string>()
  for (const element of node.elements) {
    if (element.type === 'Character') characters.add(String.fromCharCode(element.value))
    else if (element.type === 'CharacterClassRange' && element.max.value - element.min.value < maxStrings) {
      for (let code = element.min.value; code <= element.max.value; code++) {
        characters.add(String.fromCharCode(code))
      }
    } else return anything
  }
  const exact = [...characters]
  return exact.length > maxStrings ? anything : { exact, required: exact }
}

function needOfQuantifier(node: AST.Quantifier): Need {
  const { exact, required } = needOf(node.element as AST.Element)
  if (node.min === 1 && node.max === 1) return { exact, required }
  if (node.min > 0) return { exact: undefined, required }
  if (node.max === 1 && exact) return { exact: [...new Set(['', ...exact])], required: [] }
  return anything
}
