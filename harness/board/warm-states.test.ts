import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { WarmStates } from './warm-states.ts'

const lines = [
  { text: 'Linux version 6.1', atNs: 17n, cut: false },
  { text: 'long', atNs: 18n, cut: true },
]
const save = (content: string) => async (file: string) => await writeFile(file, content)

function setUp(t: ExecutionContext) {
  const cache = mkdtempSync(join(tmpdir(), 'kexec-warm-'))
  t.teardown(() => rmSync(cache, { recursive: true }))
  return { cache, states: new WarmStates(cache) }
}

test('what was kept is found again, with what the cold boot said, until it is discarded', async (t) => {
  const { states } = setUp(t)
  t.is(await states.find('a'), undefined)
  await states.keep('a', lines, save('first'))
  await states.keep('a', lines, save('second'))
  const found = (await states.find('a'))!
  t.is(await readFile(found.state, 'utf8'), 'second')
  t.deepEqual(
    found.lines.map(({ text, cut }) => ({ text, cut })),
    lines.map(({ text, cut }) => ({ text, cut })),
  )
  await states.discard('a')
  t.is(await states.find('a'), undefined)
  await t.notThrowsAsync(states.discard('a'))
})

test('a state that was not saved whole, or that somebody spoilt, is none', async (t) => {
  const { states, cache } = setUp(t)
  const broken = states.keep('a', lines, async (file) => {
    await writeFile(file, 'half')
    throw new Error('QEMU ended')
  })
  await t.throwsAsync(broken, { message: 'QEMU ended' })
  t.is(await states.find('a'), undefined)
  await states.keep('b', lines, save('b'))
  writeFileSync(join(cache, 'warm', 'b', 'console.json'), '[{"text":')
  t.is(await states.find('b'), undefined)
  await states.keep('c', lines, save('c'))
  rmSync(join(cache, 'warm', 'c', 'state'))
  t.is(await states.find('c'), undefined)
})

test('those that were used last stay', async (t) => {
  const { states, cache } = setUp(t)
  for (let number = 1; number <= 12; number++) {
    await states.keep(`s${number}`, lines, save('x'))
    utimesSync(join(cache, 'warm', `s${number}`), number, number)
  }
  await states.find('s1')
  await states.keep('new', lines, save('x'))
  const left = readdirSync(join(cache, 'warm'))
  t.is(left.length, 12)
  t.false(left.includes('s2'))
  t.true(left.includes('s1') && left.includes('new'))
})
