import test from 'ava'
import { parsePattern, requiredLiterals } from './pattern.ts'

const literals = (source: string) =>
  requiredLiterals(parsePattern(source)).sort((left, right) => left.localeCompare(right))

test('a literal is its own requirement', (t) => {
  t.deepEqual(literals('kernel BUG at'), ['kernel BUG at'])
  t.deepEqual(literals('do not match :\\('), ['do not match :('])
})

test('the longest run around what varies is required', (t) => {
  t.deepEqual(literals('irq \\d+: nobody cared'), [': nobody cared'])
  t.deepEqual(literals('foo.*longest'), ['longest'])
})

test('alternatives, optional parts and small classes give all their strings', (t) => {
  t.deepEqual(literals('a(b|cd)e'), ['abe', 'acde'])
  t.deepEqual(literals('kexec(_file)?_load'), ['kexec_file_load', 'kexec_load'])
  t.deepEqual(literals('[Bb]ad'), ['bad', 'Bad'])
})

test('anchors and look-around stand for no characters', (t) => {
  t.deepEqual(literals('^\\bBUG: $'), ['BUG: '])
  t.deepEqual(literals('foo(?=bar)baz'), ['foobaz'])
})

test('nothing is required where an alternative requires nothing', (t) => {
  t.deepEqual(literals('abcdef|\\d+'), [])
  t.deepEqual(literals('(abcdef)*'), [])
  t.deepEqual(literals('(?i:abcdef)'), [])
  t.deepEqual(literals(''), [])
})

test('what is repeated at least once is required', (t) => {
  t.deepEqual(literals('(?:abc)+'), ['abc'])
  t.deepEqual(literals('(?:abc)+d'), ['abc'])
})

test('a syntax error tells where it is', (t) => {
  const error = t.throws(() => parsePattern('foo(bar'), { name: 'SyntaxError' }) as { index?: number }
  t.is(error.index, 7)
})
