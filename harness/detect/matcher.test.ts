import test from 'ava'
import { LineSplitter } from '../console/lines.ts'
import { loadCatalogue } from './catalogue.ts'
import { createMatcher } from './matcher.ts'
import { parsePattern, requiredLiterals } from './pattern.ts'
import type { Signature } from './signature.ts'

const signatures = await loadCatalogue()
const matcher = createMatcher(signatures)

/** Numbers from 0 to 1, the same in each run. Source: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const random = randomFrom(1)
const below = (end: number) => Math.floor(random() * end)
const oneOf = <T>(items: readonly T[]) => items[below(items.length)]!

function withEveryRegex(text: string): readonly Signature[] {
  return signatures.filter(({ pattern }) => new RegExp(pattern).test(text))
}

/** Lines that nearly match: examples and literals, cut, joined, repeated and damaged. */
function adversarialLine(): string {
  const piece = () => {
    const { example, pattern } = oneOf(signatures)
    const text = random() < 0.5 ? example : oneOf(requiredLiterals(parsePattern(pattern)))
    const from = random() < 0.6 ? 0 : below(text.length)
    const to = random() < 0.6 ? text.length : from + below(text.length - from + 1)
    return text.slice(from, to)
  }
  let line = Array.from({ length: 1 + below(5) }, piece).join(oneOf(['', ' ', ': ', '\t', 'é', '\u0001']))
  if (random() < 0.2) {
    const at = below(line.length + 1)
    line = line.slice(0, at) + oneOf(['\u0000', '�', 'Ā', '😀', '\r', 'x']) + line.slice(at)
  }
  return line
}

function randomLine(): string {
  return Array.from({ length: below(120) }, () => String.fromCharCode(below(random() < 0.9 ? 128 : 0x3000)))
    .join('')
    .replaceAll('\n', ' ')
}

test('the catalogue has sixty or more signatures, each found on its own example', (t) => {
  t.true(signatures.length >= 60)
  for (const signature of signatures) {
    t.true(matcher.match(signature.example).includes(signature), signature.id)
    const inside = `\u0000 noise ${signature.example} more noise`
    t.true(matcher.match(inside).includes(signature), `${signature.id} in the middle of a line`)
  }
})

test('finds exactly what trying every pattern on the line finds', (t) => {
  let found = 0
  for (let i = 0; i < 20_000; i++) {
    const line = i % 4 === 0 ? randomLine() : adversarialLine()
    const expected = withEveryRegex(line)
    found += expected.length
    t.deepEqual(
      matcher.match(line).map(({ id }) => id),
      expected.map(({ id }) => id),
      JSON.stringify(line),
    )
  }
  t.true(found > 5000, 'the lines must hit often enough to mean something')
})

test('finds the same however the bytes were cut into chunks', (t) => {
  const texts = Array.from({ length: 3000 }, () => adversarialLine().replace(/[\r\n]+/g, ' '))
  const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
  const splitter = new LineSplitter()
  const lines: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + below(64)
    lines.push(...splitter.push(bytes.subarray(at, end), 0n).map(({ text }) => text))
    at = end
  }
  t.is(lines.length, texts.length)
  for (const [index, line] of lines.entries()) {
    const expected = withEveryRegex(texts[index]!)
    t.deepEqual(matcher.match(line), expected, JSON.stringify(line))
  }
})

test('every literal that a pattern requires is in each text that it matches', (t) => {
  for (const { id, pattern, example } of signatures) {
    const literals = requiredLiterals(parsePattern(pattern))
    t.true(
      literals.some((literal) => example.includes(literal)),
      id,
    )
  }
})

test('a matcher of no signatures matches nothing', (t) => {
  t.deepEqual(createMatcher([]).match('Kernel panic - not syncing'), [])
})

test('takes lines that are empty, long, or full of odd bytes', (t) => {
  t.deepEqual(matcher.match(''), [])
  const long = `${'BUG'.repeat(500_000)}: Kernel panic - not syncing: x${'\u0000'.repeat(100_000)}`
  t.deepEqual(
    matcher.match(long).map(({ id }) => id),
    ['kernel-panic'],
  )
  const invalid = Buffer.from([
    0xff,
    0xfe,
    0xc3,
    0x28,
    ...Buffer.from('BUG: bad'),
    0xed,
    0xa0,
    0x80,
  ]).toString('utf8')
  t.deepEqual(
    matcher.match(invalid).map(({ id }) => id),
    ['bug'],
  )
})
