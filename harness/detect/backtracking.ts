/** Refuses patterns that a hostile console could use to stop the harness: those that backtrack catastrophically. */
import vm from 'node:vm'
import type { AST } from '@eslint-community/regexpp'

/** Length of a probe. Cubic patterns need over a second for it, quadratic ones milliseconds. */
const probeLength = 2048
const budgetMs = 1000
const maxSamples = 8
/** A bound from which on a quantifier counts as unbounded. */
const manyTimes = 10
/** Characters that tell classes apart, beside those that the pattern itself names. */
const commonCharacters = ['a', 'Z', '0', ' ', '_', '-', '.', ':', '\t', '\u00e9']
/** What follows a pumped string so that the match fails as late as it can. */
const endings = ['', '\u0001\u0001']

/**
 * True when some text of 2048 characters keeps the pattern busy for more than a second. The texts are made of what the
 * pattern's own quantifiers and literals match, repeated. A pattern that repeats one character class
 * is at worst quadratic and not tried.
 */
export function backtracksCatastrophically(pattern: AST.Pattern): boolean {
  const found = inspect(pattern)
  if (found.pumps.length < 2 && !found.repeatsGroup && !found.hasBackreference) return false
  return overBudget(new RegExp(pattern.raw), probesOf(found))
}

type Found = {
  /** What each quantifier repeats, and a text that leads to it. */
  pumps: { lead: string; samples: string[] }[]
  literals: Set<string>
  characters: Set<string>
  /** Whether more than a character is repeated, which can be ambiguous by itself. */
  repeatsGroup: boolean
  hasBackreference: boolean
  text: string
}

function overBudget(regex: RegExp, probes: string[]): boolean {
  // A regular expression can't be interrupted from its own thread but by the engine's own watchdog, which vm exposes.
  const script = new vm.Script('for (const probe of probes) regex.test(probe)')
  try {
    script.runInContext(vm.createContext({ regex, probes }), { timeout: budgetMs })
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return true
    throw error
  }
}

function probesOf(found: Found): string[] {
  const shared = [...found.literals, found.text].filter((text) => text !== '')
  const probes = found.pumps.flatMap(({ lead, samples }) =>
    [...samples, ...shared].flatMap((pump) =>
      endings.map((ending) => lead + pump.repeat(Math.ceil(probeLength / pump.length)) + ending),
    ),
  )
  return [...new Set(probes)]
}

function inspect(pattern: AST.Pattern): Found {
  const found: Found = {
    pumps: [],
    literals: new Set(),
    characters: new Set(commonCharacters),
    repeatsGroup: false,
    hasBackreference: false,
    text: '',
  }
  collectCharacters(pattern.alternatives, found)
  found.text = samplesOfAlternatives(pattern.alternatives, found)[0] ?? ''
  collectPumps(pattern.alternatives, '', found)
  return found
}

function collectCharacters(alternatives: readonly AST.Alternative[], found: Found): void {
  for (const { elements } of alternatives) {
    let run = ''
    for (const element of elements) {
      if (element.type === 'Character') run += String.fromCharCode(element.value)
      else {
        found.literals.add(run)
        run = ''
      }
      if (element.type === 'Character') found.characters.add(String.fromCharCode(element.value))
      if (element.type === 'Backreference') found.hasBackreference = true
      const inner = element.type === 'Quantifier' ? element.element : element
      if ('alternatives' in inner) collectCharacters(inner.alternatives, found)
      if (inner.type === 'CharacterClass') collectClass(inner, found)
    }
    found.literals.add(run)
  }
}

function collectClass(node: AST.CharacterClass, found: Found): void {
  for (const element of node.elements) {
    if (element.type === 'Character') found.characters.add(String.fromCharCode(element.value))
    if (element.type === 'CharacterClassRange') {
      found.characters.add(String.fromCharCode(element.min.value)).add(String.fromCharCode(element.max.value))
    }
  }
}

function collectPumps(alternatives: readonly AST.Alternative[], before: string, found: Found): void {
  for (const { elements } of alternatives) {
    let lead = before
    for (const element of elements) {
      const inner = element.type === 'Quantifier' ? element.element : element
      if (element.type === 'Quantifier' && element.max >= manyTimes) {
        const samples = samplesOf(inner as AST.Element, found).filter((sample) => sample !== '')
        found.pumps.push({ lead, samples })
        found.repeatsGroup ||= 'alternatives' in inner
      }
      if ('alternatives' in inner) collectPumps(inner.alternatives, lead, found)
      lead += samplesOf(element, found)[0] ?? ''
    }
  }
}

/** A few texts that an element matches. */
function samplesOf(element: AST.Element, found: Found): string[] {
  switch (element.type) {
    case 'Character':
      return [String.fromCharCode(element.value)]
    case 'Quantifier': {
      const times = Math.max(1, Math.min(element.min, manyTimes))
      return samplesOf(element.element as AST.Element, found).map((sample) => sample.repeat(times))
    }
    case 'CapturingGroup':
    case 'Group':
      return samplesOfAlternatives(element.alternatives, found)
    case 'Assertion':
    case 'Backreference':
      return ['']
    default: {
      const one = new RegExp(`^${element.raw}$`)
      const matching = [...found.characters].filter((character) => one.test(character))
      return matching.slice(0, maxSamples)
    }
  }
}

function samplesOfAlternatives(alternatives: readonly AST.Alternative[], found: Found): string[] {
  const samples = alternatives.flatMap(({ elements }) =>
    elements.reduce<string[]>((starts, element) => combine(starts, samplesOf(element, found)), ['']),
  )
  return [...new Set(samples)].slice(0, maxSamples)
}

/** Pairs of both lists, each item of either at least once, so that no variant is lost to the limit. */
function combine(starts: string[], ends: string[]): string[] {
  if (ends.length === 0) return starts
  const length = Math.min(maxSamples, Math.max(starts.length, ends.length))
  return Array.from({ length }, (_, i) => starts[i % starts.length]! + ends[i % ends.length]!)
}
